import * as tf from '@tensorflow/tfjs-core'
import { random as draws, Parameter, type RandomStream } from '../compute/index.js'
import { initWeight } from './init.js'
import { linear } from './linear.js'
import { Module } from './module.js'

/**
 * Linear layer with learned factorised Gaussian noise (Fortunato et al. 2018, eq. 10 and 11; layout of DI-engine's NoiseLinearLayer).
 * In training: W = mu + sigma * (f(e_out) f(e_in)^T), f(e) = sign(e) sqrt|e|; in evaluation W = mu. The noise is state: it stays
 * the same, in every program that reads it, until {@link resetNoise} is called inside a program.
 */
export class NoisyLinear extends Module {
  readonly weight_mu: Parameter
  readonly weight_sigma: Parameter
  readonly bias_mu: Parameter
  readonly bias_sigma: Parameter
  /** f(e_in) [in] and f(e_out) [out]. */
  readonly noise_in: Parameter
  readonly noise_out: Parameter

  constructor(
    readonly inSize: number,
    readonly outSize: number,
    random: RandomStream,
    sigma0 = 0.4,
  ) {
    super()
    const init = { type: 'uniform', bound: 1 / Math.sqrt(inSize) } as const
    const weights = outSize * inSize
    this.weight_mu = new Parameter([outSize, inSize], true, initWeight([outSize, inSize], random, init))
    this.weight_sigma = new Parameter(
      [outSize, inSize],
      true,
      new Float32Array(weights).fill(sigma0 / Math.sqrt(inSize)),
    )
    this.bias_mu = new Parameter([outSize], true, initWeight([outSize], random, init))
    this.bias_sigma = new Parameter(
      [outSize],
      true,
      new Float32Array(outSize).fill(sigma0 / Math.sqrt(outSize)),
    )
    const scaled = (size: number) => random.normal(size).map((e) => Math.sign(e) * Math.sqrt(Math.abs(e)))
    this.noise_in = new Parameter([inSize], false, scaled(inSize))
    this.noise_out = new Parameter([outSize], false, scaled(outSize))
  }

  /** x [..., in] -> [..., out]. */
  forward(x: tf.Tensor): tf.Tensor {
    if (!this.training) return linear(x, this.weight_mu.value, this.bias_mu.value)
    const noise = tf.outerProduct(this.noise_out.value as tf.Tensor1D, this.noise_in.value as tf.Tensor1D)
    const weight = tf.add(this.weight_mu.value, tf.mul(this.weight_sigma.value, noise))
    const bias = tf.add(this.bias_mu.value, tf.mul(this.bias_sigma.value, this.noise_out.value))
    return linear(x, weight, bias)
  }

  /** Inside a program: draws new noise, used from here on. */
  resetNoise(): void {
    for (const noise of [this.noise_in, this.noise_out]) {
      const e = draws.normal([...noise.shape])
      noise.assign(tf.mul(tf.sign(e), tf.sqrt(tf.abs(e))))
    }
  }
}

/** Inside a program: new noise for every noisy layer of `module`. Returns how many there are. */
export function resetNoise(module: Module): number {
  let count = 0
  for (const part of module.modules()) {
    if (part instanceof NoisyLinear) {
      part.resetNoise()
      count++
    }
  }
  return count
}
