import type { RandomStream } from '../../compute/index.js'
import { checkOptions, didYouMean, UsageError } from '../../utils/index.js'

/** Arguments of `CQN` that evolution may change. */
export const MUTABLE_HYPERPARAMETERS = [
  'lr',
  'batch_size',
  'learn_step',
  'gamma',
  'tau',
  'cql_alpha',
  'td_weight',
] as const

export type Hyperparameter = (typeof MUTABLE_HYPERPARAMETERS)[number]

/** Those that count something. */
const WHOLE: readonly Hyperparameter[] = ['batch_size', 'learn_step']

export interface RLParameterOptions {
  /** Bounds of the value, both permitted. */
  readonly min: number
  readonly max: number
  /** Factors of which a mutation takes one (0.8 and 1.2). */
  readonly shrink_factor?: number
  readonly grow_factor?: number
  /** 'int' cuts off what is behind the point. Left out, a {@link HyperparameterConfig} gives it that of the argument, as AgileRL. */
  readonly dtype?: 'float' | 'int'
}

/** The range of one hyper-parameter, and how it mutates (agilerl/algorithms/core/registry.py, RLParameter). */
export class RLParameter {
  readonly min: number
  readonly max: number
  readonly shrink_factor: number
  readonly grow_factor: number
  readonly dtype: 'float' | 'int' | undefined

  /** @throws UsageError for options that do not exist, an empty range, factors that do not shrink or grow, or an unknown dtype */
  constructor(options: RLParameterOptions) {
    checkOptions('RLParameter', options, ['min', 'max', 'shrink_factor', 'grow_factor', 'dtype'])
    const { min, max, shrink_factor = 0.8, grow_factor = 1.2, dtype } = options
    if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max))
      throw new UsageError(
        `RLParameter: min ${min} and max ${max} are no range; give finite numbers, min <= max.`,
      )
    if (!(shrink_factor > 0 && shrink_factor <= 1 && grow_factor >= 1 && Number.isFinite(grow_factor))) {
      throw new UsageError(
        `RLParameter: shrink_factor is ${shrink_factor}, expected a number in (0, 1]; grow_factor is ${grow_factor}, expected 1 or more.`,
      )
    }
    if (dtype !== undefined && dtype !== 'float' && dtype !== 'int')
      throw new UsageError(`RLParameter: dtype is ${JSON.stringify(dtype)}, expected 'float' or 'int'.`)
    this.min = min
    this.max = max
    this.shrink_factor = shrink_factor
    this.grow_factor = grow_factor
    this.dtype = dtype
  }

  /** `value` times one of the factors, either with probability 1/2, within the bounds. */
  mutate(value: number, random: RandomStream): number {
    const factor = random.nextFloat() < 0.5 ? this.shrink_factor : this.grow_factor
    const next = Math.min(Math.max(value * factor, this.min), this.max)
    return this.dtype === 'int' ? Math.trunc(next) : next
  }

  toJSON(): Required<RLParameterOptions> {
    const { min, max, shrink_factor, grow_factor, dtype = 'float' } = this
    return { min, max, shrink_factor, grow_factor, dtype }
  }
}

export type HyperparameterRanges = Readonly<Partial<Record<Hyperparameter, RLParameter | RLParameterOptions>>>

/** Which hyper-parameters mutate and within which ranges. */
export class HyperparameterConfig {
  readonly parameters: ReadonlyMap<Hyperparameter, RLParameter>

  /** @throws UsageError for a name that is no hyper-parameter of the agent, a dtype that is not its own, and fractions as bounds of a whole number */
  constructor(ranges: HyperparameterRanges) {
    const known: readonly string[] = MUTABLE_HYPERPARAMETERS
    const entries = Object.entries(ranges).map(([name, range]): [Hyperparameter, RLParameter] => {
      if (!known.includes(name)) {
        throw new UsageError(
          `HyperparameterConfig: ${JSON.stringify(name)} cannot mutate.${didYouMean(name, known)} Those that can: ${known.join(', ')}.`,
        )
      }
      const key = name as Hyperparameter
      const given = range instanceof RLParameter ? range : new RLParameter(range)
      const whole = WHOLE.includes(key)
      const dtype = whole ? 'int' : 'float'
      if (given.dtype !== undefined && given.dtype !== dtype) {
        throw new UsageError(
          `HyperparameterConfig: the dtype of ${name} is '${given.dtype}', but it is ${whole ? 'a whole number' : 'no whole number'}: leave dtype out, or give '${dtype}'.`,
        )
      }
      const { min, max } = given
      if (whole && !([min, max].every(Number.isInteger) && min >= 1)) {
        throw new UsageError(
          `HyperparameterConfig: ${name} is a whole number, its range is ${min} to ${max}: give whole bounds of at least 1.`,
        )
      }
      return [key, new RLParameter({ ...given.toJSON(), dtype })]
    })
    this.parameters = new Map(entries)
  }

  names(): Hyperparameter[] {
    return [...this.parameters.keys()]
  }

  toJSON(): Record<string, Required<RLParameterOptions>> {
    return Object.fromEntries([...this.parameters].map(([name, parameter]) => [name, parameter.toJSON()]))
  }

  /** AgileRL's ranges for an agent that has none of its own: lr within a factor of 10, batch_size and learn_step within a factor of 4. */
  static around(agent: Readonly<Record<'lr' | 'batch_size' | 'learn_step', number>>): HyperparameterConfig {
    const { lr } = agent
    const whole = (value: number): RLParameterOptions => ({
      min: Math.max(1, Math.floor(value / 4)),
      max: 4 * value,
      shrink_factor: 0.75,
      grow_factor: 1.5,
    })
    return new HyperparameterConfig({
      lr: { min: lr / 10, max: lr * 10 },
      batch_size: whole(agent.batch_size),
      learn_step: whole(agent.learn_step),
    })
  }
}
