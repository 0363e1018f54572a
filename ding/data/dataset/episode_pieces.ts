import {
  DatasetError,
  dtypeOf,
  type HostTensor,
  isHostTensor,
  sizeOf,
  type TypedArray,
} from '../../utils/index.js'
import { collate } from '../batch.js'
import { checkTransition, inferLayout, type Layout } from '../columns.js'
import type { Batch, Transition, TransitionValue } from '../types.js'

/**
 * Shape of an observation, or of each entry of a record by its key; entries that are left out are vectors. Environments
 * hand out flat arrays, so that the shape of an image is not to be seen in a transition.
 */
export type RowShape = readonly number[] | { readonly [key: string]: RowShape }

const NOTHING: ReadonlySet<string> = new Set()

/** What is known of the transitions that are appended besides themselves. */
export interface AppendedPiece {
  /** Which environment they come from; each one's episodes are put together by themselves. 0 by default. */
  readonly env?: number
  /** The last of them ended its episode at a time limit. */
  readonly truncated?: boolean
}

/** The steps of an episode, from its beginning to where it ended or was cut. */
export interface Episode {
  /** Columns `obs, next_obs, action, reward, done`, where done is terminated. */
  readonly columns: Batch
  readonly steps: number
  readonly terminated: boolean
}

function arrayOf(value: TransitionValue): TypedArray | undefined {
  if (isHostTensor(value)) return value.data
  return ArrayBuffer.isView(value) ? (value as TypedArray) : undefined
}

/** Whether two values of a transition hold the same numbers. */
function same(a: TransitionValue | undefined, b: TransitionValue | undefined): boolean {
  if (a === undefined || b === undefined) return false
  if (typeof a !== 'object' || typeof b !== 'object') return a === b
  const x = arrayOf(a)
  const y = arrayOf(b)
  if (x !== undefined && y !== undefined)
    return x.length === y.length && x.every((value, i) => value === y[i])
  if (x !== undefined || y !== undefined) return false
  return Object.keys(a).every((key) => same((a as Transition)[key], (b as Transition)[key]))
}

/**
 * A copy, since arrays may be the environment's own, to be overwritten by its next step.
 * @param shape what a flat array is given as its shape
 * @throws DatasetError when it has not as many entries
 */
function copied(value: TransitionValue, where: string, shape?: RowShape): TransitionValue {
  if (typeof value !== 'object') return value
  if (isHostTensor(value)) return { ...value, data: value.data.slice() }
  if (ArrayBuffer.isView(value)) {
    const data = (value as TypedArray).slice()
    if (!isSizes(shape)) return data
    if (sizeOf(shape) !== data.length) {
      throw new DatasetError(
        `${where} has ${data.length} entries, expected those of the shape [${shape.join(', ')}]. Give the shape of ` +
          "the environment's observations as obs_shape.",
      )
    }
    return { dtype: dtypeOf(data), shape: [...shape], data }
  }
  const inner = (key: string): RowShape | undefined => (isSizes(shape) ? undefined : shape?.[key])
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, copied(item, `${where}, "${key}",`, inner(key))]),
  )
}

function isSizes(shape: RowShape | undefined): shape is readonly number[] {
  return Array.isArray(shape)
}

function single(value: TransitionValue | undefined, path: string, what: string): number {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  const array = value === undefined ? undefined : arrayOf(value)
  if (array?.length === 1) return array[0]!
  throw new DatasetError(
    `Dataset "${path}": the ${what} of a transition is ${array === undefined ? 'missing' : `${array.length} numbers`}, ` +
      `expected one. ${what === 'reward' ? 'Collect with nstep 1: a dataset holds single steps.' : ''}`.trimEnd(),
  )
}

/** Puts the transitions of several environments together to episodes. */
export class EpisodePieces {
  readonly #open = new Map<number, Transition[]>()
  #layout: Layout | undefined

  /** @param obsShape shape of an observation, where its arrays come flat */
  constructor(
    private readonly path: string,
    private readonly obsShape?: RowShape,
  ) {}

  /**
   * The episodes that the transitions complete. A step that does not follow the one before it begins another episode.
   * @throws DatasetError when a transition does not fit; none is taken then.
   */
  add(transitions: readonly Transition[], { env = 0, truncated = false }: AppendedPiece): Episode[] {
    const episodes: Episode[] = []
    const steps = transitions.map((transition, i) => this.stepOf(transition, i))
    for (const [i, step] of steps.entries()) {
      let open = this.#open.get(env) ?? []
      const before = open.at(-1)
      if (before !== undefined && !same(before['next_obs'], step['obs'])) {
        episodes.push(this.finish(open, false))
        open = []
      }
      open.push(step)
      this.#open.set(env, open)
      const cut = transitions[i]!['truncated'] === true || (truncated && i === transitions.length - 1)
      if (step['done'] !== true && !cut) continue
      // Over by a time limit is not terminated, whatever else the step says.
      episodes.push(this.finish(open, step['done'] === true && !cut))
      this.#open.delete(env)
    }
    return episodes
  }

  /** The episodes that have begun and not ended. */
  rest(): Episode[] {
    const episodes = [...this.#open.values()].map((open) => this.finish(open, false))
    this.#open.clear()
    return episodes
  }

  private stepOf(transition: Transition, index: number): Transition {
    const { obs, next_obs, action } = transition
    for (const [key, value] of Object.entries({ obs, next_obs, action })) {
      if (value === undefined)
        throw new DatasetError(
          `Dataset "${this.path}": a transition has no "${key}". Push obs, next_obs, action, reward, done.`,
        )
    }
    const owner = `Dataset "${this.path}"`
    const step: Transition = {
      obs: copied(obs!, `${owner}: "obs"`, this.obsShape),
      next_obs: copied(next_obs!, `${owner}: "next_obs"`, this.obsShape),
      action: copied(action!, `${owner}: "action"`),
      reward: single(transition['reward'], this.path, 'reward'),
      done: single(transition['terminated'] ?? transition['done'], this.path, 'done') !== 0,
    }
    try {
      this.#layout ??= inferLayout(owner, step, NOTHING)
      checkTransition(owner, `transition ${index} of this call`, this.#layout, step, NOTHING)
    } catch (cause) {
      throw new DatasetError((cause as Error).message, { cause })
    }
    return step
  }

  private finish(steps: Transition[], terminated: boolean): Episode {
    if (!terminated) steps.at(-1)!['done'] = false
    return { columns: collate(steps, this.#layout), steps: steps.length, terminated }
  }
}

/** Rows of an observation one after another, without the first or the last: what Minari's layout needs. */
export function withLast(obs: HostTensor, next_obs: HostTensor): HostTensor {
  const rows = obs.shape[0]!
  const width = obs.data.length / rows
  const Type = obs.data.constructor as Float32ArrayConstructor
  const data = new Type(obs.data.length + width)
  data.set(obs.data)
  data.set(next_obs.data.subarray((rows - 1) * width), obs.data.length)
  return { dtype: obs.dtype, shape: [rows + 1, ...obs.shape.slice(1)], data }
}
