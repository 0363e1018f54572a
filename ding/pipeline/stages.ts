import type { Transition } from '../data/index.js'
import { type CollectSettings, updatesAfter } from '../policy/index.js'
import { type CollectOptions, randomCollectMode, type SaveCheckpoint } from '../worker/index.js'
import { letEventsIn } from './events.js'
import type { OnlineRun } from './online_run.js'
import { reportEvaluation } from './report.js'
import type { Run } from './run.js'
import { saveRunState } from './run_state.js'

/** One step of the loop that every pipeline runs. The named entries choose stages; they never copy the loop. */
export interface Stage<R extends Run = Run> {
  readonly name:
    | 'load'
    | 'switch'
    | 'warmup'
    | 'collect'
    | 'relabel'
    | 'push'
    | 'learn'
    | 'evaluate'
    | 'checkpoint'
  run(run: R): Promise<void>
}

/** Fills the buffer with random actions once, before anything is learned. */
export const warmup: Stage<OnlineRun> = {
  name: 'warmup',
  async run(run) {
    if (run.warmed_up) return
    run.warmed_up = true
    const { random_collect_size, transition_with_policy_data } = run.policy.cfg
    if (random_collect_size === 0) return
    const own = run.policy.collect_mode
    const acting = transition_with_policy_data
      ? own
      : randomCollectMode(own, run.collector.action_space, run.random.stream('random_collect'))
    const before = run.collector.reset_policy(acting)
    const data: Transition[] = []
    while (data.length < random_collect_size) {
      const wanted = run.counts_episodes ? 1 : random_collect_size
      const collected = await run.collector.collect(wanted, {
        train_iter: run.learner.train_iter,
        policy_kwargs: settingsOf(run),
        record: false,
      })
      for (const transition of collected) data.push(transition)
    }
    run.collector.reset_policy(before)
    run.buffer.push(data, { cur_collector_envstep: 0 })
  },
}

/** Evaluates when it is time; ends the run when the mean return has reached the stop value. */
export const evaluate: Stage = {
  name: 'evaluate',
  async run(run) {
    if (run.evaluator.should_eval(run.learner.train_iter)) await evaluateNow(run)
  },
}

/** Evaluates whatever the schedule says. */
export async function evaluateNow(run: Run): Promise<void> {
  const { train_iter } = run
  let saved = false
  const save: SaveCheckpoint = (name, mean_return) => {
    saved = run.learner.save_best(name, mean_return)
  }
  const { stop, episode_info } = await run.evaluator.eval(save, train_iter, run.curve_step)
  const mean = episode_info.eval_episode_return_mean
  run.last_eval = { iter: train_iter, mean, raw: episode_info.eval_episode_return }
  const score = run.normalisedScore(mean)
  if (score !== undefined) run.logger.scalar('evaluator_iter/normalised_score', score, train_iter)
  run.evaluated(episode_info)
  reportEvaluation(run, episode_info.eval_episode_return, saved)
  run.showProgress()
  if (stop && run.stops_at_value) run.stop_reason = 'stop_value'
}

/** Collects, with settings of exploration (epsilon) that hold for the whole collect, as DI-engine's. */
export const collect: Stage<OnlineRun> = {
  name: 'collect',
  run: (run) => collectOnce(run, settingsOf(run)),
}

/** The same, with settings asked for before each env step, as SB3's. */
export const collectBySteps: Stage<OnlineRun> = {
  name: 'collect',
  run(run) {
    const collect_start = run.env_step
    const { command_mode } = run.policy
    return collectOnce(run, () => command_mode.get_setting_collect({ ...run.progress, collect_start }))
  },
}

function settingsOf({ policy, progress }: OnlineRun): CollectSettings {
  return policy.command_mode.get_setting_collect(progress)
}

async function collectOnce(run: OnlineRun, policy_kwargs: CollectOptions['policy_kwargs']): Promise<void> {
  const before = run.env_step
  run.new_data = await run.collector.collect(run.collect_count, {
    train_iter: run.learner.train_iter,
    policy_kwargs,
    ...(run.on_step === undefined ? {} : { on_step: run.on_step }),
  })
  run.new_steps = run.env_step - before
  run.showProgress()
}

export const push: Stage<OnlineRun> = {
  name: 'push',
  async run(run) {
    run.buffer.push(run.new_data, { cur_collector_envstep: run.collector.envstep })
    run.new_data = []
  },
}

/** `update_per_collect` updates from the buffer (-1: as many as env steps were taken), fewer while it does not hold a batch yet. */
export const learn: Stage<OnlineRun> = {
  name: 'learn',
  async run(run) {
    const { update_per_collect } = run.policy.cfg.learn as unknown as { update_per_collect: number }
    await learnFromBuffer(run, updatesAfter(update_per_collect, run.new_steps))
  },
}

/** So many updates from the buffer, or fewer where it does not hold a batch. */
export async function learnFromBuffer(run: OnlineRun, updates: number): Promise<void> {
  const { batch_size } = run.policy.cfg.learn as unknown as { batch_size: number }
  const { learn_mode } = run.policy
  run.policy.setAttribute('env_step', run.env_step)
  const prioritised = learn_mode.has_attribute('priority') && learn_mode.get_attribute('priority') === true
  for (let i = 0; i < updates; i++) {
    const batch = run.buffer.sample(batch_size, run.learner.train_iter)
    if (batch === null) {
      run.logger.info(
        `The replay buffer holds ${run.buffer.count()} transitions, too few for a batch of ${batch_size}: ${i} of ` +
          `${updates} updates done. Normal at the start of a run; otherwise collect more per round.`,
        { console: run.learner.train_iter > 0 },
      )
      return
    }
    await run.learner.train(batch, run.curve_step)
    await letEventsIn()
    const priorities = run.learner.priority_info
    if (priorities !== undefined && prioritised) run.buffer.update(priorities)
  }
}

/** Saves the run state, from which `--resume` continues, as often as the learner saves checkpoints. */
export const checkpoint: Stage = {
  name: 'checkpoint',
  async run(run) {
    const { save_ckpt_after_iter, save_run_state } = run.learner.cfg.hook
    const due =
      Math.floor(run.learner.train_iter / save_ckpt_after_iter) >
      Math.floor(run.saved_at / save_ckpt_after_iter)
    if (due && save_run_state) await saveRunState(run)
  },
}

/** One round of the off-policy loop, in DI-engine's order. */
export const SERIAL_STAGES: readonly Stage<OnlineRun>[] = [evaluate, collect, push, learn, checkpoint]
