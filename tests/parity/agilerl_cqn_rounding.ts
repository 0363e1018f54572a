// What float32 alone may do to the numbers of a recorded run of AgileRL's CQN.
import type { Compute } from '../../ding/compute/index.js'
import type { CQNConfig } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { movedBy, NOISE_MARGIN, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import {
  agent,
  batchOf,
  type Golden,
  gradientNorm,
  initialOf,
  tensorsOf,
  valuesOf,
} from './agilerl_cqn_run.js'
import { numbersOf } from './golden.js'

/** What rounding may do: to networks, and to action values and norms of gradients, as multiples of the spread of nudged runs. */
export interface Measured extends Rounding {
  /** By `q`, `q_next_online`, and the number of the update. */
  readonly values: ReadonlyMap<string, number>
  /** By the number of the update. */
  readonly norms: ReadonlyMap<number, number>
}

/** What each nudged run has seen. */
interface Seen {
  readonly values: Map<string, number[]>
  readonly norms: Map<number, number>
}

/** Runs the recording from its weights and from weights one digit away. */
export async function measured(json: Golden, cfg: CQNConfig, compute: Compute): Promise<Measured> {
  const { learn } = cfg
  const runs: Seen[] = []
  const { online, target } = initialOf(json)
  const data = batchOf(json)
  const rounding = await roundingOf(
    async (nudge) => {
      const seen: Seen = { values: new Map(), norms: new Map() }
      runs.push(seen)
      const { model, policy } = agent(cfg, compute)
      const own = policy.learn_mode
      own.load_state_dict({
        ...own.state_dict(),
        model: tensorsOf(nudge(online)),
        target_model: tensorsOf(target),
      })
      const program = valuesOf(model, compute)
      const see = async (key: string, obs: HostTensor | undefined) =>
        seen.values.set(key, numbersOf((await program.run({ obs: obs! })).q))
      await see('q', data['obs'] as HostTensor)
      await see('q_next_online', data['next_obs'] as HostTensor)
      // Clipping changes the gradients in place, so those before it come from a twin that does not clip.
      const twin = agent({ ...cfg, learn: { ...learn, grad_clip_type: null } }, compute)
      const trace: Trace[number][] = []
      for (let k = 1; k <= (json['updates'] as unknown[]).length; k++) {
        twin.policy.learn_mode.load_state_dict(own.state_dict())
        await twin.policy.learn_mode.forward(data)
        seen.norms.set(k, gradientNorm(twin.model))
        await own.forward(data)
        await see(`${k}`, data['obs'] as HostTensor)
        const named = model.parameters().map((p) => [p.name, p] as const)
        trace.push(new Map(movedBy(own.state_dict()['optimizer'] as StateTree, named)))
      }
      program.dispose()
      return trace
    },
    { betas: learn.optimizer_betas ?? [0.9, 0.999], eps: learn.optimizer_eps, theta: learn.target_theta },
  )
  // The last run is the one that starts from the weights themselves.
  const exact = runs.at(-1)!
  const spread = (own: number[], others: number[][]) =>
    NOISE_MARGIN * Math.max(...others.flatMap((other) => other.map((x, i) => Math.abs(x - own[i]!))))
  const others = runs.slice(0, -1)
  return {
    ...rounding,
    values: new Map(
      [...exact.values].map(([key, own]) => [
        key,
        spread(
          own,
          others.map(({ values }) => values.get(key)!),
        ),
      ]),
    ),
    norms: new Map(
      [...exact.norms].map(([k, own]) => [
        k,
        spread(
          [own],
          others.map(({ norms }) => [norms.get(k)!]),
        ),
      ]),
    ),
  }
}
