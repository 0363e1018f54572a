import type { Compute } from '../../ding/compute/index.js'
import type { Batch } from '../../ding/data/index.js'
import type { ActorCriticModel } from '../../ding/model/index.js'
import type { LearnOutput } from '../../ding/policy/index.js'
import type { StateTree } from '../../ding/utils/index.js'
import { movedBy, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import { Comparison, FLOAT32_TOLERANCE } from './compare.js'
import { type Draw, type GoldenCQL, isCQLRun, type Networks, PARTS } from './corl_cql_golden.js'
import { corlHelpers } from './corl_cql_helpers.js'
import { compareGradients, compareNetworks, scalesOf } from './corl_cql_networks.js'
import { policyConfig, policyOf } from './corl_cql_policy.js'
import { decode, isRecord, numbersOf } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import type { FileResult, ReadRun } from './types.js'

/** Metrics are means of numbers of this size at least, which may cancel: float32 has no more digits of them. */
const METRIC_SCALE = 0.1
/** How many times the effect of weights one digit away a metric may be off, where that is more than the usual tolerance. */
const NUDGED_MARGIN = 4

/** What rounding may do in this run, to metrics too: by name, the most that any nudged run has them differ, after each update. */
interface RunRounding extends Rounding {
  readonly metrics: readonly ReadonlyMap<string, number>[]
}

/** Metrics of the critics' values, which move together when rounding says whether a relu passes a row. */
const OF_VALUES = /^(average_qf|cql_q\d|cql_std)/

/** Our name of a metric. */
const ownName = (name: string): string => (name.startsWith('qf_loss') ? 'critic_loss' : name)

/**
 * The scale of what a metric is a difference of, of which a tenth is left at most: of the gap and its threshold (with a multiplier), of values
 * whose deviation is small.
 */
function scaleOf(name: string, metrics: Record<string, number>, { config }: GoldenCQL): number {
  const size = (of: string) => Math.abs(metrics[of] ?? 0)
  if (name.startsWith('cql_std_q')) return Math.max(METRIC_SCALE, size(`average_qf${name.at(-1)}`) / 10)
  if (config['cql_lagrange'] !== true || !/^(cql_min_qf|alpha_prime_loss|qf_loss)/.test(name))
    return METRIC_SCALE
  const weight = size('alpha_prime') * Math.abs(Number(config['cql_alpha'] ?? 10))
  return Math.max(METRIC_SCALE, (weight * Math.max(size('cql_qf1_diff'), size('cql_qf2_diff'))) / 10)
}

/** Compares by a scale of `least` at least. */
function checkFrom(to: Comparison, what: string, least: number, found: unknown, expected: unknown): void {
  if (found === undefined) to.check(what, found, expected)
  else to.check(what, [...numbersOf(found), least], [...numbersOf(expected), least])
}

/** CORL's CQL, offline and finetune: recorded updates on one batch, or its helper functions. */
export async function corlCql(golden: unknown, readRun?: ReadRun): Promise<FileResult> {
  if (isRecord(golden) && (isRecord(golden['modify_reward']) || isRecord(golden['actor_eval'])))
    return corlHelpers(golden, readRun)
  if (!isCQLRun(golden)) return { skipped: `not a run of CQL: needs ${PARTS.join(', ')}` }
  for (const [name, settings] of Object.entries(golden.optimizers)) {
    if (settings.type !== 'Adam' || settings.weight_decay !== 0 || settings.amsgrad)
      return { skipped: `cql has no setting for the optimizer of ${name}: ${JSON.stringify(settings)}` }
  }
  const to: Comparisons = {
    metrics: new Comparison('metrics'),
    gradients: new Comparison('gradients'),
    networks: new Comparison('networks after updates'),
  }
  for (const { name, compute } of await runtimes()) await replay(golden, name, compute, to)
  let detail: string | undefined
  if (Object.values(to).some((part) => !part.result().pass)) {
    for (const part of ['metrics', 'gradients', 'networks'] as const) to[part] = new Comparison(to[part].name)
    for (const { name, compute } of await runtimes())
      await replay(golden, name, compute, to, await measured(golden, compute))
    detail = 'with what rounding does to gradients'
  }
  const parts = golden.grads_update_1 === undefined ? [to.metrics, to.networks] : Object.values(to)
  return { cases: parts.map((part) => part.result(detail)) }
}

type Comparisons = Record<'metrics' | 'gradients' | 'networks', Comparison>

interface Update {
  readonly k: number
  readonly metrics: Record<string, number>
  readonly output: LearnOutput
  readonly state: StateTree
  readonly model: ActorCriticModel
}

/** Does the recorded updates from the networks `init`, and shows each. */
async function updatesOf(
  golden: GoldenCQL,
  compute: Compute,
  init: Networks,
  show: (update: Update) => void,
): Promise<void> {
  const draws = new RecordedDraws()
  const { policy, model } = policyOf(golden, withDraws(compute, draws), init)
  const learn = policy.learn_mode
  const batch = batchOf(golden)
  for (const [index, metrics] of golden.metrics.entries()) {
    const k = index + 1
    if (index === golden.config['offline_iterations']) policy.startOnline()
    draws.push(...golden.draws[index]!.map(drawn))
    const output = (await learn.forward(batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    show({ k, metrics, output, state: learn.state_dict(), model })
  }
}

/** What rounding may do in this run. */
async function measured(golden: GoldenCQL, compute: Compute): Promise<RunRounding> {
  const { learn } = policyConfig(golden)
  const seen: Record<string, number>[][] = []
  const rounding = await roundingOf(
    async (nudge) => {
      const { actor, critic_1, critic_2 } = golden.init
      const nudged = { actor: nudge(actor), critic_1: nudge(critic_1), critic_2: nudge(critic_2) }
      const trace: Trace[number][] = []
      const metrics: Record<string, number>[] = []
      seen.push(metrics)
      await updatesOf(golden, compute, { ...golden.init, ...nudged }, ({ state, model, output }) => {
        metrics.push({ ...output } as unknown as Record<string, number>)
        const moved = (['actor', 'critic'] as const).flatMap((part) => {
          const named = model[part].namedParameters().map(([name, own]) => [`${part}.${name}`, own] as const)
          return movedBy(state[`optimizer_${part}`] as StateTree, named)
        })
        trace.push(new Map(moved))
      })
      return trace
    },
    {
      betas: learn.optimizer_betas,
      eps: learn.optimizer_eps,
      theta: learn.target_theta,
      period: learn.target_update_period,
    },
  )
  // The last run is the one that starts from the weights themselves.
  const own = seen.at(-1)!
  const metrics = golden.metrics.map((expected, k) => {
    const names = Object.keys(expected)
    const noise = (name: string) => {
      const of = (run: Record<string, number>[]) => run[k]![ownName(name)]!
      return Math.max(...seen.map((run) => Math.abs(of(run) - of(own))))
    }
    const alike = (name: string) => (OF_VALUES.test(name) ? names.filter((n) => OF_VALUES.test(n)) : [name])
    return new Map(names.map((name) => [name, Math.max(...alike(name).map(noise))]))
  })
  return { ...rounding, metrics }
}

async function replay(
  golden: GoldenCQL,
  runtime: string,
  compute: Compute,
  to: Comparisons,
  rounding?: RunRounding,
): Promise<void> {
  await updatesOf(golden, compute, golden.init, ({ k, metrics, output, state, model }) => {
    for (const [name, value] of Object.entries(metrics)) {
      const noise = (rounding?.metrics[k - 1]?.get(name) ?? 0) * NUDGED_MARGIN
      const least = Math.max(scaleOf(name, metrics, golden), noise / FLOAT32_TOLERANCE)
      checkFrom(to.metrics, `${runtime} ${name} ${k}`, least, output[ownName(name)], Math.fround(value))
    }
    if (k === 1 && golden.grads_update_1 !== undefined)
      compareGradients(to.gradients, runtime, model, golden, rounding?.gradients)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined)
      compareNetworks(to.networks, `${runtime} after ${k}`, state, snapshot, scalesOf(golden, k), {
        params: rounding?.params[k - 1],
        targets: rounding?.targets[k - 1],
      })
  })
}

/** A draw as the program's generator gives it: uniform numbers in [0, 1). */
function drawn({ kind, low = 0, high = 1, value }: Draw): number[] {
  const numbers = numbersOf(value)
  return kind === 'uniform' ? numbers.map((x) => (x - low) / (high - low)) : numbers
}

function batchOf({ batch }: GoldenCQL): Batch {
  const dones = decode(batch.dones)
  return {
    obs: decode(batch.obs),
    action: decode(batch.actions),
    reward: { ...decode(batch.rewards), shape: [dones.data.length] },
    next_obs: decode(batch.next_obs),
    done: { dtype: 'bool', shape: [dones.data.length], data: Uint8Array.from(dones.data) },
  }
}
