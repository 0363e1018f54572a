import { CheckpointError, ConfigError, didYouMean, UsageError } from '../../utils/index.js'
import type { BaseLearner } from './base_learner.js'

export const HOOK_POSITIONS = ['before_run', 'before_iter', 'after_iter', 'after_run'] as const
export type HookPosition = (typeof HOOK_POSITIONS)[number]

/** Something a learner does at a fixed place of its run. Of the hooks at one position, lower `priority` runs first. */
export interface LearnerHook {
  readonly name: string
  readonly position: HookPosition
  readonly priority: number
  call(learner: BaseLearner): void | Promise<void>
}

/** Arguments that a hook takes from the config. */
export interface HookArguments {
  readonly name: string
  readonly position?: HookPosition
  readonly priority?: number
  readonly ext_args: Readonly<Record<string, unknown>>
}

export type HookFactory = (args: HookArguments) => LearnerHook

const factories = new Map<string, HookFactory>()

/** Makes a kind of hook available to configs under `type`. @throws UsageError when the name is taken. */
export function register_learner_hook(type: string, factory: HookFactory): void {
  if (factories.has(type)) throw new UsageError(`The learner hook type "${type}" is registered already.`)
  factories.set(type, factory)
}

export function createHook(type: string, args: HookArguments): LearnerHook {
  const factory = factories.get(type)
  if (factory === undefined) {
    throw new UsageError(
      `There is no learner hook type "${type}" (hook "${args.name}").${didYouMean(type, factories.keys())} Known: ${[...factories.keys()].join(', ')}.`,
    )
  }
  return factory(args)
}

function frequency(args: HookArguments): number {
  const freq = args.ext_args['freq']
  if (typeof freq !== 'number' || !Number.isInteger(freq) || freq < 1) {
    throw new UsageError(
      `Learner hook "${args.name}": ext_args.freq must be a positive integer, got ${String(freq)}.`,
    )
  }
  return freq
}

/** Loads a checkpoint before the first iteration of a run, not of one that is resumed; an empty path skips it. */
register_learner_hook('load_ckpt', (args) => ({
  name: args.name,
  position: args.position ?? 'before_run',
  priority: args.priority ?? 20,
  call: (learner) => {
    const path = args.ext_args['load_path']
    if (typeof path !== 'string' || path === '' || learner.resumes) return
    try {
      learner.load_checkpoint(path)
    } catch (cause) {
      if (!(cause instanceof CheckpointError)) throw cause
      throw new CheckpointError(`Learner hook "${args.name}": ${cause.message}`, { cause })
    }
  },
}))

/** Saves `iteration_<N>` where N is a multiple of `freq`; at before_run and after_run `freq` may be left out, for any N. */
register_learner_hook('save_ckpt', (args) => {
  const position = args.position ?? 'after_iter'
  const once = position === 'before_run' || position === 'after_run'
  const freq = once && args.ext_args['freq'] === undefined ? 1 : frequency(args)
  return {
    name: args.name,
    position,
    priority: args.priority ?? 20,
    call: (learner) => {
      if (learner.train_iter % freq === 0) learner.save_checkpoint()
    },
  }
})

/** Writes the averaged training variables to the log every `freq` iterations. */
register_learner_hook('log_show', (args) => {
  const freq = frequency(args)
  return {
    name: args.name,
    position: args.position ?? 'after_iter',
    priority: args.priority ?? 20,
    call: (learner) => {
      if (learner.train_iter % freq === 0) learner.log_show()
    },
  }
})

/** Averages logged variables over devices; there is one, so it only keeps DI-engine's configs valid. */
register_learner_hook('log_reduce', (args) => ({
  name: args.name,
  position: args.position ?? 'after_iter',
  priority: args.priority ?? 10,
  call: () => {},
}))

/** What a config says of the learner's hooks. */
export interface HookConfig {
  readonly load_ckpt_before_run: string
  readonly log_show_after_iter: number
  readonly save_ckpt_after_iter: number
  readonly save_ckpt_after_run: boolean
  readonly log_reduce_after_iter: boolean
  readonly custom: Readonly<Record<string, unknown>>
}

/** The hooks of a config. @throws ConfigError naming the path of a custom hook that is wrong */
export function hooksOf(hook: HookConfig): LearnerHook[] {
  const make = (name: string, type: string, position: HookPosition, ext_args: Record<string, unknown>) =>
    createHook(type, { name, position, ext_args })
  return [
    make('load_ckpt_before_run', 'load_ckpt', 'before_run', { load_path: hook.load_ckpt_before_run }),
    make('log_show_after_iter', 'log_show', 'after_iter', { freq: hook.log_show_after_iter }),
    make('save_ckpt_after_iter', 'save_ckpt', 'after_iter', { freq: hook.save_ckpt_after_iter }),
    ...(hook.save_ckpt_after_run ? [make('save_ckpt_after_run', 'save_ckpt', 'after_run', {})] : []),
    ...(hook.log_reduce_after_iter ? [make('log_reduce_after_iter', 'log_reduce', 'after_iter', {})] : []),
    ...Object.entries(hook.custom).map(([name, spec]) => customHook(name, spec)),
  ]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function customHook(name: string, spec: unknown): LearnerHook {
  const path = `policy.learn.learner.hook.custom.${name}`
  const refuse = (key: string, value: unknown, expected: string): never => {
    const where = key === '' ? path : `${path}.${key}`
    throw new ConfigError(`${where} is ${JSON.stringify(value)}, expected ${expected}.`, { path: where })
  }
  if (!isRecord(spec)) return refuse('', spec, '{ type, position, priority, ext_args }')
  const { type, position, priority, ext_args = {}, ...others } = spec
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    return refuse(unknown, others[unknown], 'no such key: a hook has type, position, priority, ext_args')
  if (typeof type !== 'string')
    return refuse('type', type, `a hook type: ${[...factories.keys()].join(', ')}`)
  const known: readonly unknown[] = HOOK_POSITIONS
  if (position !== undefined && !known.includes(position))
    refuse('position', position, `one of ${HOOK_POSITIONS.join(', ')}`)
  if (priority !== undefined && !Number.isFinite(priority)) refuse('priority', priority, 'a number')
  if (!isRecord(ext_args)) return refuse('ext_args', ext_args, 'an object')
  try {
    return createHook(type, {
      name,
      ext_args,
      ...(position === undefined ? {} : { position: position as HookPosition }),
      ...(priority === undefined ? {} : { priority: priority as number }),
    })
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    throw new ConfigError(`${path}: ${cause.message}`, { cause, path })
  }
}
