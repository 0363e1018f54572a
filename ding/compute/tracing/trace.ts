import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { CompileError, DingError, didYouMean } from '../../utils/index.js'
import { drawShape } from '../draws.js'
import type { TensorSource } from '../function_scope.js'
import { FunctionScope } from '../function_scope.js'
import { KERNELS } from '../kernels/index.js'
import type { Parameter } from '../parameter.js'
import { withBackend } from '../runtime/tfjs_backend.js'
import type { Draw } from '../scope.js'
import { drawDType, withScope } from '../scope.js'
import { mapTree, Slot } from '../tree.js'
import type { TraceBackend } from './backend.js'
import { symbolic, TRACE_BACKEND, traceBackend, valueOfTensor } from './backend.js'
import type { Trace } from './graph.js'
import { authorsPlace, STACK_FRAMES } from './place.js'
import { Recorder } from './recorder.js'

/** Tells a tensor spec (a host tensor is one) from a branch of a tree. */
export function isTensorSpec(value: unknown): value is TensorSpec {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'shape' in value &&
    Array.isArray(value.shape)
  )
}

/**
 * Runs a program's function once on tensors without numbers and writes down what it does.
 * @param inputs the input tree, with a spec or a host tensor at each leaf; only shapes and dtypes are looked at
 * @throws CompileError naming the place when the function reads a value, uses a kernel that the table lacks, draws from
 *   Math.random, or is asynchronous
 */
export function traceFunction(name: string, fn: (inputs: unknown) => unknown, inputs: unknown): Trace {
  const backend = traceBackend()
  const recorder = new Recorder(name)
  const frames = Error.stackTraceLimit
  const { random } = Math
  Error.stackTraceLimit = STACK_FRAMES
  Math.random = () => refuseRandom(name)
  backend.recorder = recorder
  try {
    return withBackend(TRACE_BACKEND, () => {
      let trace: Trace | undefined
      tf.tidy(() => {
        trace = record(backend, recorder, fn, inputs)
      })
      if (recorder.failure !== undefined) throw recorder.failure
      return trace!
    })
  } catch (cause) {
    throw explain(cause, name)
  } finally {
    backend.recorder = undefined
    Math.random = random
    Error.stackTraceLimit = frames
  }
}

function record(
  backend: TraceBackend,
  recorder: Recorder,
  fn: (inputs: unknown) => unknown,
  tree: unknown,
): Trace {
  const source = new SymbolSource(backend, recorder)
  const scope = new FunctionScope(source)
  const program = `Program "${recorder.program}"`
  const lookUp = (tensor: Tensor) => valueOfTensor(backend, recorder, tensor)
  try {
    const symbols = mapTree(
      tree,
      isTensorSpec,
      (spec, path) => source.input(spec, path),
      `${program}, inputs`,
    )
    const result = withScope(scope, () => fn(symbols))
    if (result instanceof Promise) {
      throw new CompileError(
        `${program}: the function is asynchronous. Programs compute tensors from tensors, at once.`,
      )
    }
    const results: Trace['results'][number][] = []
    const toSlot = (tensor: Tensor, path: string) =>
      new Slot(results.push({ path, value: lookUp(tensor) }) - 1)
    const resultForm = mapTree(result, isTensor, toSlot, `${program}, results`)
    const gradients = [...scope.gradients].map(([parameter, tensor]) => ({
      parameter,
      value: tensor === undefined ? undefined : lookUp(tensor),
    }))
    const assigned = [...scope.assigned].map(([parameter, tensor]) => ({ parameter, value: lookUp(tensor) }))
    const { inputs, parameters, draws } = source
    const { program: name, kernels } = recorder
    return { program: name, inputs, parameters, draws, resultForm, results, gradients, assigned, kernels }
  } finally {
    scope.dispose()
  }
}

/** Makes the tensors that a trace begins with, and keeps the list of them. */
class SymbolSource implements TensorSource {
  readonly inputs: Trace['inputs'][number][] = []
  readonly parameters: Trace['parameters'][number][] = []
  readonly draws: Trace['draws'][number][] = []

  constructor(
    readonly backend: TraceBackend,
    readonly recorder: Recorder,
  ) {}

  input({ dtype, shape }: TensorSpec, path: string): Tensor {
    // uint8 is a storage type: the program reads it as int32.
    const spec: TensorSpec = { dtype: dtype === 'uint8' ? 'int32' : dtype, shape: [...shape] }
    const value = this.recorder.value(spec, { kind: 'input', index: this.inputs.length })
    this.inputs.push({ path, value })
    return symbolic(this.backend, value)
  }

  parameter(parameter: Parameter): Tensor {
    const value = this.recorder.value(
      { dtype: 'float32', shape: parameter.shape },
      { kind: 'parameter', parameter },
    )
    this.parameters.push({ parameter, value })
    return symbolic(this.backend, value)
  }

  draw(draw: Draw): Tensor {
    const spec: TensorSpec = { dtype: drawDType(draw), shape: drawShape(draw) }
    const value = this.recorder.value(spec, { kind: 'draw', index: this.draws.length })
    this.draws.push({ draw, value })
    return symbolic(this.backend, value)
  }
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof tf.Tensor
}

function refuseRandom(program: string): never {
  throw new CompileError(
    `Program "${program}" calls Math.random${authorsPlace(new Error().stack)}, perhaps through tf.randomNormal, ` +
      'tf.randomUniform or tf.dropout. The numbers would be fixed at compilation: use random.normal, random.uniform etc. ' +
      "of ding's compute instead.",
  )
}

/** Adds program and place to whatever stopped a trace. */
function explain(cause: unknown, program: string): unknown {
  if (!(cause instanceof Error)) return cause
  const isFromTable = cause instanceof CompileError && !cause.message.startsWith('Program "')
  if (cause instanceof DingError && !isFromTable) return cause
  const place = authorsPlace(cause.stack)
  const kernel = new RegExp(`^Kernel '(\\w+)' not registered for backend '${TRACE_BACKEND}'`).exec(
    cause.message,
  )?.[1]
  if (kernel !== undefined) {
    return new CompileError(
      `Program "${program}" uses the tfjs kernel ${kernel}${place}, which cannot be compiled: it has no row in the kernel ` +
        `table (docs/reference/kernels.md lists those that have).${didYouMean(kernel, KERNELS.keys())} Use other operations, or set ` +
        "policy.runtime to 'eager' to run without compiling.",
      { cause },
    )
  }
  return new CompileError(
    `Program "${program}" failed while it was compiled${place}: ${cause.message}${chainedHint(cause)}`,
    { cause },
  )
}

/** What to write instead of a method on a tensor: tfjs has them only where its chained operations were imported. */
function chainedHint({ message }: Error): string {
  const method = /\.(\w+) is not a function/.exec(message)?.[1]
  const isOperation =
    method !== undefined && typeof (tf as unknown as Record<string, unknown>)[method] === 'function'
  return isOperation
    ? `. Tensors have no method ${method} here: write tf.${method}(x, ...) for x.${method}(...).`
    : ''
}
