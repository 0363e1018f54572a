// What the numbers of the cqn study come to, ours and AgileRL's, and the criterion they are judged by.
import agilerl from './cqn_agilerl.json' with { type: 'json' }
import { CONFIGURATIONS, type CqnRun, SEEDS, SETTINGS, type Setting } from './cqn_runs.js'
import { deviation, mean, standardError } from './numbers.js'

/** One run, whoever made it. */
interface Curve {
  readonly curve: readonly number[]
  readonly final: number
  readonly q: number
}

export type Maker = Setting | 'agilerl'
export const MAKERS: readonly Maker[] = ['agilerl', ...SETTINGS]
export const REFERENCE = agilerl.reference

function curves(
  runs: readonly CqnRun[],
  configuration: string,
  maker: Maker,
  seeds: readonly number[],
): Curve[] {
  if (maker === 'agilerl') {
    const recorded = agilerl.configurations[configuration as keyof typeof agilerl.configurations]
    return recorded.runs.map(({ curve, final_100_episodes, max_q_at_end }) => ({
      curve,
      final: final_100_episodes,
      q: max_q_at_end,
    }))
  }
  return runs
    .filter((run) => run.configuration === configuration && run.setting === maker && seeds.includes(run.seed))
    .map(({ curve, final_returns, q_at_end }) => ({ curve, final: mean(final_returns), q: q_at_end }))
}

/** The numbers of one configuration by one maker; lists have one entry a seed. */
export interface Summary {
  readonly configuration: string
  readonly maker: Maker
  /** Mean of the evaluations after 1000, 2000, ... updates; the untrained network does not count. */
  readonly over_updates: readonly number[]
  readonly best: readonly number[]
  readonly last: readonly number[]
  /** Mean over 100 episodes with the final weights. */
  readonly final: readonly number[]
  readonly q: readonly number[]
  /** Per evaluation, over seeds. */
  readonly curve: { readonly mean: number[]; readonly deviation: number[] }
}

function summarise(
  runs: readonly CqnRun[],
  configuration: string,
  maker: Maker,
  seeds: readonly number[],
): Summary | undefined {
  const own = curves(runs, configuration, maker, seeds)
  const [first] = own
  if (first === undefined) return undefined
  const at = first.curve.map((_, i) => own.map(({ curve }) => curve[i] as number))
  const trained = own.map(({ curve }) => curve.slice(1))
  return {
    configuration,
    maker,
    over_updates: trained.map(mean),
    best: trained.map((values) => Math.max(...values)),
    last: trained.map((values) => values.at(-1) as number),
    final: own.map(({ final }) => final),
    q: own.map(({ q }) => q),
    curve: { mean: at.map(mean), deviation: at.map(deviation) },
  }
}

/** @param seeds which of ours count; AgileRL's all do */
export function summaries(runs: readonly CqnRun[], seeds: readonly number[] = SEEDS): Summary[] {
  return CONFIGURATIONS.flatMap(({ name }) =>
    MAKERS.flatMap((maker) => summarise(runs, name, maker, seeds) ?? []),
  )
}

export interface Comparison {
  readonly difference: number
  /** Standard error of the difference. */
  readonly error: number
  readonly verdict: 'ahead' | 'level' | 'behind'
}

/** Ahead or behind: by more than one standard error of the difference of the means over seeds. */
export function compare(ours: readonly number[], theirs: readonly number[]): Comparison {
  const difference = mean(ours) - mean(theirs)
  const error = standardError(ours, theirs)
  const verdict = difference > error ? 'ahead' : difference < -error ? 'behind' : 'level'
  return { difference, error, verdict }
}

/**
 * The criterion, fixed before any result was seen: with the term 'dataset', the mean return over updates, averaged over seeds, is
 * at least AgileRL's less one standard error of the difference, in each configuration. It uses every evaluation and all
 * seeds; single evaluations (last, best, final) swing too much to be judged by. One entry a configuration.
 */
export function judge(all: readonly Summary[]): { configuration: string; passed: boolean }[] {
  return CONFIGURATIONS.map(({ name }) => {
    const ours = pick(all, name, 'dataset')
    const complete = ours.over_updates.length === SEEDS.length
    const { verdict } = compare(ours.over_updates, pick(all, name, 'agilerl').over_updates)
    return { configuration: name, passed: complete && verdict !== 'behind' }
  })
}

export function pick(all: readonly Summary[], configuration: string, maker: Maker): Summary {
  const found = all.find((one) => one.configuration === configuration && one.maker === maker)
  if (found === undefined) throw new Error(`There are no runs of ${configuration} by ${maker}.`)
  return found
}
