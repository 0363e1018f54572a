// What float32 alone may do to the numbers of a recorded REDQ run.
import type { Compute } from '../../ding/compute/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { movedBy, NOISE_MARGIN, noisesOf, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import type { GoldenTensor } from './golden.js'
import { batchOf, type GoldenREDQ, policyOf, trainSamples } from './redq_run.js'

const LOGGED = ['critic_loss', 'policy_loss', 'alpha_loss', 'alpha', 'priority'] as const
export type Logged = (typeof LOGGED)[number]

export type Roundings = Record<
  'actor' | 'critic',
  Rounding & {
    readonly noises: ReadonlyMap<number, ReadonlyMap<string, Float64Array>>
    /** What it may do to each number that an update logs. */
    readonly logged: readonly ReadonlyMap<Logged, Float64Array>[]
  }
>

/** What rounding may do to one network; its trace has an entry for each step of its optimizer. */
export async function measured(
  golden: GoldenREDQ,
  compute: Compute,
  part: 'actor' | 'critic',
): Promise<Roundings['actor']> {
  const noises = new Map<number, ReadonlyMap<string, Float64Array>>()
  const traces: Trace[] = []
  const logs: ReadonlyMap<Logged, Float64Array>[][] = []
  let runs = 0
  const rounding = await roundingOf(
    async (nudge) => {
      const { actor, critic } = golden.init
      const nudged = { ...golden, init: { ...golden.init, actor: nudge(actor), critic: nudge(critic) } }
      // The original rounds 1 - a^2 to 2^-24 before it adds 2^-23: as if that were as much larger or smaller.
      const exactly = nudged.init.actor === actor
      const digit = exactly ? 0 : runs++ % 2 === 0 ? 2 ** -24 : -(2 ** -24)
      const trace: Trace[number][] = []
      const logged: ReadonlyMap<Logged, Float64Array>[] = []
      logs.push(logged)
      const { model, draws, learn } = policyOf(nudged, compute, 2 ** -23 + digit)
      const samples = trainSamples(golden)
      for (const [index, metrics] of golden.metrics.entries()) {
        const drawn = golden.draws[index]!
        draws.push(...drawn.filter(({ name }) => name !== 'batch_indices').map(({ value }) => value))
        const rows = drawn.find(({ name }) => name === 'batch_indices')!.value.data.map((at) => samples[at]!)
        const out = (await learn.forward(batchOf(rows))) as Record<string, number | Float32Array | undefined>
        logged.push(
          new Map(
            LOGGED.map((name) => [
              name,
              Float64Array.from([out[name] ?? 0].flatMap((x) => (typeof x === 'number' ? x : [...x]))),
            ]),
          ),
        )
        if (part === 'actor' && !metrics.actor_step) continue
        const state = learn.state_dict()
        const own = model[part].namedParameters()
        trace.push(new Map(movedBy(state[`optimizer_${part}`] as StateTree, own)))
      }
      traces.push(trace)
      return trace
    },
    { betas: golden.optimizers[part].betas, eps: golden.optimizers[part].eps, theta: golden.config.tau },
  )
  const exact = traces.pop()!
  const own = logs.pop()!
  const logged = own.map(
    (values, k) =>
      new Map(
        [...values].map(([name, numbers]) => [
          name,
          // Few rows show how far any may go: the most of all.
          numbers.map(() =>
            Math.max(
              ...logs.flatMap((other) =>
                [...numbers].map((value, i) => NOISE_MARGIN * Math.abs(other[k]!.get(name)![i]! - value)),
              ),
            ),
          ),
        ]),
      ),
  )
  for (const [i] of exact.entries()) noises.set(i, noisesOf(exact, traces, i))
  return { ...rounding, noises, logged }
}

/**
 * What rounding alone does to the mean log-density of actions a = tanh(mu + sigma eps): a and a^2 are known to 2^-25 each, and log(1 - a^2 + 2^-23)
 * changes by 1 / (1 - a^2 + 2^-23) times that of a^2; both implementations round. Near the bounds that is far more than a float32 has of the loss.
 */
export function densityRounding(normal: Record<'mu' | 'sigma', HostTensor>, eps: GoldenTensor): number {
  return densityRoundings(normal, eps).reduce((sum, term) => sum + term, 0) / eps.shape[0]!
}

/** The same for the log-density of each row. */
export function densityRoundings(
  { mu, sigma }: Record<'mu' | 'sigma', HostTensor>,
  eps: GoldenTensor,
): number[] {
  const terms = eps.data.map((z, i) => {
    const before = mu.data[i]! + sigma.data[i]! * Math.fround(z)
    const action = Math.tanh(before)
    // The original takes z back from the value: (value - mu) / sigma, off by a digit of the value.
    const back = (2 ** -24 * Math.abs(before)) / sigma.data[i]!
    return 2 ** -23 / (1 - action * action + 2 ** -23) + back * (Math.abs(z) + back / 2)
  })
  const width = eps.shape[1]!
  return Array.from({ length: eps.shape[0]! }, (_, i) =>
    terms.slice(i * width, (i + 1) * width).reduce((a, b) => a + b, 0),
  )
}
