import type {
  backend_util as BackendUtil,
  KernelFunc,
  NamedTensorInfoMap,
  Tensor,
} from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { UsageError } from '../../utils/index.js'
import type { EagerBackend } from './tfjs_backend.js'

type KernelCall = Parameters<KernelFunc>[0]

/**
 * Puts kernels that compute the right thing in the place of those of tfjs 4.22 that do not. Once per loaded backend;
 * `wasm` needs the cpu backend to be registered.
 */
export function repairKernels(backend: EagerBackend): void {
  repair(backend)
  for (const kernel of IGNORES_DILATIONS) {
    if (tf.getKernel(kernel, backend))
      replace(kernel, backend, refusingDilations(tf.getKernel(kernel, backend).kernelFunc))
  }
}

function repair(backend: EagerBackend): void {
  if (backend === 'cpu') replace('TensorScatterUpdate', backend, scatterIntoCopy())
  if (backend !== 'wasm') return
  replace('_FusedMatMul', backend, fusedMatMul)
  for (const [kernel, input] of Object.entries(LOSES_NAN))
    replace(kernel, backend, keepingNaN(tf.getKernel(kernel, backend).kernelFunc, input))
  for (const [kernel, isWrong] of Object.entries(WRONG_ON_WASM)) {
    const [own, onCpu] = [tf.getKernel(kernel, backend).kernelFunc, viaCpu(kernel)]
    replace(kernel, backend, (call) => (isWrong(call) ? onCpu(call) : own(call)))
  }
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (!tf.getKernel(kernelName, backend)) replace(kernelName, backend, viaCpu(kernelName))
  }
}

function replace(kernelName: string, backendName: string, kernelFunc: KernelFunc): void {
  if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({ kernelName, backendName, kernelFunc })
}

/** Gradients of convolutions that tfjs computes as if the filter was not dilated. */
export const IGNORES_DILATIONS: ReadonlySet<string> = new Set([
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
])

function refusingDilations(own: KernelFunc): KernelFunc {
  return (call) => {
    const dilations = [call.attrs?.['dilations'] ?? 1].flat()
    if (dilations.every((dilation) => dilation === 1)) return own(call)
    throw new UsageError(
      `The gradient of a convolution with dilations [${dilations}] was asked for on the eager runtime, where tfjs would compute it ` +
        "as if they were 1. Set policy.runtime to 'onnx', which computes it, or use a convolution without dilations.",
    )
  }
}

/** The kernel of the cpu backend writes into its first input, which may be a parameter or something needed later. */
function scatterIntoCopy(): KernelFunc {
  const { kernelFunc } = tf.getKernel('TensorScatterUpdate', 'cpu')
  return (call) => {
    const { tensor } = call.inputs as { tensor: Tensor }
    const copy = tf.tensor(tensor.dataSync().slice(), tensor.shape, tensor.dtype)
    const result = kernelFunc({ ...call, inputs: { ...call.inputs, tensor: copy } })
    copy.dispose()
    return result
  }
}

/**
 * Product, bias and activation one after another. The kernel of the wasm backend adds the last bias value to all rows but
 * the first when its second operand is transposed, as the weight of every linear layer is; and it takes no bias of rank 2.
 */
const fusedMatMul: KernelFunc = ({ inputs, attrs }) => {
  const { a, b, bias, preluActivationWeights } = inputs as Record<string, Tensor | undefined>
  const { transposeA, transposeB, activation, leakyreluAlpha } = attrs as unknown as {
    transposeA: boolean
    transposeB: boolean
    activation: BackendUtil.Activation
    leakyreluAlpha: number
  }
  return tf.tidy(() => {
    const product = tf.matMul(a!, b!, transposeA, transposeB)
    // tfjs passes null for what is not given.
    const y = bias ? tf.add(product, bias) : product
    return tf.backend_util.applyActivation(y, activation, preluActivationWeights, leakyreluAlpha)
  })
}

/** Kernels of the wasm backend that lose a NaN of the named input. */
const LOSES_NAN: Readonly<Record<string, string>> = {
  ClipByValue: 'x',
  Maximum: 'b',
  Minimum: 'b',
  Relu6: 'x',
}

function keepingNaN(own: KernelFunc, input: string): KernelFunc {
  return (call) => {
    const result = own(call)
    if (!isFloat(call, input) || Array.isArray(result)) return result
    const x = call.inputs[input] as Tensor
    return tf.tidy(() => tf.where(tf.isNaN(x), x, tf.engine().makeTensorFromTensorInfo(result)))
  }
}

const isFloat = (call: KernelCall, input: string): boolean => call.inputs[input]?.dtype === 'float32'
const rankOf = (call: KernelCall, input: string): number | undefined => call.inputs[input]?.shape.length

/** Calls that the kernels of the wasm backend refuse, answer wrongly or crash on; the cpu backend takes them over. */
const WRONG_ON_WASM: Readonly<Record<string, (call: KernelCall) => boolean>> = {
  AvgPool: roundsUp,
  BatchMatMul: (call) => !isFloat(call, 'a') || !isFloat(call, 'b'),
  Cast: ({ attrs }) => attrs?.['dtype'] === 'bool',
  ClipByValue: (call) => !isFloat(call, 'x'),
  Conv2D: (call) => roundsUp(call) || call.attrs?.['dataFormat'] === 'NCHW',
  Cumsum: (call) => call.inputs['x']?.dtype === 'bool',
  FloorDiv: () => true,
  FusedConv2D: (call) => rankOf(call, 'bias') === 0,
  GatherV2: ({ attrs }) => attrs?.['batchDims'] !== 0,
  MaxPool: roundsUp,
  MaxPoolGrad: () => true,
  Mod: (call) => !isFloat(call, 'a'),
  OneHot: ({ attrs }) => attrs?.['dtype'] !== 'int32',
  PadV2: ({ attrs }) => Number.isNaN(attrs?.['constantValue']),
  Prelu: () => true,
  Select: (call) => !isFloat(call, 't'),
}

/** Kernels that the wasm backend has but that are not left to it in every case, for the documentation. */
export const REPAIRED_ON_WASM: ReadonlySet<string> = new Set([
  '_FusedMatMul',
  ...Object.keys(LOSES_NAN),
  ...Object.keys(WRONG_ON_WASM),
])

function roundsUp({ attrs }: KernelCall): boolean {
  return attrs?.['dimRoundingMode'] === 'ceil'
}

/** The cpu backend's kernel, with its inputs and outputs copied between the two backends. */
function viaCpu(kernel: string): KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const cpu = tf.engine().findBackend('cpu') as tf.KernelBackend
    const own = backend as tf.KernelBackend
    const move = (info: tf.TensorInfo, from: tf.KernelBackend, to: tf.KernelBackend): tf.TensorInfo => {
      const { dataId, shape, dtype } = info
      return { shape, dtype, dataId: to.write(from.readSync(dataId), shape, dtype) }
    }
    const given = Object.entries(inputs).flatMap(([name, info]) =>
      info ? [{ name, info: move(info, own, cpu) }] : [],
    )
    // Inputs that are a list stay one.
    const moved: NamedTensorInfoMap = Object.assign(
      Array.isArray(inputs) ? [] : {},
      ...given.map(({ name, info }) => ({ [name]: info })),
    )
    const made = tf.getKernel(kernel, 'cpu').kernelFunc({ inputs: moved, attrs: attrs ?? {}, backend: cpu })
    const results = [made].flat().map((info) => move(info, cpu, own))
    for (const { dataId } of [...given.map(({ info }) => info), ...[made].flat()])
      cpu.disposeData(dataId, true)
    return Array.isArray(made) ? results : results[0]!
  }
}
