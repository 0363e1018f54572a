import { packFloat64, type StateTree, unpackFloat64 } from '../utils/index.js'
import { MinSegmentTree, powerOfTwo, SumSegmentTree } from './segment_tree.js'
import { readNumber } from './state_fields.js'
import type { BufferRandom } from './types.js'

/** Added to every reported priority, so that none becomes zero. */
export const PRIORITY_EPS = 1e-5

/** How priorities become probabilities and weights. */
export interface PriorityOptions {
  /** P(i) is proportional to priority^alpha. */
  readonly alpha: number
  /** Exponent of the importance weights at the start; it rises to 1. */
  readonly beta: number
  /** How much beta rises with each sample call. */
  readonly betaStep: number
  /** Whether the running maximum, which new entries start from, counts the added eps (DI-engine's two buffers differ). */
  readonly maxIncludesEps: boolean
}

/**
 * Proportional prioritised sampling (Schaul et al. 2016, section 3.3 and 3.4), with DI-engine's details: stratified
 * draws, new entries at the maximum so far, weights (N P(i))^-beta divided by the largest possible one.
 */
export class PriorityIndex {
  readonly sum: SumSegmentTree
  readonly min: MinSegmentTree
  /** Priority of each row; NaN where there is no entry. */
  readonly priorities: Float64Array
  #maximum = 1
  #beta: number

  constructor(
    readonly capacity: number,
    private readonly options: PriorityOptions,
  ) {
    this.sum = new SumSegmentTree(powerOfTwo(capacity))
    this.min = new MinSegmentTree(powerOfTwo(capacity))
    this.priorities = new Float64Array(capacity).fill(Number.NaN)
    this.#beta = options.beta
  }

  get beta(): number {
    return this.#beta
  }

  /** The largest priority reported so far. */
  get maximum(): number {
    return this.#maximum
  }

  /** A new entry. Without a priority it gets the maximum so far; with 0 (it would never be drawn) the eps. */
  insert(row: number, priority: number | undefined): void {
    this.#set(row, priority === undefined ? this.#maximum : priority === 0 ? PRIORITY_EPS : priority)
  }

  /** A reported priority. */
  update(row: number, priority: number): void {
    const raised = priority + PRIORITY_EPS
    this.#set(row, raised)
    this.#maximum = Math.max(this.#maximum, this.options.maxIncludesEps ? raised : priority)
  }

  remove(row: number): void {
    this.priorities[row] = Number.NaN
    this.sum.set(row, 0)
    this.min.set(row, Number.POSITIVE_INFINITY)
  }

  /** Fills `rows` with one draw from each of `rows.length` equal shares of the total (of the rows in `range`). */
  draw(rows: Int32Array, random: Pick<BufferRandom, 'nextFloat'>, range?: readonly [number, number]): void {
    const size = rows.length
    const low = range === undefined ? 0 : this.sum.reduce(0, range[0])
    const high = range === undefined ? this.sum.root : this.sum.reduce(0, range[1])
    for (let i = 0; i < size; i++) {
      const mass = (i / size + random.nextFloat() / size) * (high - low) + low
      rows[i] = this.sum.find(mass)
    }
  }

  /** Importance weights of `rows` among `count` entries, at most 1, into `out`. */
  weights(rows: Int32Array, count: number, out: Float32Array): void {
    const total = this.sum.root
    const largest = (count * (this.min.root / total)) ** -this.#beta
    for (let i = 0; i < rows.length; i++) {
      out[i] = (count * (this.sum.get(rows[i]!) / total)) ** -this.#beta / largest
    }
  }

  /** Beta's step towards 1, once a sample call. */
  anneal(): void {
    this.#beta = Math.min(1, this.#beta + this.options.betaStep)
  }

  /** Forgets all entries and the maximum; beta goes on. */
  clear(): void {
    this.priorities.fill(Number.NaN)
    this.sum.clear()
    this.min.clear()
    this.#maximum = 1
  }

  state_dict(rows: number): StateTree {
    const leaves = this.sum.nodes.subarray(this.sum.capacity, this.sum.capacity + rows)
    return {
      priorities: packFloat64(this.priorities.subarray(0, rows)),
      weights: packFloat64(leaves),
      maximum: this.#maximum,
      beta: this.#beta,
    }
  }

  load_state_dict(state: StateTree): void {
    const priorities = unpackFloat64(state.priorities)
    const weights = unpackFloat64(state.weights)
    const maximum = readNumber(state, 'maximum')
    const beta = readNumber(state, 'beta')
    this.priorities.fill(Number.NaN)
    this.priorities.set(priorities)
    this.sum.load(weights)
    this.min.load(
      weights.map((weight, row) => (Number.isNaN(priorities[row]!) ? Number.POSITIVE_INFINITY : weight)),
    )
    this.#maximum = maximum
    this.#beta = beta
  }

  #set(row: number, priority: number): void {
    this.priorities[row] = priority
    const weight = priority ** this.options.alpha
    this.sum.set(row, weight)
    this.min.set(row, weight)
  }
}
