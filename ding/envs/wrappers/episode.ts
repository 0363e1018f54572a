import { EnvError, type JsonValue, type StateTree, type TypedArray } from '../../utils/index.js'
import { EpisodeRandom } from '../env_random.js'
import { stateNumber } from '../env_state.js'
import { type ConfigOf, schema } from '../light_imports.js'
import { Discrete } from '../spaces/index.js'
import type { Action, Env, EnvTimestep, Obs, ResetOptions } from '../types.js'
import { boxOf, EnvWrapper } from './base.js'

/** Truncates an episode after `max_episode_steps` steps. */
export class TimeLimitWrapper extends EnvWrapper {
  static readonly config = schema({
    max_episode_steps: {
      doc: 'Steps after which the episode is truncated.',
      format: 'positive_int',
      required: true,
    },
  })
  override readonly transparent = true

  private steps = 0

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof TimeLimitWrapper.config>,
  ) {
    super(env)
  }

  protected override onReset(obs: Obs): Obs {
    this.steps = 0
    return obs
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    this.steps++
    return this.steps >= this.cfg.max_episode_steps ? this.truncate(timestep) : timestep
  }

  protected override saveOwn(): StateTree {
    return { steps: this.steps }
  }

  protected override loadOwn(state: StateTree): void {
    this.steps = stateNumber(state, 'steps', 'env wrapper "time_limit"')
  }
}

/** Does each action `action_repeat` times (or until the episode ends) and adds the rewards up. */
export class ActionRepeatWrapper extends EnvWrapper {
  static readonly config = schema({
    action_repeat: { doc: 'How often each action is done.', format: 'positive_int', default: 1 },
  })

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof ActionRepeatWrapper.config>,
  ) {
    super(env)
  }

  override async step(action: Action): Promise<EnvTimestep> {
    let timestep = await this.env.step(action)
    let reward = timestep.reward
    for (let i = 1; i < this.cfg.action_repeat && !timestep.done; i++) {
      timestep = await this.env.step(action)
      reward += timestep.reward
    }
    return { ...timestep, reward }
  }
}

/** Does each action `skip` times, adds the rewards up and returns the larger of the last two frames, pixel by pixel. */
export class MaxAndSkipWrapper extends EnvWrapper {
  static readonly config = schema({
    skip: { doc: 'How often each action is done.', format: 'positive_int', default: 4 },
  })

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof MaxAndSkipWrapper.config>,
  ) {
    super(env)
    boxOf(env, 'max_and_skip')
  }

  override async step(action: Action): Promise<EnvTimestep> {
    let before: TypedArray | undefined
    let timestep = await this.env.step(action)
    let reward = timestep.reward
    for (let i = 1; i < this.cfg.skip && !timestep.done; i++) {
      before = timestep.obs as TypedArray
      timestep = await this.env.step(action)
      reward += timestep.reward
    }
    const obs = (timestep.obs as TypedArray).slice()
    if (before !== undefined) for (let i = 0; i < obs.length; i++) obs[i] = Math.max(obs[i]!, before[i]!)
    return { ...timestep, obs, reward }
  }
}

/** Starts every episode with a random number of no-op actions, from 1 to `noop_max`. */
export class NoopResetWrapper extends EnvWrapper {
  static readonly config = schema({
    noop_max: { doc: 'Most no-op actions at the start of an episode.', format: 'positive_int', default: 30 },
    noop_action: { doc: 'The action that does nothing.', format: 'int', default: 0 },
  })
  override readonly transparent = true

  private readonly random = new EpisodeRandom('noop_reset')

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof NoopResetWrapper.config>,
  ) {
    super(env)
    if (!(env.action_space instanceof Discrete) || !env.action_space.contains(cfg.noop_action)) {
      throw new EnvError(
        `Env wrapper "noop_reset" needs a Discrete action space with the action ${cfg.noop_action}, got ${env.action_space}`,
      )
    }
  }

  override seed(seed: number, dynamic_seed = true): void {
    this.random.seed(seed, dynamic_seed)
    super.seed(seed, dynamic_seed)
  }

  override async reset(options?: ResetOptions): Promise<Obs> {
    let obs = await this.env.reset(options)
    const count = this.random.begin(options?.seed).nextInt(1, this.cfg.noop_max + 1)
    for (let i = 0; i < count; i++) {
      const timestep = await this.env.step(this.cfg.noop_action)
      obs = timestep.done ? await this.env.reset(options) : timestep.obs
    }
    return obs
  }

  protected override saveOwn(): StateTree {
    return { random: this.random.state() }
  }

  protected override loadOwn(state: StateTree): void {
    this.random.restore(state['random'] as JsonValue)
  }
}
