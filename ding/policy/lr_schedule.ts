import { type LrSchedule, type LrScheduleSpec, lrSchedule } from '../compute/index.js'
import { LR_SCHEDULE_REGISTRY } from '../registry/index.js'
import { ConfigError, didYouMean, NumericError } from '../utils/index.js'

const PATH = 'policy.learn.lr_schedule'

/** Where a learning rate is asked for. */
export interface LrPoint {
  /** The learning rate that the schedule starts from: that of this optimizer in the config. */
  readonly lr: number
  /** The key below `policy.learn` that it is of (`learning_rate_q`), where the policy tells it. */
  readonly key?: string
  /** Updates done. */
  readonly step: number
  /** The other keys of `lr_schedule` in the config. */
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * A learning rate as any function of the remaining share of the run, from 1 down to 0, as SB3's. It gives the learning rate itself:
 * `(remaining) => remaining * 3e-4`, or, relative to each optimizer's own start, `(remaining, { lr }) => remaining * lr`.
 */
export type LrFunction = (progress_remaining: number, at: LrPoint) => number

declare module '../registry/index.js' {
  interface RegistryTypes {
    lr_schedule: LrFunction
  }
}

/** The shapes that need no registration. */
export const LR_SCHEDULES = ['constant', 'linear', 'cosine', 'exponential', 'step'] as const

/** Those that go over the whole run unless `steps` says otherwise. */
const WHOLE_RUN: readonly unknown[] = ['linear', 'cosine']

/** In a config: the schedule is a function that the caller of the entry gave. */
const GIVEN = 'function'

/** The doc of `lr_schedule` in the schemas of policies. */
export const LR_SCHEDULE_DOC =
  "Learning rates over the run, each from its own start: { type: 'constant' | 'linear' | 'cosine' | 'exponential' | 'step', ... }, or the name " +
  "of a function in the lr_schedule registry; { type: 'function' }: the one that the entry's option lr_schedule gives. null: constant."

/** How much of a run is still to come. */
export interface RunLength {
  /** Whether anybody has said how long the run is. */
  readonly known: boolean
  /** The share that is left after so many updates, from 1 down to 0. */
  remaining(updates: number): number
}

/** The length of a run that is limited by updates alone. @param most infinite when nobody knows */
export function lengthInUpdates(most: number): RunLength {
  return { known: Number.isFinite(most), remaining: (updates) => Math.max(0, 1 - updates / most) }
}

/**
 * The learning rate at each update. `spec` is a policy's lr_schedule (null: constant); its `lr` defaults to `learning_rate`.
 * @param length how long the run is: the most updates (infinite when nobody knows), or more exactly
 * @param given the function that `{ type: 'function' }` stands for
 * @param key of the learning rate below `policy.learn`, for functions
 * @returns a function of the number of updates done
 * @throws ConfigError for a spec that is wrong, that needs the length of a run which has none, or a function that is not there
 */
export function learningRateAt(
  spec: Readonly<Record<string, unknown>> | null,
  learning_rate: number,
  length: number | RunLength,
  given?: LrFunction,
  key?: string,
): (step: number) => number {
  const run = typeof length === 'number' ? lengthInUpdates(length) : length
  const own = functionOf(spec, given)
  const type = own === undefined ? spec?.['type'] : 'a function'
  const whole = own !== undefined || (WHOLE_RUN.includes(type) && spec?.['steps'] === undefined)
  if (whole && !run.known) {
    throw new ConfigError(
      `${PATH}: type "${String(type)}" goes over the whole run, but the run has no max_train_iter and no max_env_step. ` +
        `Give ${own === undefined ? `${PATH}.steps, or ` : ''}a limit of training iterations or env steps (--train-iter, --env-step).`,
      { path: PATH },
    )
  }
  if (own !== undefined) {
    const { type: _type, lr: start = learning_rate, ...args } = spec ?? {}
    const point = { lr: Number(start), ...(key !== undefined && { key }), args }
    return (step) => checked(own(run.remaining(step), { ...point, step }), step)
  }
  const schedule = scheduleOf(
    spec === null ? learning_rate : ({ lr: learning_rate, ...spec } as LrScheduleSpec),
  )
  return (step) => schedule({ step, remaining: run.remaining(step) })
}

/** The function that a spec names; undefined for one of {@link LR_SCHEDULES}. @throws ConfigError when it is not there */
function functionOf(
  spec: Readonly<Record<string, unknown>> | null,
  given: LrFunction | undefined,
): LrFunction | undefined {
  const type = spec?.['type']
  if (given !== undefined) {
    if (spec === null || type === GIVEN) return given
    throw new ConfigError(
      `A learning rate function was given (option lr_schedule), but ${PATH} of this run is ${JSON.stringify(spec)}. Leave one of them out.`,
      { path: PATH },
    )
  }
  if (type === GIVEN) {
    throw new ConfigError(
      `${PATH}.type is "function": the run was started with a function (option lr_schedule), which no config file can hold. ` +
        'Give the same function again, resume_pipeline(folder, { lr_schedule }), or register functions by name in LR_SCHEDULE_REGISTRY, ' +
        'in a module that the config imports (import_names).',
      { path: PATH },
    )
  }
  const shapes: readonly unknown[] = LR_SCHEDULES
  if (typeof type !== 'string' || shapes.includes(type)) return undefined
  if (LR_SCHEDULE_REGISTRY.has(type)) return LR_SCHEDULE_REGISTRY.get(type)
  const known = [...LR_SCHEDULES, ...LR_SCHEDULE_REGISTRY.query()]
  throw new ConfigError(
    `${PATH}: There is no learning rate schedule "${type}".${didYouMean(type, known)} Known: ${known.join(', ')}. ` +
      'Register a function of your own in LR_SCHEDULE_REGISTRY, in a module that the config imports (import_names).',
    { path: PATH },
  )
}

function checked(rate: unknown, step: number): number {
  if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate
  throw new NumericError(
    `The learning rate function of ${PATH} gave ${String(rate)} after ${step} updates, expected a number of at least 0.`,
  )
}

function scheduleOf(spec: LrScheduleSpec): LrSchedule {
  const type: unknown = typeof spec === 'object' ? spec.type : 'constant'
  if (typeof type !== 'string') {
    throw new ConfigError(
      `${PATH}.type is ${JSON.stringify(type)}, expected one of ${LR_SCHEDULES.join(', ')}, or the name of a registered function.`,
      { path: `${PATH}.type` },
    )
  }
  try {
    return lrSchedule(spec)
  } catch (cause) {
    throw cause instanceof ConfigError
      ? new ConfigError(`${PATH}: ${cause.message}`, { cause, path: PATH })
      : cause
  }
}
