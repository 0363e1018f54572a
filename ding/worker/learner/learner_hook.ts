import { UsageError } from '../../utils/index.js'
import { didYouMean } from '../../utils/index.js'
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
    throw new UsageError(`Learner hook "${args.name}": ext_args.freq must be a positive integer, got ${String(freq)}.`)
  }
  return freq
}

/** Loads a checkpoint before the first iteration; an empty path skips it. */
register_learner_hook('load_ckpt', (args) => ({
  name: args.name,
  position: args.position ?? 'before_run',
  priority: args.priority ?? 20,
  call: (learner) => {
    const path = args.ext_args['load_path']
    if (typeof path === 'string' && path !== '') learner.load_checkpoint(path)
  },
}))

/** Saves `iteration_<N>` every `freq` iterations, or once when at after_run. */
register_learner_hook('save_ckpt', (args) => {
  const position = args.position ?? 'after_iter'
  const freq = position === 'after_iter' ? frequency(args) : 1
  return {
    name: args.name,
    position,
    priority: args.priority ?? 20,
    call: (learner) => {
      if (position !== 'after_iter' || learner.train_iter % freq === 0) learner.save_checkpoint()
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
