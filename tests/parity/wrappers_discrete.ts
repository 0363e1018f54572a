import type { Compute } from '../../ding/compute/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import {
  actionError,
  distance,
  type GoldenRecord,
  type GoldenTensor,
  host,
  inputOf,
  type Options,
  type Outcome,
  type Replay,
  sample,
  vector,
} from './wrappers_common.js'

/** Indices come out exact. */
const EXACT = 0

/** A head's logits and mask. */
interface Head {
  /** Shape of the actions: [B], with agents [B, A]. */
  readonly lead: number[]
  readonly rows: number
  readonly n: number
  readonly logit: HostTensor
  readonly mask: HostTensor | undefined
}

function headsOf(input: GoldenRecord): Head[] {
  const logits = (Array.isArray(input['logit']) ? input['logit'] : [input['logit']]) as HostTensor[]
  const masks = input['action_mask'] as HostTensor | HostTensor[] | undefined
  return logits.map((logit, i) => {
    const n = logit.shape.at(-1)!
    const mask = Array.isArray(masks) ? masks[i] : masks
    return { lead: logit.shape.slice(0, -1), rows: logit.data.length / n, n, logit, mask }
  })
}

const allowed = ({ n, mask }: Head, row: number) =>
  Array.from({ length: n }, (_, a) => mask?.data[row * n + a] ?? 1)

/** The uniform number from which our inverse distribution function makes `index`: the middle of the index's interval. */
function uniformFor(weights: readonly number[], index: number): number {
  const total = weights.reduce((sum, w) => sum + w, 0)
  const below = weights.slice(0, index).reduce((sum, w) => sum + w, 0)
  return (below + 0.5 * weights[index]!) / total
}

interface Draw {
  readonly fn: string
  readonly value: unknown
}

/** Our draws for the recorded ones of one head: a coin a row, and a uniform number for each row's random action. */
function explorationOf(head: Head, eps: number | number[], queue: Draw[]): HostTensor[] {
  const { lead, rows } = head
  const coins = Array.from({ length: rows }, () => 0)
  const picks = Array.from({ length: rows }, () => 0)
  // With one eps an environment, each has a coin of its own; else there is one for the whole batch.
  const groups = Array.isArray(eps) ? eps.length : 1
  const width = rows / groups
  for (let group = 0; group < groups; group++) {
    const from = group * width
    coins.fill(Number(queue.shift()!.value), from, from + width)
    if (queue[0] === undefined || queue[0].fn === 'np.random.random') continue
    const chosen = (queue.shift()!.value as GoldenTensor).data
    for (let i = 0; i < width; i++) picks[from + i] = uniformFor(allowed(head, from + i), chosen[i]!)
  }
  return [vector(coins, lead), vector(picks, [...lead, 1])]
}

const epsOf = (recorded: GoldenRecord) => recorded['eps'] as number | number[]
const epsTensor = (eps: number | number[]) => (Array.isArray(eps) ? vector(eps) : vector([eps], []))

/** A wrapper that chooses the best action or, at random, any. */
function epsGreedy(wrapper: string): Replay {
  return async (compute, recorded, inputs) => {
    const input = inputOf(recorded, inputs)
    const eps = epsOf(recorded)
    const queue = [...(recorded['draws'] as Draw[])]
    const draws = headsOf(input).flatMap((head) => explorationOf(head, eps, queue))
    const actions = await sample(compute, wrapper, input, { draws, options: { eps: epsTensor(eps) } })
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  }
}

/** With the probabilities of the softmax where the coin is above eps. DI-engine draws every head anew for each, so one head only. */
function epsGreedyMultinomial(wrapper: string): Replay {
  return async (compute, recorded, inputs) => {
    const input = inputOf(recorded, inputs)
    const [head, ...others] = headsOf(input)
    const eps = epsOf(recorded)
    if (head === undefined || others.length > 0 || typeof eps !== 'number')
      throw new Error('Only one head and one eps are replayed.')
    const [coin, chosen] = recorded['draws'] as [Draw, Draw]
    const explores = Number(coin.value) <= eps
    const indices = (chosen.value as GoldenTensor).data
    const alpha = typeof recorded['alpha'] === 'number' ? recorded['alpha'] : 1
    const { lead, rows } = head
    const us = (of: (row: number) => number[], used: boolean) =>
      vector(
        Array.from({ length: rows }, (_, row) => (used ? uniformFor(of(row), indices[row]!) : 0)),
        [...lead, 1],
      )
    const draws = [
      us((row) => softmax(head, row, alpha), !explores),
      vector(Array<number>(rows).fill(Number(coin.value)), lead),
      us((row) => allowed(head, row), explores),
    ]
    const options: Options = { eps: epsTensor(eps), alpha: vector([alpha], []) }
    const actions = await sample(compute, wrapper, input, { draws, options })
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  }
}

function softmax(head: Head, row: number, alpha: number): number[] {
  const mask = allowed(head, row)
  const logits = mask.map((on, a) => (on > 0 ? head.logit.data[row * head.n + a]! / alpha : -Infinity))
  const most = Math.max(...logits)
  return logits.map((logit) => Math.exp(logit - most))
}

/** How near the ends of an action's interval is tried. */
const MARGIN = 1e-5

/**
 * The original's draws are inside torch, so: with a uniform number from inside the recorded action's interval we must draw that action;
 * and just within both ends of every interval of its probabilities that is wide enough, the action of that interval. That fixes our
 * distribution function to about 1e-5 at every action. The original's 1e-8 for forbidden actions is a defect: ours never draws them.
 */
async function multinomial(
  compute: Compute,
  recorded: GoldenRecord,
  inputs: Record<string, GoldenRecord>,
): Promise<Outcome> {
  const input = inputOf(recorded, inputs)
  const heads = headsOf(input)
  const given = recorded['probs_given_to_torch_multinomial']
  const probabilities = (Array.isArray(given) ? given : [given]).map(host)
  const options: Options =
    typeof recorded['alpha'] === 'number' ? { alpha: vector([recorded['alpha']], []) } : {}
  const action = recorded['action']
  const expected = (Array.isArray(action) ? action : [action]) as GoldenTensor[]
  const weights = (head: number, row: number) => {
    const { n } = heads[head]!
    return Array.from(probabilities[head]!.data.subarray(row * n, row * n + n), (p) => (p < 1e-6 ? 0 : p))
  }
  /** Draws every head from a uniform number a row. */
  const draw = (us: (head: number, row: number) => number) =>
    sample(compute, 'multinomial_sample', input, {
      draws: heads.map(({ lead, rows }, head) =>
        vector(
          Array.from({ length: rows }, (_, row) => us(head, row)),
          [...lead, 1],
        ),
      ),
      options,
    })
  const recordedAt = (head: number, row: number) => expected[head]!.data[row]!
  const middle = (head: number, row: number) => uniformFor(weights(head, row), recordedAt(head, row))
  let error = actionError(await draw(middle), action)
  for (let target = 0; target < Math.max(...heads.map(({ n }) => n)); target++) {
    const share = (head: number, row: number) => {
      const w = weights(head, row)
      return (w[target] ?? 0) / w.reduce((sum, x) => sum + x, 0)
    }
    const wide = (head: number, row: number) => share(head, row) > 4 * MARGIN
    for (const side of [-1, 1]) {
      const drawn = await draw((head, row) =>
        wide(head, row)
          ? uniformFor(weights(head, row), target) + side * (0.5 * share(head, row) - MARGIN)
          : middle(head, row),
      )
      heads.forEach(({ rows }, head) => {
        const possible = Array.from({ length: rows }, (_, row) =>
          wide(head, row) ? target : recordedAt(head, row),
        )
        error = Math.max(error, distance(drawn[head]!.data, possible))
      })
    }
  }
  return { error, tolerance: EXACT, detail: 'distribution function checked to 1e-5' }
}

/** A wrapper that draws nothing. */
function greedy(wrapper: string): Replay {
  return async (compute, recorded, inputs) => {
    const shots = recorded['shot_number']
    const settings = shots === undefined ? {} : { shot_number: shots }
    const actions = await sample(compute, wrapper, inputOf(recorded, inputs), { settings })
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  }
}

/** Wrappers whose actions are discrete, or of a discrete type with arguments. */
export const DISCRETE_REPLAYS: Readonly<Record<string, Replay>> = {
  argmax_sample: greedy('argmax_sample'),
  combination_argmax_sample: greedy('combination_argmax_sample'),
  hybrid_argmax_sample: greedy('hybrid_argmax_sample'),
  hybrid_deterministic_argmax_sample: greedy('hybrid_deterministic_argmax_sample'),
  eps_greedy_sample: epsGreedy('eps_greedy_sample'),
  hybrid_eps_greedy_sample: epsGreedy('hybrid_eps_greedy_sample'),
  eps_greedy_multinomial_sample: epsGreedyMultinomial('eps_greedy_multinomial_sample'),
  hybrid_eps_greedy_multinomial_sample: epsGreedyMultinomial('hybrid_eps_greedy_multinomial_sample'),
  multinomial_sample: multinomial,
}
