import type { Container } from 'inversify'
import type { CompiledConfig } from '../config/index.js'
import {
  type Batch,
  type OfflineDataset,
  type RewardTransform,
  type Transition,
  transformedReward,
  transitionsOf,
} from '../data/index.js'
import { AS_COLLECTED, type CollectMode } from '../policy/index.js'
import { ConfigError, DatasetError, type StateTree } from '../utils/index.js'
import type { EpisodeInfo } from '../worker/index.js'
import { checkOfflineToOnline, collectCount, collectUnit } from './check.js'
import { asHandedOut } from './dataset_rows.js'
import { letEventsIn } from './events.js'
import { d4rlScore } from './offline_run.js'
import { CollectedEpisodes, succeedsByReward } from './offline_to_online_episodes.js'
import { composeOnlineParts, type OnlineParts, OnlineRun } from './online_run.js'
import { NO_LIMIT } from './report.js'
import type { RunResult, StopReason } from './result.js'
import { ROLES } from './roles.js'
import { loadParts, type RunLimits, type RunSetting } from './run.js'

/** Rows that go from the dataset to the replay buffer at once. */
const CHUNK = 4096
/** CORL's, for policies whose config has no such keys. */
const ITERATIONS = 1_000_000

/** What is kept of the dataset when its rows are in the buffer. */
interface DataFacts {
  /** What a transition has, in the buffer. */
  readonly columns: readonly string[]
  readonly reward: RewardTransform
  readonly env_id: string | null
}

interface DataSource {
  open(): Promise<OfflineDataset>
  /** Frees the dataset. */
  close(): Promise<void>
}

/** The lengths of both phases: updates from the data, then env steps. */
function phasesOf({ main_config }: CompiledConfig): { offline: number; online: number } {
  const { offline_iterations = ITERATIONS, online_iterations = ITERATIONS } = main_config.policy.learn as {
    offline_iterations?: number
    online_iterations?: number
  }
  return { offline: offline_iterations, online: online_iterations }
}

/**
 * The limits of a run of both phases, within those given: its env steps, and its updates where the config tells their number.
 * @param phases instead of the config's
 */
export function offlineToOnlineLimits(
  config: CompiledConfig,
  given: RunLimits,
  phases = phasesOf(config),
): RunLimits {
  const { offline, online } = phases
  const each = config.main_config.policy.learn['update_per_collect'] as number
  let updates = NO_LIMIT
  if (each === AS_COLLECTED) updates = online
  else if (collectUnit(config) === 'sample') updates = Math.ceil(online / collectCount(config)) * each
  return {
    max_train_iter: Math.min(given.max_train_iter, offline + updates),
    max_env_step: Math.min(given.max_env_step, online),
  }
}

/**
 * A run in two phases, as CORL's finetune: updates from a dataset, whose rows are the first in the replay buffer, then a run that collects
 * into the same buffer. Its x axis is the training iteration all along. Rewards are learned from as the data's are, and returns reported raw;
 * evaluations of the first phase do not end it. The dataset is read once: a resumed run has its rows in the saved buffer.
 */
export class OfflineToOnlineRun extends OnlineRun {
  /** Updates before the switch. */
  offline_iterations: number
  private readonly episodes = new CollectedEpisodes()
  private isOnline = false
  private data: DataFacts | undefined
  /** Mean return at the switch. */
  private offlineValue: number | undefined

  private constructor(
    parts: OnlineParts,
    private readonly source: DataSource,
  ) {
    super(parts)
    this.offline_iterations = phasesOf(parts.config).offline
    this.collector.reset_policy(this.collectMode(parts.policy.collect_mode))
  }

  static override async compose(container: Container, setting: RunSetting): Promise<OfflineToOnlineRun> {
    const config = await container.getAsync(ROLES.config)
    checkOfflineToOnline(config)
    const limits = offlineToOnlineLimits(config, setting.limits)
    return new OfflineToOnlineRun(await composeOnlineParts(container, { ...setting, limits }), {
      open: () => container.getAsync(ROLES.dataset),
      close: async () => {
        await container.unbindAsync(ROLES.dataset)
      },
    })
  }

  override get kind(): string {
    return 'offline_to_online'
  }

  /** Whether the switch is behind. */
  get online(): boolean {
    return this.isOnline
  }

  /** Env steps are an axis of their own only from the switch on. */
  override get curve_step(): number {
    return this.isOnline ? this.env_step : -1
  }

  override get progress_unit(): 'train_iter' {
    return 'train_iter'
  }

  override get stops_at_value(): boolean {
    return this.isOnline
  }

  override limitReached(): StopReason | undefined {
    if (this.interrupt.requested !== undefined) return 'interrupted'
    const learned = this.train_iter >= this.offline_iterations
    if (learned && this.env_step >= this.limits.max_env_step) return 'max_env_step'
    return this.train_iter >= this.limits.max_train_iter ? 'max_train_iter' : undefined
  }

  override normalisedScore(mean: number): number | undefined {
    return d4rlScore(this.data?.env_id ?? undefined, mean)
  }

  override get result(): RunResult {
    const { regret } = this.episodes
    return {
      ...super.result,
      ...(this.offlineValue === undefined ? {} : { offline_eval_value: this.offlineValue }),
      ...(regret === undefined ? {} : { regret }),
    }
  }

  /** Evaluations of both phases by CORL's names; its eval/regret is that of the collected episodes. */
  override evaluated(info: EpisodeInfo): void {
    const { online, train_iter, offline_iterations } = this
    const { regret } = this.episodes
    const score = this.normalisedScore(info.eval_episode_return_mean)
    const { success_rate } = info
    const logged: Record<string, unknown> = {
      [online ? 'online_iter' : 'offline_iter']: online ? train_iter - offline_iterations : train_iter,
      'eval/d4rl_normalized_score': score,
      'eval/success_rate': success_rate,
      'eval/regret': regret,
    }
    for (const [name, value] of Object.entries(logged))
      if (typeof value === 'number') this.logger.scalar(name, value, train_iter)
  }

  /** Goes on behind the switch, with a policy that has it in its state. */
  stayOnline(): void {
    this.isOnline = true
  }

  /** The switch: what `policy.startOnline` changes, and from here on env steps. @param checkpoint to save before */
  goOnline(checkpoint?: string): void {
    this.offlineValue = this.last_eval?.mean
    if (checkpoint !== undefined) this.learner.save_checkpoint(checkpoint)
    this.policy.startOnline()
    this.isOnline = true
    this.logger.info(
      `Offline learning is over after ${this.train_iter} updates${checkpoint === undefined ? '' : ` (${checkpoint})`}. From here on the policy collects into the same ` +
        `replay buffer, which holds ${this.buffer.count()} transitions.`,
    )
  }

  /**
   * Puts the dataset into the replay buffer, once.
   * @throws DatasetError where it does not fit in, ConfigError where the buffer lets less of it in
   */
  async loadData(): Promise<void> {
    if (this.data !== undefined) return
    const dataset = await this.source.open()
    const { count, env_id, obs_norm, reward_transform: reward } = dataset
    const size = this.config.main_config.policy.other.replay_buffer['replay_buffer_size']
    if (typeof size === 'number' && count > size) {
      throw new DatasetError(
        `The dataset has ${count} transitions, more than policy.other.replay_buffer.replay_buffer_size (${size}). Make the buffer ` +
          `larger, by what is to be collected too, or set policy.collect.max_transitions.`,
      )
    }
    for (const odd of this.policy.checkData(dataset)) this.logger.warn(`dataset: ${odd}`)
    if (obs_norm !== undefined) this.policy.setObservationNorm(obs_norm)
    const columns = await this.fillBuffer(dataset)
    this.adopt({ columns, reward, env_id: env_id ?? null })
    await this.source.close()
  }

  private async fillBuffer(dataset: OfflineDataset): Promise<string[]> {
    const columns = new Set<string>(['collect_iter'])
    for (let from = 0; from < dataset.count; from += CHUNK) {
      const picks = Int32Array.from({ length: Math.min(CHUNK, dataset.count - from) }, (_, i) => from + i)
      const batch = this.asCollected(dataset.take(picks))
      for (const key of Object.keys(batch)) columns.add(key)
      const rows: Transition[] = []
      for (const row of transitionsOf(batch)) rows.push({ ...row, collect_iter: 0 })
      this.buffer.push(rows, { cur_collector_envstep: 0 })
      await letEventsIn()
    }
    if (this.buffer.count() !== dataset.count) {
      throw new ConfigError(
        `policy.other.replay_buffer.thruput_controller let ${this.buffer.count()} of the dataset's ${dataset.count} transitions into ` +
          'the replay buffer. Set push_sample_rate_limit.max to Infinity.',
        { path: 'policy.other.replay_buffer.thruput_controller' },
      )
    }
    return [...columns]
  }

  /** A batch of the dataset with observations in the form of the collected ones. @throws DatasetError where they cannot have it */
  private asCollected(batch: Batch): Batch {
    const { observation_space } = this.envs
    const observed = ['obs', 'next_obs'].map((key) => [key, asHandedOut(observation_space, batch[key]!, key)])
    return { ...batch, ...Object.fromEntries(observed) }
  }

  private adopt(data: DataFacts): void {
    this.data = data
    this.episodes.data_env = data.env_id ?? undefined
    this.evaluator.success_by_reward = succeedsByReward(data.env_id ?? undefined)
  }

  /** The policy's collect mode, with rewards and columns as the data have them. */
  private collectMode(own: CollectMode): CollectMode {
    const facts = () => this.data as DataFacts
    return {
      ...own,
      observe_step: (timesteps) => {
        own.observe_step?.(timesteps)
        this.episodes.take(timesteps, this.logger, this.train_iter)
      },
      process_transition: (obs, output, timestep) => {
        const reward = transformedReward(timestep.reward, facts().reward)
        return own.process_transition(obs, output, { ...timestep, reward })
      },
      get_train_sample: (transitions) => {
        const { columns } = facts()
        return own.get_train_sample(transitions).map((sample) => {
          const kept: Transition = {}
          for (const key of columns) if (sample[key] !== undefined) kept[key] = sample[key]
          return kept
        })
      },
    }
  }

  protected override async ownState(): Promise<StateTree> {
    const { data } = this
    return {
      ...(await super.ownState()),
      online: this.isOnline,
      offline_value: this.offlineValue ?? null,
      dataset:
        data === undefined ? null : { ...data, columns: [...data.columns], reward: { ...data.reward } },
      episodes: this.episodes.state_dict(),
    }
  }

  protected override async loadOwnState(state: StateTree): Promise<void> {
    await super.loadOwnState(state)
    await loadParts(state, { episodes: this.episodes })
    this.isOnline = state['online'] === true
    this.offlineValue = (state['offline_value'] ?? undefined) as number | undefined
    const data = state['dataset'] as unknown as DataFacts | null
    if (data !== null) this.adopt(data)
  }
}
