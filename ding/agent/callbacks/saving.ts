import { join } from 'node:path'
import { createRunLogger, type RunLogger } from '../../logger/index.js'
import { checkOptions, UsageError } from '../../utils/index.js'
import { NO_FILES } from '../agent_logger.js'
import { checkCount } from '../options.js'
import { BaseCallback } from './base.js'

export interface CheckpointCallbackOptions {
  /** Save every this many calls (steps of all environments at once). */
  readonly save_freq: number
  readonly save_path: string
  readonly name_prefix?: string
  readonly save_replay_buffer?: boolean
  /** Has no effect: normalisation is part of every agent's file. */
  readonly save_vecnormalize?: boolean
  readonly verbose?: number
}

const OPTIONS = [
  'save_freq',
  'save_path',
  'name_prefix',
  'save_replay_buffer',
  'save_vecnormalize',
  'verbose',
]

/** Saves the agent to `<save_path>/<name_prefix>_<steps>_steps.safetensors`. */
export class CheckpointCallback extends BaseCallback {
  private readonly options: CheckpointCallbackOptions

  constructor(options: CheckpointCallbackOptions) {
    super(options.verbose)
    checkOptions('CheckpointCallback', options, OPTIONS)
    checkCount('CheckpointCallback', 'save_freq', options.save_freq)
    if (typeof options.save_path !== 'string')
      throw new UsageError('CheckpointCallback: save_path is missing. Give the folder to save in.')
    this.options = options
  }

  private path(kind = ''): string {
    const { save_path, name_prefix = 'rl_model' } = this.options
    return join(save_path, `${name_prefix}_${kind}${this.num_timesteps}_steps.safetensors`)
  }

  protected override async onStep(): Promise<void> {
    if (this.n_calls % this.options.save_freq !== 0) return
    await this.model.save(this.path())
    if (this.options.save_replay_buffer === true)
      await this.model.saveReplayBuffer?.(this.path('replay_buffer_'))
    this.say(`Saved ${this.path()}`, 2)
  }
}

/** Shows how far the training is: `learn({ progress_bar: true })`. */
export class ProgressBarCallback extends BaseCallback {
  private shown: RunLogger | undefined

  protected override onTrainingStart(): void {
    // An agent that is not silent shows it already.
    if (this.model.verbose > 0) return
    this.shown = createRunLogger(NO_FILES)
    this.shown.progress.start({
      unit: 'env_step',
      total: this.model.total_timesteps,
      initial: this.num_timesteps,
    })
  }

  protected override onStep(): void {
    this.shown?.progress.update(this.num_timesteps)
  }

  protected override onTrainingEnd(): void {
    this.shown?.progress.stop()
    this.shown?.close()
    this.shown = undefined
  }
}
