import * as tf from '@tensorflow/tfjs-core'
import { type Parameter, random } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { Module } from './module.js'

/** A module from one tensor to one tensor. */
export interface Layer extends Module {
  forward(x: tf.Tensor): tf.Tensor
}

/** Layers one after the other; children are named by their index, as in torch. */
export class Sequential extends Module {
  readonly layers: readonly Layer[]

  constructor(...layers: Layer[]) {
    super()
    this.layers = layers
  }

  override *children(): Generator<[string, Module | Parameter]> {
    for (const [index, layer] of this.layers.entries()) yield [String(index), layer]
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x)
  }
}

/** Everything behind the batch axis in one: [B, ...] -> [B, n]. */
export class Flatten extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return flatten(x)
  }
}

/** [B, ...] -> [B, n]; a rank-1 batch of scalars becomes [B, 1]. */
export function flatten(x: tf.Tensor): tf.Tensor {
  if (x.rank === 2) return x
  const batch = x.shape[0]!
  return tf.reshape(x, [batch, x.size / batch])
}

/** In training sets each value to 0 with probability `rate` and scales the rest by 1 / (1 - rate); else the identity. */
export class Dropout extends Module {
  constructor(readonly rate: number) {
    super()
    if (!(rate >= 0 && rate < 1)) throw new UsageError(`dropout must be at least 0 and below 1, got ${rate}.`)
  }

  forward(x: tf.Tensor): tf.Tensor {
    if (!this.training || this.rate === 0) return x
    const keep = tf.greaterEqual(random.uniform([...x.shape]), this.rate)
    return tf.where(keep, tf.mul(x, 1 / (1 - this.rate)), tf.zerosLike(x))
  }
}
