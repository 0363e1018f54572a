import { EnvError, type StateTree, type TypedArray } from '../../utils/index.js'
import { valueFromState, valueToState } from '../env_state.js'
import { type ConfigOf, schema } from '../light_imports.js'
import { Box, type ChannelsFirst, Dict, Discrete, type Space, withChannelsFirst } from '../spaces/index.js'
import type { Action, Env, EnvTimestep, Obs } from '../types.js'
import { boxOf, EnvWrapper } from './base.js'

/** The last `n_frames` observations stacked along a new leading axis, the newest last; the first one fills the stack. */
export class FrameStackWrapper extends EnvWrapper {
  static readonly config = schema({
    n_frames: { doc: 'Number of observations that are stacked.', format: 'positive_int', default: 4 },
  })

  override readonly observation_space: Space
  private readonly size: number
  private readonly stack: TypedArray

  constructor(env: Env, cfg: ConfigOf<typeof FrameStackWrapper.config>) {
    super(env)
    const box = boxOf(env, 'frame_stack')
    this.size = box.flatdim
    const repeat = (bound: TypedArray): number[] =>
      Array.from({ length: cfg.n_frames }, () => [...bound]).flat()
    this.observation_space = new Box(
      repeat(box.low),
      repeat(box.high),
      [cfg.n_frames, ...box.shape],
      box.dtype,
    )
    const Kind = box.low.constructor as new (n: number) => TypedArray
    this.stack = new Kind(this.size * cfg.n_frames)
  }

  protected override onReset(obs: Obs): Obs {
    for (let at = 0; at < this.stack.length; at += this.size) this.stack.set(obs as TypedArray, at)
    return this.stack.slice()
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    this.stack.copyWithin(0, this.size)
    this.stack.set(timestep.obs as TypedArray, this.stack.length - this.size)
    return { ...timestep, obs: this.stack.slice() }
  }

  protected override saveOwn(): StateTree {
    return { stack: valueToState(this.stack) }
  }

  protected override loadOwn(state: StateTree): void {
    this.stack.set(valueFromState(state['stack']) as TypedArray)
  }
}

/**
 * Moves the channels of images to the front: [height, width, channels] to [channels, height, width]. Of a Dict, those of its images: uint8, from 0
 * to 255 (SB3's VecTransposeImage).
 */
export class ObsTransposeWrapper extends EnvWrapper {
  static readonly config = schema({
    skip: {
      doc: 'True: observations stay as they are. It tells agents, which turn what looks like images with their channels last, that these are to be left alone.',
      format: 'boolean',
      default: false,
    },
  })

  override readonly transparent: boolean
  override readonly observation_space: Space
  private readonly move: (obs: Obs) => Obs

  constructor(env: Env, { skip }: ConfigOf<typeof ObsTransposeWrapper.config>) {
    super(env)
    const inner = env.observation_space
    const { space, move } = skip ? { space: inner, move: (obs: Obs) => obs } : transposed(inner)
    this.observation_space = space
    this.move = move
    this.transparent = skip || goalsStay(inner, space)
  }

  protected override onReset(obs: Obs): Obs {
    return this.move(obs)
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.move(timestep.obs) }
  }
}

/** @throws EnvError naming the wrapper for a space whose images cannot be transposed */
function transposed(space: Space): ChannelsFirst {
  try {
    return withChannelsFirst(space)
  } catch (cause) {
    throw new EnvError(`Env wrapper "obs_transpose": ${(cause as Error).message}`, { cause })
  }
}

/** Whether the goals of a goal environment are the same in both spaces, so that its rewards are too. */
function goalsStay(before: Space, after: Space): boolean {
  return (
    before instanceof Dict &&
    after instanceof Dict &&
    ['achieved_goal', 'desired_goal'].every((key) => before.spaces[key] === after.spaces[key])
  )
}

/** Any observation as one float32 vector: records part by part, discrete ones one-hot. */
export class FlattenObservationWrapper extends EnvWrapper {
  static readonly config = schema({})

  override readonly observation_space: Space

  constructor(env: Env) {
    super(env)
    const inner = env.observation_space
    this.observation_space =
      inner instanceof Box
        ? new Box(inner.low, inner.high, [inner.flatdim])
        : new Box(-Infinity, Infinity, [inner.flatdim])
  }

  protected override onReset(obs: Obs): Obs {
    const inner = this.env.observation_space
    const out = new Float32Array(inner.flatdim)
    inner.flattenInto(obs, out, 0)
    return out
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.onReset(timestep.obs) }
  }
}

/**
 * Observation `{obs, prev_action, prev_reward_extrinsic}` with the action and the reward that led to it (DI-engine's is
 * one step late). At a reset the action is the space's flat zero (-1 for Discrete) and the reward 0.
 */
export class ObsPlusPrevActionRewardWrapper extends EnvWrapper {
  static readonly config = schema({})

  override readonly observation_space: Space
  private readonly nullAction: Action

  constructor(env: Env) {
    super(env)
    const actions = env.action_space
    if (actions instanceof Discrete) {
      this.nullAction = actions.start - 1
    } else if (actions instanceof Box) {
      this.nullAction = actions.unflatten(new Float32Array(actions.flatdim))
    } else {
      throw new EnvError(
        `Env wrapper "obs_plus_prev_action_reward" serves Discrete and Box actions, the action space is ${actions}`,
      )
    }
    this.observation_space = new Dict({
      obs: env.observation_space,
      prev_action: actions instanceof Discrete ? new Discrete(actions.n + 1, actions.start - 1) : actions,
      prev_reward_extrinsic: new Box(-Infinity, Infinity, [1]),
    })
  }

  protected override onReset(obs: Obs): Obs {
    return { obs, prev_action: this.nullAction, prev_reward_extrinsic: new Float32Array(1) }
  }

  protected override onStep(timestep: EnvTimestep, action: Action): EnvTimestep {
    const prev_reward_extrinsic = Float32Array.of(timestep.reward)
    return { ...timestep, obs: { obs: timestep.obs, prev_action: action, prev_reward_extrinsic } }
  }
}

/** Appends the last reward (0 at a reset) to a vector observation. */
export class RewardInObsWrapper extends EnvWrapper {
  static readonly config = schema({})

  override readonly observation_space: Space

  constructor(env: Env) {
    super(env)
    const box = boxOf(env, 'reward_in_obs')
    if (box.shape.length !== 1) {
      throw new EnvError(`Env wrapper "reward_in_obs" needs a vector observation, got shape [${box.shape}]`)
    }
    this.observation_space = new Box([...box.low, -Infinity], [...box.high, Infinity], [box.flatdim + 1])
  }

  private append(obs: Obs, reward: number): Float32Array {
    return Float32Array.from([...(obs as TypedArray), reward])
  }

  protected override onReset(obs: Obs): Obs {
    return this.append(obs, 0)
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.append(timestep.obs, timestep.reward) }
  }
}
