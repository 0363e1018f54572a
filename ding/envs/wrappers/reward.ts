import { EnvError, type StateTree } from '../../utils/index.js'
import { stateNumber, stateRecord } from '../env_state.js'
import { type ConfigOf, schema } from '../light_imports.js'
import { Box, type Space } from '../spaces/index.js'
import type { Env, EnvTimestep, Obs } from '../types.js'
import { EnvWrapper } from './base.js'
import { RunningMeanStd } from './running_mean_std.js'

/** Cuts rewards: to their sign, as DI-engine, or to the given bounds. The evaluation return stays raw. */
export class ClipRewardWrapper extends EnvWrapper {
  static readonly config = schema({
    min: {
      doc: 'Lower bound; null for both bounds: the sign of the reward.',
      format: 'number',
      nullable: true,
      default: null,
    },
    max: {
      doc: 'Upper bound; null for both bounds: the sign of the reward.',
      format: 'number',
      nullable: true,
      default: null,
    },
  })

  override readonly reward_space: Space
  private readonly low: number
  private readonly high: number
  private readonly bySign: boolean

  constructor(env: Env, cfg: ConfigOf<typeof ClipRewardWrapper.config>) {
    super(env)
    this.bySign = cfg.min === null && cfg.max === null
    this.low = cfg.min ?? (this.bySign ? -1 : Number.NEGATIVE_INFINITY)
    this.high = cfg.max ?? (this.bySign ? 1 : Number.POSITIVE_INFINITY)
    this.reward_space = new Box(this.low, this.high, [1])
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    const reward = this.bySign
      ? Math.sign(timestep.reward)
      : Math.min(this.high, Math.max(this.low, timestep.reward))
    return { ...timestep, reward }
  }
}

/** reward * scale + shift. The evaluation return stays raw. */
export class ScaleRewardWrapper extends EnvWrapper {
  static readonly config = schema({
    scale: { doc: 'Factor of every reward.', format: 'number', default: 1 },
    shift: { doc: 'Added to every scaled reward.', format: 'number', default: 0 },
  })

  override readonly reward_space = new Box(-Infinity, Infinity, [1])

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof ScaleRewardWrapper.config>,
  ) {
    super(env)
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, reward: timestep.reward * this.cfg.scale + this.cfg.shift }
  }
}

/**
 * Divides rewards by the running standard deviation of the discounted return. Unlike DI-engine's, the statistics live
 * through resets and checkpoints.
 */
export class RewardNormWrapper extends EnvWrapper {
  static readonly config = schema({
    reward_discount: {
      doc: 'Discount of the return whose deviation is measured.',
      format: 'unit_interval',
      default: 0.99,
    },
    warmup: {
      doc: 'Rewards stay as they are until more steps than this were seen.',
      format: 'nonnegative_int',
      default: 30,
    },
  })

  override readonly reward_space = new Box(-Infinity, Infinity, [1])
  private readonly statistics = new RunningMeanStd(1)
  private discounted = 0

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof RewardNormWrapper.config>,
  ) {
    super(env)
  }

  protected override onReset(obs: Obs): Obs {
    this.discounted = 0
    return obs
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    this.discounted = this.discounted * this.cfg.reward_discount + timestep.reward
    this.statistics.update([this.discounted])
    if (this.statistics.count <= this.cfg.warmup) return timestep
    return { ...timestep, reward: timestep.reward / this.statistics.stdAt(0) }
  }

  protected override saveOwn(): StateTree {
    return { discounted: this.discounted, statistics: this.statistics.state() }
  }

  protected override loadOwn(state: StateTree): void {
    this.discounted = stateNumber(state, 'discounted', 'env wrapper "reward_norm"')
    this.statistics.restore(stateRecord(state, 'statistics', 'env wrapper "reward_norm"'))
  }
}

/** Gives the sum of the rewards every `delay_reward_step` steps and at the end, 0 in between. */
export class DelayRewardWrapper extends EnvWrapper {
  static readonly config = schema({
    delay_reward_step: { doc: 'Steps between two rewards.', format: 'positive_int', default: 1 },
  })

  override readonly reward_space = new Box(-Infinity, Infinity, [1])
  private steps = 0
  private sum = 0

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof DelayRewardWrapper.config>,
  ) {
    super(env)
  }

  protected override onReset(obs: Obs): Obs {
    this.steps = 0
    this.sum = 0
    return obs
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    this.sum += timestep.reward
    this.steps++
    if (!timestep.done && this.steps < this.cfg.delay_reward_step) return { ...timestep, reward: 0 }
    const reward = this.sum
    this.onReset(timestep.obs)
    return { ...timestep, reward }
  }

  protected override saveOwn(): StateTree {
    return { steps: this.steps, sum: this.sum }
  }

  protected override loadOwn(state: StateTree): void {
    this.steps = stateNumber(state, 'steps', 'env wrapper "delay_reward"')
    this.sum = stateNumber(state, 'sum', 'env wrapper "delay_reward"')
  }
}

/** Sums the raw rewards of an episode and reports them as `info.eval_episode_return` when it ends. */
export class EvalEpisodeReturnWrapper extends EnvWrapper {
  static readonly config = schema({})
  override readonly transparent = true
  private sum = 0

  override get episode_return(): number {
    return this.env.episode_return ?? this.sum
  }

  protected override onReset(obs: Obs): Obs {
    this.sum = 0
    return obs
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    if (typeof timestep.reward !== 'number' || Number.isNaN(timestep.reward)) {
      throw new EnvError(`The env returned the reward ${String(timestep.reward)}, expected a number`)
    }
    this.sum += timestep.reward
    if (!timestep.done || typeof timestep.info['eval_episode_return'] === 'number') return timestep
    return { ...timestep, info: { ...timestep.info, eval_episode_return: this.episode_return } }
  }

  protected override saveOwn(): StateTree {
    return { sum: this.sum }
  }

  protected override loadOwn(state: StateTree): void {
    this.sum = stateNumber(state, 'sum', 'env wrapper "eval_episode_return"')
  }
}
