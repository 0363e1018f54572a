import { backend_util } from '@tensorflow/tfjs-core'
import { CompileError } from '../../utils/index.js'
import { broadcast, input, numberAttr, sameShape, stringAttr } from './call.js'
import { elementwiseRule, ofOne, unary } from './rule.js'
import type { KernelRule, Lowering } from './types.js'

function relu6(at: Lowering, x: string): string {
  return at.op('Clip', [x, at.float(0), at.float(6)])
}

function leakyRelu(at: Lowering, x: string, alpha: number): string {
  return at.op('LeakyRelu', [x], { alpha: { float: alpha } })
}

/** alpha x below zero. ONNX PRelu broadcasts alpha to x only, so the other way round is spelled out. */
function prelu(at: Lowering, x: string, alpha: string, oneWay: boolean): string {
  if (oneWay) return at.op('PRelu', [x, alpha])
  return at.op('Where', [at.op('Less', [x, at.float(0)]), at.op('Mul', [alpha, x]), x])
}

const preluRule: KernelRule = elementwiseRule(
  'Prelu',
  (call) => ({ dtype: 'float32', shape: broadcast(input(call, 'x').shape, input(call, 'alpha').shape) }),
  (at) => {
    const shape = broadcast(input(at, 'x').shape, input(at, 'alpha').shape)
    return prelu(at, at.name('x'), at.name('alpha'), sameShape(shape, input(at, 'x').shape))
  },
)

/** dy where y >= 0, dy (y + 1) elsewhere. */
const eluGrad: KernelRule = elementwiseRule(
  'EluGrad',
  (call) => ({ dtype: 'float32', shape: input(call, 'y').shape }),
  (at) => {
    const [dy, y] = [at.name('dy'), at.name('y')]
    const below = at.op('Mul', [dy, at.op('Add', [y, at.float(1)])])
    return at.op('Where', [at.op('GreaterOrEqual', [y, at.float(0)]), dy, below])
  },
)

const selu = {
  alpha: { float: backend_util.SELU_SCALEALPHA / backend_util.SELU_SCALE },
  gamma: { float: backend_util.SELU_SCALE },
}

/** Activation functions. */
export const activations: readonly KernelRule[] = [
  unary('Relu', ofOne('Relu'), { via: 'numeric' }),
  unary('Relu6', relu6),
  unary('LeakyRelu', (at, x) => leakyRelu(at, x, numberAttr(at, 'alpha')), { out: 'float32' }),
  unary('Elu', ofOne('Elu')),
  unary('Selu', (at, x) => at.op('Selu', [x], selu)),
  unary('Sigmoid', ofOne('Sigmoid')),
  unary('Softplus', ofOne('Softplus')),
  preluRule,
  eluGrad,
]

/** The activation that a fused kernel ends with; `x` has the output's shape. */
export function fusedActivation(at: Lowering, x: string): string {
  const activation = stringAttr(at, 'activation', 'linear')
  if (activation === 'linear') return x
  if (activation === 'relu') return at.op('Relu', [x])
  if (activation === 'relu6') return relu6(at, x)
  if (activation === 'elu') return at.op('Elu', [x])
  if (activation === 'sigmoid') return at.op('Sigmoid', [x])
  if (activation === 'leakyrelu') return leakyRelu(at, x, numberAttr(at, 'leakyreluAlpha', 0.2))
  if (activation === 'prelu') return prelu(at, x, at.name('preluActivationWeights'), true)
  throw new CompileError(
    `Kernel ${at.kernel} was called with activation "${activation}", expected linear, relu, relu6, elu, sigmoid, ` +
      'leakyrelu or prelu. Apply other activations to the result.',
  )
}
