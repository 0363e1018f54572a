import { CheckpointError, isHostTensor, type Resumable, type StateTree, UsageError } from '../utils/index.js'

/**
 * The probability of a random action over the run.
 * `exp`: (start - end) exp(-step / decay) + end. `linear`: a straight line from start to end over `decay` steps, then flat.
 * @param decay env steps, positive
 * @throws UsageError for another type or a decay that is not positive
 */
export function get_epsilon_greedy_fn(
  start: number,
  end: number,
  decay: number,
  type: 'exp' | 'linear' = 'exp',
): (step: number) => number {
  if (!(decay > 0)) throw new UsageError(`The decay of an epsilon schedule must be positive, got ${decay}.`)
  if (type === 'exp') return (step) => (start - end) * Math.exp(-step / decay) + end
  if (type === 'linear') return (step) => (step >= decay ? end : (start - end) * (1 - step / decay) + end)
  throw new UsageError(`An epsilon schedule is of type 'exp' or 'linear', got ${JSON.stringify(type)}.`)
}

/** Where noise comes from: a RandomStream, or a recording in a test. */
export interface NormalSource {
  /** `n` standard normal values. */
  normal(n: number): Float32Array
}

/** Noise to be added to actions, with a state of its own for each environment. */
export interface ActionNoise extends Resumable {
  /** The next noise of environment `id`: `size` values. */
  sample(size: number, random: NormalSource, id?: number | string): Float32Array
  /** Forgets the state of one environment (at the end of its episode), or of all. */
  reset(id?: number | string): void
}

/** One number for all action dimensions, or one for each. */
export type PerDimension = number | ArrayLike<number>

export interface GaussianNoiseOptions {
  /** Mean (0). */
  readonly mu?: PerDimension
  /** Standard deviation (1). */
  readonly sigma?: PerDimension
}

/** A setting of a noise for `size` action dimensions. @throws UsageError when it is a list of another length */
function spread(noise: string, name: string, value: PerDimension, size: number): Float64Array {
  if (typeof value === 'number') return new Float64Array(size).fill(value)
  if (value.length === size) return Float64Array.from(value)
  throw new UsageError(
    `The ${name} of ${noise} has ${value.length} values, but the action has ${size}. Give one number, or one for each.`,
  )
}

/** @throws UsageError unless every value is 0 or more */
function checkSigma(noise: string, sigma: PerDimension): void {
  const all = typeof sigma === 'number' ? [sigma] : Array.from(sigma)
  if (all.length > 0 && all.every((value) => value >= 0)) return
  throw new UsageError(
    `The sigma of ${noise} must be 0 or more, got ${all.length === 0 ? 'an empty list' : all}.`,
  )
}

/** Independent normal noise: mu + sigma z. */
export class GaussianNoise implements ActionNoise {
  readonly #mu: PerDimension
  readonly #sigma: PerDimension

  constructor({ mu = 0, sigma = 1 }: GaussianNoiseOptions = {}) {
    checkSigma('GaussianNoise', sigma)
    this.#mu = mu
    this.#sigma = sigma
  }

  sample(size: number, random: NormalSource): Float32Array {
    const mu = spread('GaussianNoise', 'mu', this.#mu, size)
    const sigma = spread('GaussianNoise', 'sigma', this.#sigma, size)
    return random.normal(size).map((z, i) => mu[i]! + sigma[i]! * z)
  }

  reset(): void {}

  state_dict(): StateTree {
    return {}
  }

  load_state_dict(): void {}
}

export interface OUNoiseOptions {
  /** What the process returns to (0). */
  readonly mu?: PerDimension
  /** Size of the perturbation (0.3). */
  readonly sigma?: PerDimension
  /** Strength of the return (0.15). */
  readonly theta?: number
  /** Time step (0.01). */
  readonly dt?: number
  /** Start value (0). */
  readonly x0?: PerDimension
}

/**
 * Ornstein-Uhlenbeck noise, correlated in time (Uhlenbeck & Ornstein 1930; used by Lillicrap et al. 2016):
 * x <- x + theta (mu - x) dt + sigma sqrt(dt) z, from x0 in each episode of each environment.
 * The noise is the state x. (DI-engine's OUNoise returns the increment, which is hardly correlated at all.)
 */
export class OUNoise implements ActionNoise {
  readonly #mu: PerDimension
  readonly #sigma: PerDimension
  readonly #alpha: number
  readonly #root: number
  readonly #x0: PerDimension
  readonly #x = new Map<string, Float32Array>()

  constructor({ mu = 0, sigma = 0.3, theta = 0.15, dt = 1e-2, x0 = 0 }: OUNoiseOptions = {}) {
    checkSigma('OUNoise', sigma)
    if (!(dt > 0)) throw new UsageError(`The dt of OUNoise must be positive, got ${dt}.`)
    this.#mu = mu
    this.#sigma = sigma
    this.#alpha = theta * dt
    this.#root = Math.sqrt(dt)
    this.#x0 = x0
  }

  sample(size: number, random: NormalSource, id: number | string = 0): Float32Array {
    let x = this.#x.get(String(id))
    if (x === undefined) {
      x = Float32Array.from(spread('OUNoise', 'x0', this.#x0, size))
      this.#x.set(String(id), x)
    }
    if (x.length !== size) {
      throw new UsageError(
        `OUNoise of environment ${id} has ${x.length} dimensions; ${size} were asked for. Call reset(${id}) first.`,
      )
    }
    const mu = spread('OUNoise', 'mu', this.#mu, size)
    const sigma = spread('OUNoise', 'sigma', this.#sigma, size)
    const z = random.normal(size)
    for (let i = 0; i < size; i++) x[i]! += this.#alpha * (mu[i]! - x[i]!) + sigma[i]! * this.#root * z[i]!
    return x.slice()
  }

  reset(id?: number | string): void {
    if (id === undefined) this.#x.clear()
    else this.#x.delete(String(id))
  }

  state_dict(): StateTree {
    const x: StateTree = {}
    for (const [id, data] of this.#x) x[id] = { dtype: 'float32', shape: [data.length], data: data.slice() }
    return { x }
  }

  load_state_dict(state: StateTree): void {
    const x = state['x']
    if (typeof x !== 'object' || x === null || Array.isArray(x) || isHostTensor(x)) {
      throw new CheckpointError(
        'This is no state of OUNoise: it has no record "x" of one array per environment.',
      )
    }
    const loaded = Object.entries(x).map(([id, value]): [string, Float32Array] => {
      if (!isHostTensor(value))
        throw new CheckpointError(`The state of OUNoise holds no array for environment ${id}.`)
      return [id, Float32Array.from(value.data)]
    })
    this.#x.clear()
    for (const [id, data] of loaded) this.#x.set(id, data)
  }
}

/** Action noise by DI-engine's name: `gauss` or `ou`. @throws UsageError for another name. */
export function create_noise_generator(
  type: 'gauss' | 'ou',
  options: GaussianNoiseOptions | OUNoiseOptions = {},
): ActionNoise {
  if (type === 'gauss') return new GaussianNoise(options)
  if (type === 'ou') return new OUNoise(options)
  throw new UsageError(`Action noise is of type 'gauss' or 'ou', got ${JSON.stringify(type)}.`)
}
