import { EnvError, type StateTree } from '../../utils/index.js'
import { createFromFactory, type EnvFactory } from '../create_env.js'
import { loadRenderer } from '../render/renderer.js'
import type { ReplayOptions } from '../render/types.js'
import type { SpaceJson } from '../spaces/index.js'
import {
  type Action,
  type Env,
  type EnvTimestep,
  type MaybePromise,
  type ResetOptions,
  whenReady,
} from '../types.js'

/** A request to one env. */
export type EnvCall =
  | { readonly op: 'create'; readonly id: number; readonly factory: EnvFactory }
  | { readonly op: 'seed'; readonly id: number; readonly seed: number; readonly dynamic: boolean }
  | { readonly op: 'reset'; readonly id: number; readonly options: ResetOptions }
  | { readonly op: 'step'; readonly id: number; readonly action: Action }
  | { readonly op: 'random_action'; readonly id: number }
  | {
      readonly op: 'save_replay'
      readonly id: number
      readonly path: string
      readonly options: ReplayOptions
    }
  | { readonly op: 'state'; readonly id: number }
  | { readonly op: 'load_state'; readonly id: number; readonly state: StateTree }
  | { readonly op: 'close'; readonly id: number }

/** What went wrong in an env, in a form that crosses threads. */
export interface EnvFailure {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly cause?: EnvFailure
  /** What cannot be used again: the env, or its whole host with every env in it. */
  readonly gone?: 'env' | 'host'
}

/** Seconds that envs may take to close. */
export const CLOSE_TIMEOUT = 5

export type EnvReply = { readonly ok: unknown } | { readonly failed: EnvFailure }

export interface CreatedEnv {
  readonly observation_space: SpaceJson
  readonly action_space: SpaceJson
  readonly reward_space: SpaceJson
}

/** An error as data, with its chain of causes. */
export function toFailure(error: unknown): EnvFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: '' }
  const { name, message, stack = '' } = error
  return error.cause === undefined
    ? { name, message, stack }
    : { name, message, stack, cause: toFailure(error.cause) }
}

/** The error that a failure stands for, with the original stack. */
export function toError(failure: EnvFailure): Error {
  const cause = failure.cause === undefined ? undefined : toError(failure.cause)
  const error = new Error(failure.message, cause === undefined ? undefined : { cause })
  error.name = failure.name
  if (failure.stack !== '') error.stack = failure.stack
  return error
}

/** Holds envs by id and does what calls ask: in this thread for the base manager, in a worker for the other. */
export class EnvExecutor {
  private readonly envs = new Map<number, Env>()

  /** Synchronous when the env is. */
  run(call: EnvCall): MaybePromise<EnvReply> {
    try {
      const value = this.dispatch(call)
      if (!(value instanceof Promise)) return { ok: value }
      return value.then(
        (ok) => ({ ok }),
        (error: unknown) => ({ failed: toFailure(error) }),
      )
    } catch (error) {
      return { failed: toFailure(error) }
    }
  }

  /** Gives up an env that does not answer. It is closed in the background, as far as that goes. */
  abandon(id: number): void {
    const env = this.envs.get(id)
    this.envs.delete(id)
    if (env !== undefined) void closeBroken(env)
  }

  private dispatch(call: EnvCall): unknown {
    if (call.op === 'create') return this.create(call.id, call.factory)
    const env = this.envs.get(call.id)
    if (call.op === 'close') {
      this.envs.delete(call.id)
      return env?.close()
    }
    if (env === undefined) throw new EnvError(`There is no env ${call.id} here`)
    switch (call.op) {
      case 'seed':
        return env.seed(call.seed, call.dynamic)
      case 'reset':
        return env.reset(call.options)
      case 'step':
        return whenReady(env.step(call.action), checkEnd)
      case 'random_action':
        if (env.random_action === undefined) throw new EnvError('The env has no random_action()')
        return env.random_action()
      case 'save_replay':
        return loadRenderer().then(() => env.enable_save_replay?.(call.path, call.options))
      case 'state':
        return env.state_dict === undefined ? null : env.state_dict()
      case 'load_state':
        return env.load_state_dict?.(call.state)
    }
  }

  private async create(id: number, factory: EnvFactory): Promise<CreatedEnv> {
    const old = this.envs.get(id)
    this.envs.delete(id)
    if (old !== undefined) await closeBroken(old)
    const env = await createFromFactory(factory)
    this.envs.set(id, env)
    return {
      observation_space: env.observation_space.toJSON(),
      action_space: env.action_space.toJSON(),
      reward_space: env.reward_space.toJSON(),
    }
  }
}

/** Closes an env that is not used again: whether it fails does not matter, and it is waited for CLOSE_TIMEOUT at most. */
async function closeBroken(env: Env): Promise<void> {
  const closing = (async () => env.close())().catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT * 1000)
  })
  await Promise.race([closing, patience])
  clearTimeout(timer)
}

/** The timestep. @throws EnvError when it ends an episode without its return */
function checkEnd(timestep: EnvTimestep): EnvTimestep {
  if (timestep.done && typeof timestep.info['eval_episode_return'] !== 'number') {
    throw new EnvError(
      'The episode is over, but info.eval_episode_return is not a number. Extend BaseEnv, use wrapEnv(), or put the ' +
        'env wrapper "eval_episode_return" first.',
    )
  }
  return timestep
}
