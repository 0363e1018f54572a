import { extendSchema } from '../../config/index.js'
import type { Transition } from '../../data/index.js'
import { SERIAL_COLLECTOR_REGISTRY } from '../../registry/index.js'
import type { StateTree } from '../../utils/index.js'
import {
  BaseCollector,
  baseCollectorConfig,
  type CollectOptions,
  type Cut,
  type Piece,
} from './base_collector.js'
import { decodeTransitions, encodeTransitions } from './trajectory.js'

/**
 * Collects a number of training samples, with episodes going on from one collect to the next.
 * Every step of an environment is handed on by itself. With `unroll_len` above 1 the pieces have
 * max(unroll_len, ceil(n_sample / env_num)) steps, with `policy.traj_len_inf` they are whole episodes. A policy with `nstep` sees the nstep - 1 steps after each piece too, so its
 * returns are cut short by the end of an episode only (DI-engine cuts them at every piece). Samples beyond `n_sample` wait
 * for the next collect.
 */
@SERIAL_COLLECTOR_REGISTRY.register('sample')
export class SampleSerialCollector extends BaseCollector {
  static readonly config = extendSchema(baseCollectorConfig, {})
  static readonly unit = 'sample'
  private surplus: Transition[] = []

  override async collect(n_sample: number, options: CollectOptions = {}): Promise<Transition[]> {
    const cut = this.cutFor(n_sample)
    const fill = async () => {
      const samples = this.surplus
      this.stopped = false
      while (samples.length < n_sample && !this.stopped) {
        for (const piece of await this.stepAll(options, cut)) {
          for (const sample of this.freshSamples(piece)) samples.push(sample)
        }
      }
      this.surplus = samples.splice(n_sample)
      return samples
    }
    return this.timed(options, fill, (samples) => samples.length)
  }

  private cutFor(n_sample: number): Cut {
    if (this.attribute('traj_len_inf') === true) return { length: Number.POSITIVE_INFINITY, lookahead: 0 }
    const unroll = Number(this.attribute('unroll_len') ?? 1)
    if (unroll > 1) return { length: Math.max(unroll, Math.ceil(n_sample / this.env.env_num)), lookahead: 0 }
    // Were longer pieces handed on whole, what goes beyond `n_sample` when an episode ends would be left over: after a long
    // warm-up, for hundreds of collects without a step.
    const nstep = Number(this.attribute('nstep') ?? 1)
    return { length: 1, lookahead: nstep - 1 }
  }

  /** Training samples of a piece without those that start in its lookahead. */
  private freshSamples(piece: Piece): Transition[] {
    const samples = this.policy.get_train_sample(piece.transitions)
    return piece.fresh < piece.transitions.length ? samples.slice(0, piece.fresh) : samples
  }

  override reset(): void {
    super.reset()
    this.surplus = []
  }

  override state_dict(): StateTree {
    return { ...super.state_dict(), surplus: encodeTransitions(this.surplus) }
  }

  override load_state_dict(state: StateTree): void {
    super.load_state_dict(state)
    this.surplus = decodeTransitions((state['surplus'] ?? {}) as StateTree)
  }
}
