import type { Container } from 'inversify'
import type { ReplayBuffer, Transition } from '../data/index.js'
import type { EnvManager } from '../envs/index.js'
import type { StateTree } from '../utils/index.js'
import type { BaseCollector, StepListener } from '../worker/index.js'
import { checkConfig, collectCount, collectUnit } from './check.js'
import { NO_LIMIT } from './report.js'
import { ROLES } from './roles.js'
import { composeParts, loadParts, Run, type RunParts, type RunSetting } from './run.js'

/** The parts that every run has which collects. */
export interface OnlineParts extends RunParts {
  readonly envs: EnvManager
  readonly buffer: ReplayBuffer
  readonly collector: BaseCollector
}

/** Resolves the parts of a run that collects. @throws ConfigError when the policy does not fit the environments */
export async function composeOnlineParts(container: Container, setting: RunSetting): Promise<OnlineParts> {
  const parts = await composeParts(container, setting)
  const envs = await container.getAsync(ROLES.collector_env)
  parts.policy.checkSpaces(envs.observation_space, envs.action_space)
  const buffer = await container.getAsync(ROLES.buffer)
  const collector = await container.getAsync(ROLES.collector)
  collector.episode_marks = buffer.episode_marks
  return { ...parts, envs, buffer, collector }
}

/** A run that collects its own data: environments, a collector and a replay buffer. */
export class OnlineRun extends Run {
  /** Samples of this round's collect on their way to the buffer. */
  new_data: Transition[] = []
  /** Env steps of this round's collect. */
  new_steps = 0
  /** Samples or episodes in one collect, as the collector counts. */
  readonly collect_count: number
  warmed_up = false
  /** Told of each env step that the collect stage takes; `false` ends its collect early. */
  on_step: StepListener | undefined
  /** The collector's environments. */
  readonly envs: EnvManager
  readonly buffer: ReplayBuffer
  readonly collector: BaseCollector

  protected constructor(parts: OnlineParts) {
    super(parts)
    this.envs = parts.envs
    this.buffer = parts.buffer
    this.collector = parts.collector
    this.collect_count = collectCount(parts.config)
  }

  /** Whether the collector counts episodes, not samples. */
  get counts_episodes(): boolean {
    return collectUnit(this.config) === 'episode'
  }

  static async compose(container: Container, setting: RunSetting): Promise<OnlineRun> {
    checkConfig(await container.getAsync(ROLES.config))
    return new OnlineRun(await composeOnlineParts(container, setting))
  }

  get kind(): string {
    return 'online'
  }

  get env_step(): number {
    return this.collector.envstep
  }

  get progress_unit(): 'env_step' | 'train_iter' {
    const { max_env_step, max_train_iter } = this.limits
    return max_env_step >= NO_LIMIT && max_train_iter < NO_LIMIT ? 'train_iter' : 'env_step'
  }

  protected async ownState(): Promise<StateTree> {
    return {
      warmed_up: this.warmed_up,
      envs: await this.envs.state_dict(),
      collector: this.collector.state_dict(),
      buffer: this.buffer.state_dict(),
    }
  }

  protected async loadOwnState(state: StateTree): Promise<void> {
    await loadParts(state, { envs: this.envs, collector: this.collector, buffer: this.buffer })
    this.warmed_up = state['warmed_up'] === true
  }
}
