import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { type Layer, Sequential } from './container.js'
import { type BlockOptions, blockLayers, MLP } from './mlp.js'
import { Module } from './module.js'

/** What a head or a model gives: tensors by name, lists of them for several action dimensions. */
export type HeadOutput = Record<string, tf.Tensor>

/** From features [B, n] to named outputs. */
export interface Head extends Module {
  forward(x: tf.Tensor): HeadOutput
}

export interface HeadOptions extends Pick<BlockOptions, 'activation' | 'norm_type' | 'dropout' | 'noise'> {
  /** Hidden layers before the last linear one. Default 1. */
  readonly layer_num?: number
}

function headStack(
  hidden: number,
  out: number,
  layerNum: number,
  random: RandomStream,
  options: HeadOptions,
): Sequential {
  const { activation = 'relu', norm_type, dropout, noise } = options
  const body: Layer = new MLP(hidden, hidden, hidden, layerNum, random, {
    activation,
    norm_type,
    dropout,
    noise,
  })
  return new Sequential(body, new Sequential(...blockLayers(hidden, out, random, { noise })))
}

/** Hidden layers, then a linear layer with one output per action: {logit [B, n]}. */
export class DiscreteHead extends Module implements Head {
  readonly Q: Sequential

  constructor(hiddenSize: number, outputSize: number, random: RandomStream, options: HeadOptions = {}) {
    super()
    this.Q = headStack(hiddenSize, outputSize, options.layer_num ?? 1, random, options)
  }

  forward(x: tf.Tensor): { logit: tf.Tensor } {
    return { logit: this.Q.forward(x) }
  }
}

/** Advantage and value streams joined as V + A - mean(A) (Wang et al. 2016, eq. 9): {logit [B, n]}. */
export class DuelingHead extends Module implements Head {
  readonly A: Sequential
  readonly V: Sequential

  constructor(hiddenSize: number, outputSize: number, random: RandomStream, options: HeadOptions = {}) {
    super()
    const layers = options.layer_num ?? 1
    this.A = headStack(hiddenSize, outputSize, layers, random, options)
    this.V = headStack(hiddenSize, 1, layers, random, options)
  }

  forward(x: tf.Tensor): { logit: tf.Tensor } {
    const advantage = this.A.forward(x)
    return { logit: tf.add(tf.sub(advantage, tf.mean(advantage, -1, true)), this.V.forward(x)) }
  }
}

/** One head per action dimension over the same features; each output becomes a list, {logit: [[B, n1], [B, n2], ...]}. */
export class MultiHead extends Module {
  readonly pred: readonly Head[]

  constructor(build: (outputSize: number) => Head, outputSizes: readonly number[]) {
    super()
    this.pred = outputSizes.map(build)
  }

  forward(x: tf.Tensor): Record<string, tf.Tensor[]> {
    const joined: Record<string, tf.Tensor[]> = {}
    for (const head of this.pred) {
      for (const [name, tensor] of Object.entries(head.forward(x))) {
        const list = joined[name] ?? []
        list.push(tensor)
        joined[name] = list
      }
    }
    return joined
  }
}
