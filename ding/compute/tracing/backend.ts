import type { DataId, DataType, KernelFunc, Tensor, TensorInfo } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorSpec, TypedArray } from '../../utils/index.js'
import { CompileError, UsageError } from '../../utils/index.js'
import type { KernelRule } from '../kernels/index.js'
import { KERNELS } from '../kernels/index.js'
import type { Value } from './graph.js'
import { authorsPlace } from './place.js'
import type { Recorder } from './recorder.js'
import { programDType } from './recorder.js'

/** Name of the tfjs backend that records instead of computing. */
export const TRACE_BACKEND = 'ding_trace'

/** What a data id stands for, and in which trace: ids of values begin anew in every recorder. */
interface Named {
  readonly value: Value
  readonly recorder: Recorder | undefined
}

/** A tfjs backend that holds no numbers: tensors are names of values in the recorder at work. */
class TraceBackend extends tf.KernelBackend {
  recorder: Recorder | undefined
  /** Entries vanish with their tensors: a data id is an object that only its tensors hold. */
  readonly #values = new WeakMap<object, Named>()

  /** The data id of a new tensor that stands for `value`. */
  name(value: Value): object {
    const dataId = {}
    this.#values.set(dataId, { value, recorder: this.recorder })
    return dataId
  }

  lookUp(dataId: object): Named | undefined {
    return this.#values.get(dataId)
  }

  /** tfjs calls this for every tensor made from numbers: they become constants of the program. */
  override write(values: tf.BackendValues, shape: number[], dtype: DataType): DataId {
    if (this.recorder === undefined) {
      throw new UsageError(
        'A tensor was made outside every program, but no tfjs backend is loaded to hold it. ' +
          "Import '@tensorflow/tfjs-backend-cpu' and call tf.setBackend('cpu'), or make it inside the program.",
      )
    }
    return this.name(
      this.recorder.constant({ dtype: programDType(dtype), shape: [...shape] }, values as TypedArray),
    )
  }

  override readSync(dataId: object): tf.BackendValues {
    const error = this.#readError(dataId)
    throw error
  }

  /** Fails late: the promise would be rejected where nobody can see it, so the trace reports it at its end. */
  override read(dataId: object): Promise<tf.BackendValues> {
    if (this.recorder !== undefined) this.recorder.failure ??= this.#readError(dataId)
    return new Promise(() => {})
  }

  override numDataIds(): number {
    return 0
  }

  override disposeData(): boolean {
    return true
  }

  override incRef(): void {}

  override floatPrecision(): 16 | 32 {
    return 32
  }

  override epsilon(): number {
    return 1e-7
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true }
  }

  override dispose(): void {}

  #readError(dataId: object): CompileError {
    const spec = this.#values.get(dataId)?.value.spec
    const what = spec === undefined ? 'a tensor' : `a ${described(spec)}`
    return new CompileError(
      `Program "${this.recorder?.program ?? '?'}": the function reads the value of ${what}${authorsPlace(new Error().stack)}, ` +
        'but while a program is compiled its tensors have no values. Do without dataSync, data, array and print: choose ' +
        "between tensors with tf.where, return what the host must see, or set policy.runtime to 'eager'.",
    )
  }
}

let backend: TraceBackend | undefined

/** The backend, registered with tfjs on first use together with a recording kernel for each row of the kernel table. */
export function traceBackend(): TraceBackend {
  if (backend !== undefined) return backend
  const made = new TraceBackend()
  if (tf.engine().backendNames().includes(TRACE_BACKEND)) tf.removeBackend(TRACE_BACKEND)
  tf.registerBackend(TRACE_BACKEND, () => made, 0)
  for (const rule of KERNELS.values()) {
    if (tf.getKernel(rule.kernel, TRACE_BACKEND) !== undefined)
      tf.unregisterKernel(rule.kernel, TRACE_BACKEND)
    tf.registerKernel({
      kernelName: rule.kernel,
      backendName: TRACE_BACKEND,
      kernelFunc: recordingKernel(made, rule),
    })
  }
  backend = made
  return made
}

/** A tensor that stands for a value of the recorder at work. */
export function symbolic(backend: TraceBackend, value: Value): Tensor {
  const dtype = programDType(value.spec.dtype)
  const info: TensorInfo = { dataId: backend.name(value), shape: [...value.spec.shape], dtype }
  return tf.engine().makeTensorFromTensorInfo(info, backend)
}

/**
 * The value that a tensor stands for. Tensors made outside the program become constants, and so do constants of another trace.
 * @throws CompileError for a tf.Variable, and for what another trace computed.
 */
export function valueOfTensor(backend: TraceBackend, recorder: Recorder, tensor: TensorInfo): Value {
  const known = backend.lookUp(tensor.dataId)
  if (known !== undefined) {
    return known.recorder === recorder ? known.value : adopted(recorder, known.value)
  }
  if (tensor instanceof tf.Variable) {
    throw new CompileError(
      `Program "${recorder.program}" uses the tf.Variable "${tensor.name}", whose value would be fixed at compilation. ` +
        'Use a Parameter, or pass the value as an input.',
    )
  }
  const values = tf.engine().readSync(tensor.dataId) as TypedArray
  return recorder.constant({ dtype: programDType(tensor.dtype), shape: [...tensor.shape] }, values.slice())
}

/** A value of another trace in this one. */
function adopted(recorder: Recorder, { spec, origin }: Value): Value {
  if (origin.kind === 'constant') return recorder.constant(spec, origin.data)
  if (origin.kind === 'uniform') return recorder.uniform(spec, origin.number)
  throw new CompileError(
    `Program "${recorder.program}" uses a ${described(spec)}${authorsPlace(new Error().stack)}, which was made in another ` +
      'trace: of another program, or of this one for inputs of other shapes. Make it anew inside the function instead of ' +
      'keeping it; what is to last from run to run belongs in a Parameter.',
  )
}

function described({ dtype, shape }: TensorSpec): string {
  return `tensor of dtype ${dtype} and shape [${shape}]`
}

function recordingKernel(backend: TraceBackend, rule: KernelRule): KernelFunc {
  return ({ inputs, attrs }) => {
    const { recorder } = backend
    if (recorder === undefined)
      throw new UsageError(`Kernel ${rule.kernel} was called on the tracing backend outside a trace.`)
    const values: Record<string, Value> = {}
    for (const [name, tensor] of Object.entries(inputs)) {
      if (tensor !== undefined && tensor !== null)
        values[name] = valueOfTensor(backend, recorder, tensor as TensorInfo)
    }
    const outputs = recorder.call(rule, values, attrs ?? {})
    const infos = outputs.map(
      (value): TensorInfo => ({
        dataId: backend.name(value),
        shape: [...value.spec.shape],
        dtype: programDType(value.spec.dtype),
      }),
    )
    return rule.list === true || infos.length !== 1 ? infos : infos[0]!
  }
}

export type { TraceBackend }
