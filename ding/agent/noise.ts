import { noise_sigma } from '../policy/index.js'
import { ConfigError, didYouMean } from '../utils/index.js'

/** Noise on collected actions, as data. */
export interface ActionNoiseSpec {
  readonly type: 'gauss' | 'ou'
  /** Standard deviation; this and the mean are one number, or one for each action dimension. */
  readonly sigma: number | readonly number[]
  /** Mean (0). */
  readonly mu?: number | readonly number[]
  /** Ornstein-Uhlenbeck: pull to the mean (0.15), length of a step (0.01), start (0). */
  readonly theta?: number
  readonly dt?: number
  readonly x0?: number | readonly number[]
}

/** SB3's mean or sigma, an array there, as a config holds it. */
function plain(value: number | ArrayLike<number>): number | readonly number[] {
  return typeof value === 'number' ? value : Array.from(value)
}

/** SB3's Gaussian action noise. Every environment has noise of its own. */
export class NormalActionNoise implements ActionNoiseSpec {
  readonly type = 'gauss'
  readonly mu: number | readonly number[]
  readonly sigma: number | readonly number[]

  constructor(mean: number | ArrayLike<number>, sigma: number | ArrayLike<number>) {
    this.mu = plain(mean)
    this.sigma = plain(sigma)
  }
}

/** SB3's Ornstein-Uhlenbeck action noise: correlated in time, started anew with each episode. */
export class OrnsteinUhlenbeckActionNoise implements ActionNoiseSpec {
  readonly type = 'ou'
  readonly mu: number | readonly number[]
  readonly sigma: number | readonly number[]

  constructor(
    mean: number | ArrayLike<number>,
    sigma: number | ArrayLike<number>,
    readonly theta: number = 0.15,
    readonly dt: number = 1e-2,
  ) {
    this.mu = plain(mean)
    this.sigma = plain(sigma)
  }
}

/** Format of `action_noise`. @throws Error saying what is wrong */
export function action_noise(value: unknown): value is ActionNoiseSpec {
  const { type, sigma, ...rest } = (value ?? {}) as Record<string, unknown>
  const known = type === 'gauss' ? ['mu'] : ['mu', 'theta', 'dt', 'x0']
  const odd = Object.keys(rest).find((key) => !known.includes(key))
  if (type !== 'gauss' && type !== 'ou')
    throw new ConfigError(
      "Give a NormalActionNoise, an OrnsteinUhlenbeckActionNoise, or {type: 'gauss' | 'ou', sigma}.",
    )
  noise_sigma(sigma)
  if (odd !== undefined) throw new ConfigError(`There is no "${odd}".${didYouMean(odd, known)}`)
  return true
}

/** The policy's keys below `collect`. */
export function noiseConfig(noise: ActionNoiseSpec | null): Record<string, unknown> {
  if (noise === null) return { noise_type: null }
  const { type, sigma, ...noise_kwargs } = noise
  return { noise_type: type, noise_sigma: sigma, noise_kwargs }
}
