import * as tf from '@tensorflow/tfjs-core'
import { Parameter } from '../../compute/index.js'
import {
  ACTIVATION_NAMES,
  activate,
  BatchNorm1d,
  isActivation,
  type Layer,
  layerNorm,
  Module,
  TORCH_ACTIVATIONS,
} from '../../nn/index.js'
import { didYouMean, UsageError } from '../../utils/index.js'

/** Layers one after the other under names of their own, as a torch Sequential made from an ordered dict. */
export class NamedSequential extends Module {
  private readonly layers: readonly (readonly [string, Layer])[]

  constructor(layers: readonly (readonly [string, Layer])[]) {
    super()
    this.layers = layers
  }

  override *children(): Generator<[string, Module | Parameter]> {
    for (const [name, layer] of this.layers) yield [name, layer]
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.layers.reduce((value, [, layer]) => layer.forward(value), x)
  }
}

/** Layer normalisation without weight and bias, which AgileRL puts behind the last layer of an encoder. */
export class PlainLayerNorm extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return layerNorm(x)
  }
}

/** Batch normalisation of each channel of [B, H, W, C] over batch and image: torch's BatchNorm2d. */
export class BatchNorm2d extends BatchNorm1d {
  override forward(x: tf.Tensor): tf.Tensor {
    const channels = x.shape[3]!
    return tf.reshape(super.forward(tf.reshape(x, [x.size / channels, channels])), x.shape)
  }
}

/** x where positive, else a learned slope (0.25 at first) times x. */
class PReLU extends Module {
  readonly weight = new Parameter([1], true, Float32Array.of(0.25))

  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(tf.relu(x), tf.mul(this.weight.value, tf.minimum(x, 0)))
  }
}

class Pointwise extends Module {
  constructor(private readonly fn: (x: tf.Tensor) => tf.Tensor) {
    super()
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.fn(x)
  }
}

/** GELU with the tanh in place of the error function (Hendrycks and Gimpel 2016, section 2). */
function tanhGelu(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(x, tf.square(x)), 0.044715)), Math.sqrt(2 / Math.PI))
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1))
}

const OTHERS: Readonly<Record<string, () => Layer>> = {
  Softmax: () => new Pointwise((x) => tf.softmax(x, -1)),
  PReLU: () => new PReLU(),
}

/** Names that {@link activationLayer} takes: AgileRL's, and those of ding's other models. */
export const AGILERL_ACTIVATIONS: readonly string[] = [
  ...Object.keys(TORCH_ACTIVATIONS),
  ...Object.keys(OTHERS),
  ...ACTIVATION_NAMES,
]

/** The layer of an activation's name; null is the identity. @throws UsageError for an unknown name. */
export function activationLayer(name: string | null, new_gelu = false): Layer {
  const other = name === null ? undefined : OTHERS[name]
  if (other !== undefined) return other()
  if (new_gelu && name === 'GELU') return new Pointwise(tanhGelu)
  const own = name === null ? 'identity' : (TORCH_ACTIVATIONS[name] ?? name)
  if (!isActivation(own)) {
    throw new UsageError(
      `Unknown activation "${name}".${didYouMean(own, AGILERL_ACTIVATIONS)} Known: ${AGILERL_ACTIVATIONS.join(', ')}.`,
    )
  }
  return new Pointwise((x) => activate(own, x))
}
