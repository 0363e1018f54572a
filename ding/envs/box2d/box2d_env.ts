import {
  CheckpointError,
  ConfigError,
  didYouMean,
  EnvError,
  isHostTensor,
  type StateTree,
} from '../../utils/index.js'
import { BaseEnv, type StepOutcome } from '../base_env.js'
import { baseEnvConfig, copiesOf } from '../env_config.js'
import { stateNumber, stateNumbers } from '../env_state.js'
import { extendSchema, type RandomStream } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box } from '../spaces/index.js'
import type { Action } from '../types.js'
import { type Draws, drawsOfSeed } from './draws.js'
import { type Box2dWorld, FPS, poseOf } from './physics.js'

/** What belongs to an env id. */
export interface Box2dSpec {
  readonly max_episode_steps: number
  /** Default of `stop_value`. */
  readonly stop_value: number
}

/** Schema of the keys that both Box2D tasks have, with the defaults of one id. */
export function box2dConfig(env_id: string, spec: Box2dSpec) {
  return extendSchema(baseEnvConfig, {
    env_id: { default: env_id },
    stop_value: { default: spec.stop_value },
    act_scale: {
      doc: 'Actions are in [-1, 1] and scaled to the native box, which is [-1, 1] too: it changes nothing here.',
      format: 'boolean',
      default: true,
    },
  })
}

/** What belongs to `env_id`. @throws ConfigError when the env does not serve it */
export function specOf<S extends Box2dSpec>(specs: Readonly<Record<string, S>>, env_id: string): S {
  const spec = Object.hasOwn(specs, env_id) ? specs[env_id] : undefined
  if (spec === undefined) {
    const known = Object.keys(specs)
    throw new ConfigError(
      `env_id is "${env_id}", but this env serves ${known.join(', ')}.${didYouMean(env_id, known)}`,
      { path: 'env.env_id' },
    )
  }
  return spec
}

/** An action space of throttles or torques. */
export function unitBox(size: number): Box {
  return new Box(-1, 1, [size])
}

/**
 * Base of the Box2D tasks. An episode is a function of its seed, which is drawn from the env's stream at a reset, and of its
 * actions. A saved state is those two, and restoring it does the episode again up to there: what planck keeps between steps
 * (contacts in their order, impulses, sweeps, the search tree) has no other exact form.
 */
export abstract class Box2dEnv<A extends Action, W extends Box2dWorld> extends BaseEnv<Float32Array, A> {
  override readonly render_fps = FPS
  private course: { readonly world: W; readonly seed: number; readonly actions: number[] } | undefined

  static create_collector_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['collector_env_num'] ?? 8))
  }

  static create_evaluator_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['evaluator_env_num'] ?? 5))
  }

  /** Starts an episode. */
  protected abstract build(draws: Draws): W
  /** An action as the numbers that the world takes and that are saved. */
  protected abstract numbersOf(action: A): readonly number[]

  /** The running or last episode: planck's world, its bodies, the terrain. undefined before the first reset. */
  get episode(): W | undefined {
    return this.course?.world
  }

  /** @throws EnvError before the first reset: there is no terrain yet */
  override scene(): Scene2D {
    if (this.course === undefined)
      throw new EnvError(`${this.name} has nothing to show before its first episode: call reset() first`)
    return this.course.world.scene()
  }

  protected override begin(random: RandomStream): Float32Array {
    const seed = random.nextUint32()
    const world = this.build(drawsOfSeed(seed))
    this.course = { world, seed, actions: [] }
    return Float32Array.from(world.observation)
  }

  protected override advance(action: A): StepOutcome<Float32Array> {
    // BaseEnv lets no step through before a reset.
    const { world, actions } = this.course!
    const numbers = this.numbersOf(action)
    for (const v of numbers) actions.push(v)
    const { obs, reward, terminated } = world.step(numbers)
    return { obs: Float32Array.from(obs), reward, terminated }
  }

  protected override saveState(): StateTree {
    if (this.course === undefined) return { episode_seed: -1 }
    const { seed, actions, world } = this.course
    return {
      episode_seed: seed,
      actions: { dtype: 'float32', shape: [actions.length], data: Float32Array.from(actions) },
      pose: poseOf(world.bodies),
    }
  }

  protected override restoreState(state: StateTree): void {
    this.course = undefined
    const seed = stateNumber(state, 'episode_seed', this.name)
    if (seed < 0) return
    const saved = state['actions']
    const size = this.action_space instanceof Box ? this.action_space.low.length : 1
    if (!isHostTensor(saved) || saved.data.length % size !== 0) {
      throw new CheckpointError(
        `The saved state of ${this.name} has no actions of ${size} numbers: it is of another env`,
      )
    }
    const actions = Array.from(saved.data, Number)
    const world = this.build(drawsOfSeed(seed))
    for (let i = 0; i < actions.length; i += size) world.step(actions.slice(i, i + size))
    const pose = poseOf(world.bodies)
    const expected = stateNumbers(state, 'pose', this.name, pose.length)
    if (!pose.every((v, i) => v === expected[i])) {
      throw new CheckpointError(
        `${this.name}: the saved episode came out otherwise when it was done again. It was made with other env keys, or with ` +
          'another version of planck or ding; resume with those, or start a new run from the policy alone',
      )
    }
    this.course = { world, seed, actions }
  }
}
