import { RandomStream } from '../compute/index.js'
import type { Transition } from '../data/index.js'
import { type Action, createTimestep, type EnvManager } from '../envs/index.js'
import {
  collectBySteps,
  learn,
  type OnlineRun,
  push,
  type Run,
  runLoop,
  type Stage,
  tellLimits,
} from '../pipeline/index.js'
import { checkOptions, type StateTree } from '../utils/index.js'
import { type CollectedStep, randomCollectMode } from '../worker/index.js'
import type { AgentState } from './agent_file.js'
import { BaseAgent } from './base_agent.js'
import type { BaseCallback, Locals } from './callbacks/index.js'
import type { EpisodeRecord } from './monitor.js'
import { checkCount, type LearnOptions, LOG_EPISODES } from './options.js'
import { environmentAction } from './predicting.js'

export interface OnlineLearnOptions extends LearnOptions {
  /** Env steps, of all environments together; beyond what was done before, with reset_num_timesteps false. */
  readonly total_timesteps: number
  /** Begin to count at 0, with new episodes (true); false: go on. Networks, optimizers and buffer stay in either case. */
  readonly reset_num_timesteps?: boolean
}

const OPTIONS = [
  'total_timesteps',
  'callback',
  'log_interval',
  'tb_log_name',
  'reset_num_timesteps',
  'progress_bar',
  'signal',
]

/** An agent that collects into a replay buffer: SB3's off-policy loop, as stages of the pipeline. */
export class OnlineAgent extends BaseAgent {
  protected readonly offline = false
  /** The run whose environments somebody else has played in since its last `learn`. */
  private lent: Run | undefined

  protected countOf(run: Run): number {
    return run.env_step
  }

  protected bufferOf(run: Run): OnlineRun['buffer'] | undefined {
    return (run as OnlineRun).buffer
  }

  protected restoreCounters(run: Run, { num_timesteps, n_updates, episodes }: AgentState): void {
    restoreOnline(run as OnlineRun, { env_step: num_timesteps, n_updates, episodes })
  }

  /**
   * Trains: collects `train_freq`, then updates `gradient_steps` times, until `total_timesteps` env steps are done or a callback answers false.
   * Called again with `reset_num_timesteps: false` it goes on as if it had never stopped.
   */
  async learn(options: OnlineLearnOptions): Promise<this> {
    checkOptions('learn', options, OPTIONS)
    checkCount('learn', 'total_timesteps', options.total_timesteps)
    const { total_timesteps, reset_num_timesteps = true, log_interval = LOG_EPISODES } = options
    let limit = total_timesteps
    const prepare = async (run: OnlineRun) => {
      if (reset_num_timesteps && run.env_step > 0) {
        run.collector.reset()
        await run.envs.reset()
        this.monitor.reset()
      } else if (this.lent === run) {
        run.collector.restart()
        await run.envs.reset()
        this.monitor.restart()
      }
      this.lent = undefined
      limit = run.env_step + total_timesteps
      Object.assign(run.limits, { max_env_step: limit })
      tellLimits(run.policy, run.limits)
    }
    const body = async (run: OnlineRun, callback: BaseCallback) => {
      run.on_step = (step) => this.onStep(run, step, callback, log_interval)
      try {
        await runLoop(run, [rollout(callback), this.update()], { result_file: false })
      } finally {
        run.on_step = undefined
      }
    }
    await this.train<OnlineRun>(options, { total: () => limit, prepare, body, goes_on: !reset_num_timesteps })
    return this
  }

  private async onStep(
    run: OnlineRun,
    step: CollectedStep,
    callback: BaseCallback,
    log_interval: number,
  ): Promise<boolean> {
    const { monitor, table, action_space } = this
    const ended = monitor.record(step.timesteps)
    const inUnits = (action: Action) => environmentAction(table, action_space, action)
    const goOn = await callback.step({ self: this, ...localsOf(step, ended, inUnits) })
    monitor.dumpIfDue(log_interval, Object.keys(ended).length, run.logger, this.num_timesteps)
    if (!goOn) run.stop_reason = 'callback'
    return goOn
  }

  /** Updates, once `learning_starts` is behind. */
  private update(): Stage<OnlineRun> {
    const { learning_starts, gradient_steps } = this.args.values
    return {
      name: 'learn',
      async run(run) {
        if (gradient_steps !== 0 && run.env_step > Number(learning_starts)) await learn.run(run)
      },
    }
  }

  /** Writes the transitions of the replay buffer, oldest first. */
  async saveReplayBuffer(path: string): Promise<void> {
    ;((await this.readyRun()) as OnlineRun).buffer.save_data(path)
  }

  /**
   * Replaces the replay buffer's transitions by those of a file.
   * @throws CheckpointError, with the buffer as it was, when these are not such as the agent collects: of other observations or actions, over
   * other numbers of steps, without the episodes that HER needs, or with them where nothing does
   */
  async loadReplayBuffer(path: string): Promise<void> {
    const run = (await this.readyRun()) as OnlineRun
    run.buffer.load_data(path, transitionLike(run))
  }

  /** The transitions in the replay buffer. */
  async replayBufferSize(): Promise<number> {
    return ((await this.readyRun()) as OnlineRun).buffer.count()
  }

  /** The environments that are collected in, as the policy acts in them: in [-1, 1]. {@link evaluatePolicy} takes them. */
  async getEnv(): Promise<EnvManager> {
    return ((await this.readyRun()) as OnlineRun).envs
  }

  /**
   * Told of environments that somebody else is going to play in. Where it collects in them, the next `learn` begins new episodes.
   * @throws UsageError when it is learning in them
   */
  lend(envs: EnvManager): void {
    if ((this.run as OnlineRun | undefined)?.envs !== envs) return
    this.refuseWhileLearning('evaluated in the environments that it collects in')
    this.lent = this.run
  }
}

/** A transition in the form of those that a run collects. */
function transitionLike({ buffer, envs, policy }: OnlineRun): Transition {
  const random = RandomStream.fromSeed(0)
  const [obs, next_obs] = [envs.observation_space.sample(random), envs.observation_space.sample(random)]
  const action = envs.action_space.sample(random)
  const { process_transition, get_train_sample } = policy.collect_mode
  const step = process_transition(obs, { action }, createTimestep(next_obs, 0, false))
  // What a collector notes beside what the policy keeps.
  const noted = {
    collect_iter: 0,
    ...(buffer.episode_marks && { episode: { env_id: 0, step: 0, end: false } }),
  }
  const { nstep = 1 } = policy.cfg as { nstep?: number }
  const [whole] = get_train_sample(Array.from({ length: nstep }, () => ({ ...step, ...noted })))
  return whole as Transition
}

/** Puts the counters of a run that collects to where an agent stands. */
export function restoreOnline(
  { learner, collector }: OnlineRun,
  { env_step, n_updates, episodes }: { env_step: number; n_updates: number; episodes: number },
): void {
  learner.load_state_dict({ ...learner.state_dict(), last_iter: n_updates, last_step: env_step })
  const state = collector.state_dict()
  const statistics = {
    ...(state['statistics'] as StateTree),
    total_envstep: env_step,
    total_episode: episodes,
  }
  collector.load_state_dict({ ...state, statistics })
}

/** SB3's rollout: random actions until `learning_starts`, what was collected into the buffer, callbacks before and after. */
function rollout(callback: BaseCallback): Stage<OnlineRun> {
  return {
    name: 'collect',
    async run(run) {
      await callback.rolloutStart()
      const { random_collect_size, transition_with_policy_data } = run.policy.cfg
      const { collector } = run
      const random = run.env_step < random_collect_size && !transition_with_policy_data
      const own = run.policy.collect_mode
      if (random) {
        const stream = run.random.stream('random_collect')
        collector.reset_policy(randomCollectMode(own, collector.action_space, stream))
      }
      try {
        await collectBySteps.run(run)
      } finally {
        if (random) collector.reset_policy(own)
      }
      await push.run(run)
      if (run.stop_reason === undefined) await callback.rolloutEnd()
    },
  }
}

/** SB3's names for what a step of all environments brought. @param inUnits an action as the environment takes it */
function localsOf(
  { actions, timesteps }: CollectedStep,
  ended: Readonly<Record<string, EpisodeRecord>>,
  inUnits: (action: Action) => Action,
): Locals {
  const steps = Object.entries(timesteps)
  return {
    actions: Object.values(actions).map(inUnits),
    buffer_actions: Object.values(actions),
    new_obs: steps.map(([, { obs }]) => obs),
    rewards: steps.map(([, { reward }]) => reward),
    dones: steps.map(([, { done }]) => done),
    infos: steps.map(([id, { info, terminated, truncated }]) => {
      const episode = ended[id]
      return {
        ...info,
        terminated,
        truncated,
        ...(episode && { episode: { r: episode.r, l: episode.l } }),
      }
    }),
  }
}
