import { ConfigError, didYouMean } from '../../utils/index.js'

/** Where a run is: steps done so far, and the share of the run still to come, from 1 down to 0. */
export interface Progress {
  readonly step: number
  readonly remaining: number
}

/** A learning rate at a point of the run. */
export type LrSchedule = (progress: Progress) => number

/**
 * How a learning rate changes: a number (constant), a function of the remaining share, or one of the named shapes.
 * `linear` and `cosine` go from `lr` to `end_lr` (0 unless told) within `steps`, or over the whole run when that is absent.
 * `exponential` multiplies by `gamma` with every step, `step` with every `step_size` steps.
 */
export type LrScheduleSpec = number | ((remaining: number, step: number) => number) | NamedSchedule

type NamedSchedule =
  | { readonly type: 'constant'; readonly lr: number }
  | Course
  | { readonly type: 'exponential'; readonly lr: number; readonly gamma: number }
  | { readonly type: 'step'; readonly lr: number; readonly step_size: number; readonly gamma?: number }

interface Course {
  readonly type: 'linear' | 'cosine'
  readonly lr: number
  readonly end_lr?: number
  readonly steps?: number
}

/** The shapes, and the keys of each beside `type` and `lr`. */
const KEYS: Readonly<Record<NamedSchedule['type'], readonly string[]>> = {
  constant: [],
  linear: ['end_lr', 'steps'],
  cosine: ['end_lr', 'steps'],
  exponential: ['gamma'],
  step: ['step_size', 'gamma'],
}
const TYPES: readonly string[] = Object.keys(KEYS)

/** Builds the schedule; set `optimizer.lr` from it before each step. @throws ConfigError when the spec is wrong. */
export function lrSchedule(spec: LrScheduleSpec): LrSchedule {
  if (typeof spec === 'function') return ({ remaining, step }) => spec(remaining, step)
  if (typeof spec === 'number') return lrSchedule({ type: 'constant', lr: spec })
  if (!TYPES.includes(spec.type)) {
    throw new ConfigError(
      `There is no learning rate schedule "${spec.type}".${didYouMean(spec.type, TYPES)} ` +
        `Known: ${TYPES.join(', ')}, a number, or a function of the remaining share.`,
    )
  }
  const keys = ['type', 'lr', ...KEYS[spec.type]]
  const odd = Object.keys(spec).find((key) => !keys.includes(key))
  if (odd !== undefined) {
    throw new ConfigError(
      `The learning rate schedule "${spec.type}" has no ${JSON.stringify(odd)}.${didYouMean(odd, keys)} Its keys are: ${keys.join(', ')}.`,
    )
  }
  const lr = number(spec.type, 'lr', spec.lr, 0)
  switch (spec.type) {
    case 'constant':
      return () => lr
    case 'linear': {
      const [end, left] = course(spec)
      return (progress) => end + (lr - end) * left(progress)
    }
    case 'cosine': {
      const [end, left] = course(spec)
      return (progress) => end + ((lr - end) * (1 + Math.cos(Math.PI * (1 - left(progress))))) / 2
    }
    case 'exponential': {
      const gamma = number(spec.type, 'gamma', spec.gamma, 0)
      return ({ step }) => lr * gamma ** step
    }
    case 'step': {
      const gamma = number(spec.type, 'gamma', spec.gamma ?? 0.1, 0)
      const size = number(spec.type, 'step_size', spec.step_size, 1)
      return ({ step }) => lr * gamma ** Math.floor(step / size)
    }
  }
}

/** The last learning rate, and how much of the way to it is left at a point of the run, in [0, 1]. */
function course(spec: Course): [number, LrSchedule] {
  const end = number(spec.type, 'end_lr', spec.end_lr ?? 0, 0)
  const clip = (x: number) => Math.min(Math.max(x, 0), 1)
  if (spec.steps === undefined) return [end, ({ remaining }) => clip(remaining)]
  const steps = number(spec.type, 'steps', spec.steps, 1)
  return [end, ({ step }) => clip(1 - step / steps)]
}

function number(type: string, key: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
    throw new ConfigError(
      `The learning rate schedule "${type}" needs ${key} to be a number of at least ${least}, got ${String(value)}.`,
    )
  }
  return value
}
