import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { Activation } from './activation.js'
import { type Layer, Sequential } from './container.js'
import { EnsembleLinear, type LinearOptions } from './linear.js'
import { Module } from './module.js'
import { layerNorm } from './norm.js'

export interface EnsembleMlpOptions extends LinearOptions {
  /** Activation behind every layer but the last. Default relu. */
  readonly activation?: string
  /** `LN`: layer normalisation before each activation. */
  readonly norm_type?: 'LN' | null
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
      if (i === widths.length - 1) break
      if (options.norm_type === 'LN') layers.push(new EnsembleLayerNorm(ensembleSize, widths[i]!))
      layers.push(new Activation(options.activation ?? 'relu'))
    }
    super(...layers)
  }

  /** x [B, in], the same for all members, or [k, B, in] -> [k, B, out]; k is the ensemble's size, or that of `members`. */
  override forward(x: tf.Tensor, members?: Members): tf.Tensor {
    if (members === undefined) return super.forward(x)
    return this.layers.reduce(
      (value, layer) =>
        layer instanceof EnsembleLinear
          ? forwardMembers(layer, value, members)
          : layer instanceof EnsembleLayerNorm
            ? layer.forward(value, members)
            : layer.forward(value),
      x,
    )
  }
}

/** Layer normalisation with a scale and a shift for each member of an ensemble, [E, 1, n]. */
export class EnsembleLayerNorm extends Module {
  readonly weight: Parameter
  readonly bias: Parameter

  constructor(ensembleSize: number, size: number) {
    super()
    this.weight = new Parameter([ensembleSize, 1, size], true, new Float32Array(ensembleSize * size).fill(1))
    this.bias = new Parameter([ensembleSize, 1, size], true, new Float32Array(ensembleSize * size))
  }

  /** x [k, B, n] -> [k, B, n]; k is the ensemble's size, or that of `members`. */
  forward(x: tf.Tensor, members?: Members): tf.Tensor {
    const choose = (all: tf.Tensor) => (members === undefined ? all : membersOf(all, members))
    return tf.add(tf.mul(layerNorm(x), choose(this.weight.value)), choose(this.bias.value))
  }
}

/** Rows of some members of [E, ...]. */
function membersOf(all: tf.Tensor, members: Members): tf.Tensor {
  return typeof members === 'number'
    ? tf.slice(all, [0, 0, 0], [members, -1, -1])
    : tf.gather(all, members as tf.Tensor1D)
}

/** {@link EnsembleLinear.forward} of some members alone: only their weights are read. */
function forwardMembers({ weight, bias }: EnsembleLinear, x: tf.Tensor, members: Members): tf.Tensor {
  const w = membersOf(weight.value, members)
  const each = x.rank === 2 ? tf.tile(tf.expandDims(x, 0), [w.shape[0]!, 1, 1]) : x
  const y = tf.matMul(each, w)
  return bias === undefined ? y : tf.add(y, membersOf(bias.value, members))
}
