import * as tf from '@tensorflow/tfjs-core'
import { didYouMean, UsageError } from '../utils/index.js'
import { Module } from './module.js'

type Activate = (x: tf.Tensor) => tf.Tensor

/**
 * max(x, 0) whose gradient selects where the output is positive. tfjs's own multiplies by a mask, so that a NaN from above
 * passes (NaN * 0), and needs the input, which keeps ONNX Runtime from fusing it into the matrix product before it.
 */
const relu = tf.customGrad((x, save) => {
  const input = x as tf.Tensor
  const value = tf.relu(input)
  ;(save as tf.GradSaveFunc)([value])
  return {
    value,
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.where(tf.greater(saved[0]!, 0), dy, tf.zerosLike(dy)),
  }
})

/** x kept to [low, high]. At the bounds its gradient is 0, as that of torch's hardtanh; that of torch's clamp, and tfjs's, is 1. */
const hardtanh = (low: number, high: number): Activate =>
  tf.customGrad((x, save) => {
    const input = x as tf.Tensor
    ;(save as tf.GradSaveFunc)([input])
    return {
      value: tf.clipByValue(input, low, high),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        const inside = tf.logicalAnd(tf.greater(saved!, low), tf.less(saved!, high))
        return tf.where(inside, dy, tf.zerosLike(dy))
      },
    }
  })
const hardsigmoid: Activate = (x) => tf.div(hardtanh(0, 6)(tf.add(x, 3)), 6)

/** x Phi(x) with the exact normal distribution function, torch's default gelu. */
const gelu: Activate = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
const silu: Activate = (x) => tf.mul(x, tf.sigmoid(x))

/** Self-normalising (Klambauer et al. 2017); its two constants make mean 0 and variance 1 a fixed point. */
const [SELU_SCALE, SELU_ALPHA] = [1.0507009873554805, 1.6732632423543772]
const selu: Activate = tf.customGrad((x, save) => {
  const input = x as tf.Tensor
  ;(save as tf.GradSaveFunc)([input])
  const below = tf.mul(tf.sub(tf.exp(tf.minimum(input, 0)), 1), SELU_ALPHA)
  return {
    value: tf.mul(tf.add(tf.relu(input), below), SELU_SCALE),
    // At 0 the slope is that of the exponential, as torch's, where tfjs would take the mean of the two.
    gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const scaled = tf.mul(dy, SELU_SCALE)
      const slope = tf.exp(tf.minimum(saved!, 0))
      return tf.where(tf.greater(saved!, 0), scaled, tf.mul(tf.mul(scaled, SELU_ALPHA), slope))
    },
  }
})

const ACTIVATIONS = {
  identity: (x) => x,
  relu,
  relu6: hardtanh(0, 6),
  tanh: (x) => tf.tanh(x),
  gelu,
  elu: (x) => tf.elu(x),
  selu,
  // 0.01 is torch's slope; tfjs's default is 0.2.
  leaky_relu: (x) => tf.leakyRelu(x, 0.01),
  silu,
  swish: silu,
  sigmoid: (x) => tf.sigmoid(x),
  softplus: (x) => tf.softplus(x),
  softsign: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
  hardtanh: hardtanh(-1, 1),
  hardsigmoid,
  hardswish: (x) => tf.mul(x, hardsigmoid(x)),
  // softplus, unlike log(sigmoid), is exact where the sigmoid is 0 in float32.
  logsigmoid: (x) => tf.neg(tf.softplus(tf.neg(x))),
  tanhshrink: (x) => tf.sub(x, tf.tanh(x)),
  mish: (x) => tf.mul(x, tf.tanh(tf.softplus(x))),
} as const satisfies Readonly<Record<string, Activate>>

export type ActivationName = keyof typeof ACTIVATIONS

export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as readonly ActivationName[]

/** torch's names of activations, and ours. */
export const TORCH_ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  Identity: 'identity',
  ReLU: 'relu',
  ReLU6: 'relu6',
  Tanh: 'tanh',
  GELU: 'gelu',
  ELU: 'elu',
  // With torch's default of 1 for alpha it is the same function.
  CELU: 'elu',
  SELU: 'selu',
  LeakyReLU: 'leaky_relu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
  Softplus: 'softplus',
  Softsign: 'softsign',
  Hardtanh: 'hardtanh',
  Hardsigmoid: 'hardsigmoid',
  Hardswish: 'hardswish',
  LogSigmoid: 'logsigmoid',
  Tanhshrink: 'tanhshrink',
  Mish: 'mish',
}

/** Applies an activation by name. @throws UsageError for an unknown name. */
export function activate(name: string, x: tf.Tensor): tf.Tensor {
  return find(name)(x)
}

/** Whether there is an activation of that name. */
export function isActivation(name: string): name is ActivationName {
  return Object.hasOwn(ACTIVATIONS, name)
}

function find(name: string): Activate {
  if (isActivation(name)) return ACTIVATIONS[name]
  throw new UsageError(
    `Unknown activation "${name}".${didYouMean(name, ACTIVATION_NAMES)} Known: ${ACTIVATION_NAMES.join(', ')}.`,
  )
}

/** An activation as a layer without parameters. */
export class Activation extends Module {
  constructor(readonly kind: string) {
    super()
    find(kind)
  }

  forward(x: tf.Tensor): tf.Tensor {
    return activate(this.kind, x)
  }
}
