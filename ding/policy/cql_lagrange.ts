import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Adam, type AdamOptions, backward, Parameter, stopGradient } from '../compute/index.js'
import { CheckpointError, isHostTensor, type StateTree } from '../utils/index.js'
import { stepChecked } from './common.js'
import { partOf } from './saved_state.js'

/** Largest multiplier (CORL, young-geng/CQL). */
const LARGEST = 1e6

/**
 * The Lagrange multiplier of the conservative term (Kumar et al. 2020, eq. 30): exp of an adjusted parameter, kept in [0, 1e6]. It grows
 * where the gap is above the threshold and shrinks below.
 */
export class CQLLagrange {
  /** log of the multiplier, [1]. */
  readonly parameter: Parameter
  private readonly optimizer: Adam

  constructor(log_start: number, options: AdamOptions) {
    this.parameter = new Parameter([1], true, Float32Array.of(log_start), 'log_alpha_prime')
    this.optimizer = new Adam([this.parameter], options)
  }

  /** Inside a program: the multiplier now, a scalar without gradient. */
  value(): Tensor {
    return stopGradient(this.clipped())
  }

  /**
   * Inside a program: -mean over critics of multiplier * weight * (gap - threshold), whose gradient it takes.
   * @param excess weight * (gap - threshold) of each critic, [N]
   */
  loss(excess: Tensor): Tensor {
    const mean = stopGradient(tf.mean(excess))
    return backward([this.parameter], () => tf.neg(tf.mul(this.clipped(), mean)))
  }

  /** On the host, after a program with `loss`. */
  step(learning_rate: number, alpha_prime_loss: number): void {
    this.optimizer.lr = learning_rate
    stepChecked(this.optimizer, { alpha_prime_loss })
  }

  state_dict(): StateTree {
    return { value: this.parameter.toHostTensor(), optimizer: this.optimizer.stateDict() }
  }

  load_state_dict(state: StateTree): void {
    const value = state['value']
    if (!isHostTensor(value) || value.data.length !== 1)
      throw new CheckpointError('The state has no value of the Lagrange multiplier.')
    this.optimizer.loadStateDict(partOf(state, 'optimizer'))
    this.parameter.set(value.data)
  }

  private clipped(): Tensor {
    return tf.clipByValue(tf.exp(tf.squeeze(this.parameter.value)), 0, LARGEST)
  }
}
