import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { Activation } from './activation.js'
import { type Layer, Sequential } from './container.js'
import { EnsembleLinear, type LinearOptions } from './linear.js'

export interface EnsembleMlpOptions extends LinearOptions {
  /** Activation behind every layer but the last. Default relu. */
  readonly activation?: string
}

/** Which members of an ensemble to compute: the first so many, or those of an int32 index [k]. */
export type Members = number | tf.Tensor

/**
 * `ensembleSize` independent MLPs of widths in -> hidden... -> out in batched products. A flat {@link Sequential}: the layers' names are
 * those of one torch MLP (`0.weight`, `2.weight`, ...), each with a leading ensemble axis and the weight transposed: [E, in, out].
 */
export class EnsembleMLP extends Sequential {
  constructor(
    readonly ensembleSize: number,
    readonly inSize: number,
    hidden: readonly number[],
    readonly outSize: number,
    random: RandomStream,
    options: EnsembleMlpOptions = {},
  ) {
    const widths = [inSize, ...hidden, outSize]
    const layers: Layer[] = []
    for (let i = 1; i < widths.length; i++) {
      layers.push(new EnsembleLinear(ensembleSize, widths[i - 1]!, widths[i]!, random, options))
      if (i < widths.length - 1) layers.push(new Activation(options.activation ?? 'relu'))
    }
    super(...layers)
  }

  /** x [B, in], the same for all members, or [k, B, in] -> [k, B, out]; k is the ensemble's size, or that of `members`. */
  override forward(x: tf.Tensor, members?: Members): tf.Tensor {
    if (members === undefined) return super.forward(x)
    return this.layers.reduce(
      (value, layer) =>
        layer instanceof EnsembleLinear ? forwardMembers(layer, value, members) : layer.forward(value),
      x,
    )
  }
}

/** {@link EnsembleLinear.forward} of some members alone: only their weights are read. */
function forwardMembers({ weight, bias }: EnsembleLinear, x: tf.Tensor, members: Members): tf.Tensor {
  const choose = (all: tf.Tensor) =>
    typeof members === 'number'
      ? tf.slice(all, [0, 0, 0], [members, -1, -1])
      : tf.gather(all, members as tf.Tensor1D)
  const w = choose(weight.value)
  const each = x.rank === 2 ? tf.tile(tf.expandDims(x, 0), [w.shape[0]!, 1, 1]) : x
  const y = tf.matMul(each, w)
  return bias === undefined ? y : tf.add(y, choose(bias.value))
}
