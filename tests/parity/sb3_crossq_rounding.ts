import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { Compute } from '../../ding/compute/index.js'
import { type ActorCriticModel, normalLogit } from '../../ding/model/index.js'
import type { GoldenCrossQ } from './sb3_crossq_golden.js'
import { matrix, type Nested } from './sb3_replay.js'

/** The networks' answers to probes, and the actions that an update samples. */
export function programsOf(compute: Compute, model: ActorCriticModel) {
  const sampled = (training: boolean) =>
    compute.program(`sampled_${training}`, ({ obs, z }: { obs: Tensor; z: Tensor }) => {
      const { mu, sigma } = normalLogit(model.actor.train(training).forward(obs))
      return { action: tf.tanh(tf.add(mu, tf.mul(sigma, z))) }
    })
  const probe = compute.program('probe', ({ obs, action }: { obs: Tensor; action: Tensor }) => {
    model.eval()
    const output = model.actor.forward(obs)
    const { mu, log_sigma } = normalLogit(output)
    return {
      action: output['action'] as Tensor,
      q_values: model.critic.forward({ obs, action })['q_value'] as Tensor,
      mean: mu,
      log_std: log_sigma,
    }
  })
  return { probe, learning: sampled(true), acting: sampled(false) }
}

/** How far the reference's rounding of actions in float32 moves its log-densities. */
export interface Rounding {
  /** Mean over rows of the log-density in the actor's update. */
  readonly policy: number
  /** Root mean square over rows of the log-density of next actions. */
  readonly next: number
}

export const EXACT: Rounding = { policy: 0, next: 0 }

/** SB3's guard in log(1 - a^2 + eps). */
const EPS = 1e-6
/** What rounding a and its square to float32 does to 1 - a^2 where |a| is near 1. */
const ROUNDING = 2 ** -23

/**
 * SB3 computes log(1 - a^2 + 1e-6) from a float32 action: a rounding of a alone moves it by 2^-23 / (1 - a^2 + 1e-6), which is up to a
 * tenth where the tanh saturates (our own form of it is exact there). Comparisons allow for that, by the actions of this very update.
 */
export async function roundingOf(
  golden: GoldenCrossQ,
  index: number,
  drawn: readonly Nested[],
  model: ActorCriticModel,
  { learning, acting }: ReturnType<typeof programsOf>,
): Promise<Rounding> {
  const [nextNoise, policyNoise] = drawn
  const { observations, next_observations } = golden.batches[index]!
  const before = model.stateDict()
  const gaps = async (program: typeof acting, obs: number[][], z: Nested | undefined) => {
    if (z === undefined) return []
    const { action } = await program.run({
      obs: matrix(obs),
      z: { ...matrix(z), shape: [obs.length, golden.dims.act] },
    })
    return Array.from(action.data, (a) => 1 - a ** 2 + EPS)
  }
  const next = await gaps(acting, next_observations, nextNoise)
  const policy = await gaps(learning, observations, policyNoise)
  model.loadStateDict(before)
  const rows = observations.length
  const perRow = Array.from({ length: rows }, (_, i) =>
    next.slice(i * golden.dims.act, (i + 1) * golden.dims.act).reduce((sum, gap) => sum + ROUNDING / gap, 0),
  )
  return {
    policy: policy.reduce((sum, gap) => sum + ROUNDING / gap, 0) / rows,
    next: Math.sqrt(perRow.reduce((sum, value) => sum + value ** 2, 0) / rows),
  }
}
