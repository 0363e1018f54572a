import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type ConfigOf, schema } from '../../config/index.js'
import type { Batch, PriorityInfo } from '../../data/index.js'
import type { Logger } from '../../logger/index.js'
import type { LearnMode, LearnOutput } from '../../policy/index.js'
import { LEARNER_REGISTRY } from '../../registry/index.js'
import {
  CheckpointError,
  isHostTensor,
  type JsonRecord,
  loadState,
  NumericError,
  type Resumable,
  type StateTree,
  type StateValue,
  saveState,
  UsageError,
} from '../../utils/index.js'
import { MEAN_RETURN, noWorseThanKept } from './best_checkpoint.js'
import { HOOK_POSITIONS, type HookPosition, hooksOf, type LearnerHook } from './learner_hook.js'
import { MovingAverage } from './moving_average.js'

export const baseLearnerConfig = schema({
  train_iterations: {
    doc: "Kept for DI-engine's configs; a run is ended by stop_value, max_train_iter or max_env_step.",
    format: 'positive_number',
    default: 1e9,
  },
  dataloader: {
    num_workers: {
      doc: "DI-engine's data loader processes; has no effect.",
      format: 'nonnegative_int',
      default: 0,
    },
  },
  log_policy: { doc: 'Write the model to the log once, before training.', format: 'boolean', default: true },
  is_multitask_pipeline: {
    doc: "DI-engine's multi-task switch; has no effect.",
    format: 'boolean',
    default: false,
  },
  only_monitor_rank0: {
    doc: "DI-engine's multi-device logging switch; has no effect.",
    format: 'boolean',
    default: true,
  },
  hook: {
    load_ckpt_before_run: {
      doc: 'Checkpoint to load before the first iteration; empty for none.',
      format: 'string',
      default: '',
    },
    log_show_after_iter: {
      doc: 'Log the averaged training variables every this many iterations.',
      format: 'positive_int',
      default: 100,
    },
    save_ckpt_after_iter: {
      doc: 'Save a checkpoint every this many iterations.',
      format: 'positive_int',
      default: 10000,
    },
    save_run_state: {
      doc: 'Beside each checkpoint, save all that --resume needs, replay buffer included (one file, overwritten).',
      format: 'boolean',
      default: true,
    },
    save_ckpt_after_run: { doc: 'Save a checkpoint when the run ends.', format: 'boolean', default: true },
    log_reduce_after_iter: {
      doc: "DI-engine's averaging over devices; has no effect on one.",
      format: 'boolean',
      default: false,
    },
    custom: {
      doc: 'More hooks, by name: { type, position, priority, ext_args }, with types made known by register_learner_hook.',
      format: 'any_record',
      default: {},
    },
  },
})

export type BaseLearnerConfig = ConfigOf<typeof baseLearnerConfig>

export interface LearnerOptions {
  readonly policy: LearnMode
  readonly logger: Logger
  readonly exp_name: string
  readonly instance_name?: string
}

/** Width of the window that logged variables are averaged over, in iterations (DI-engine's). */
const WINDOW = 10

/** Learn outputs named so are distributions. */
const HISTOGRAM = '[histogram]'

/** Trains a policy batch by batch, calls hooks, keeps count, writes checkpoints. */
@LEARNER_REGISTRY.register('base')
export class BaseLearner implements Resumable {
  static readonly config = baseLearnerConfig

  readonly policy: LearnMode
  readonly exp_name: string
  readonly instance_name: string
  /** The learner's log, for hooks too: text, scalars, tables. */
  readonly logger: Logger
  /** Env steps at the last update, for the x axis of `learner_step/`. */
  collector_envstep = 0
  /** The last checkpoint written, to be named when a run breaks. */
  last_checkpoint: string | undefined
  /** The run goes on from its own state, so that no checkpoint is loaded before it. */
  resumes = false
  private readonly hooks: LearnerHook[] = []
  private readonly averages = new MovingAverage(WINDOW)
  private iteration = 0
  private priorities: PriorityInfo | undefined

  constructor(
    readonly cfg: BaseLearnerConfig,
    options: LearnerOptions,
  ) {
    this.policy = options.policy
    this.exp_name = options.exp_name
    this.instance_name = options.instance_name ?? 'learner'
    this.logger = options.logger
    for (const hook of hooksOf(cfg.hook)) this.register_hook(hook)
    if (cfg.log_policy) this.logger.info(this.policy.info())
  }

  /** Updates done so far. */
  get train_iter(): number {
    return this.iteration
  }

  get priority_info(): PriorityInfo | undefined {
    return this.priorities
  }

  get learn_info(): { learner_step: number; priority_info: PriorityInfo | undefined } {
    return { learner_step: this.iteration, priority_info: this.priorities }
  }

  /** Learns from one batch. @throws NumericError when a loss or gradient is not finite. */
  async train(data: Batch, envstep = -1): Promise<LearnOutput[]> {
    await this.call_hook('before_iter')
    this.collector_envstep = envstep
    const outputs = [await this.forward(data)].flat()
    this.priorities = undefined
    for (const output of outputs) {
      this.takePriorities(output, data)
      this.averages.push(output)
      this.iteration++
      this.writeHistograms(output)
      await this.call_hook('after_iter')
    }
    return outputs
  }

  register_hook(hook: LearnerHook): void {
    this.hooks.push(hook)
    this.hooks.sort((a, b) => a.priority - b.priority)
  }

  /** Runs the hooks of one position in order of priority. */
  async call_hook(position: HookPosition): Promise<void> {
    for (const hook of this.hooks) if (hook.position === position) await hook.call(this)
  }

  /** The hooks by position, for people. */
  show_hooks(): string {
    return HOOK_POSITIONS.map((position) => {
      const here = this.hooks.filter((h) => h.position === position)
      return `${position}: ${here.map((h) => `${h.name} (priority ${h.priority})`).join(', ') || '-'}`
    }).join('\n')
  }

  /** Writes the moving averages of the policy's monitored variables. */
  log_show(): void {
    const variables: Record<string, number> = {}
    for (const name of this.policy.monitor_vars()) {
      const value = this.averages.mean(name)
      if (value !== undefined) variables[`${name}_avg`] = value
    }
    this.logger.table(`=== Training Iteration ${this.iteration} Result ===`, variables)
    for (const [name, value] of Object.entries(variables)) {
      this.logger.scalar(`${this.instance_name}_iter/${name}`, value, this.iteration)
      if (this.collector_envstep >= 0) {
        this.logger.scalar(`${this.instance_name}_step/${name}`, value, this.collector_envstep)
      }
    }
  }

  /** Folder of this learner's checkpoints. */
  get ckpt_dir(): string {
    return join(this.exp_name, this.instance_name === 'learner' ? 'ckpt' : `ckpt_${this.instance_name}`)
  }

  /** Writes `<exp_name>/ckpt/<name>.safetensors`, with `meta` beside the weights, and returns its path. */
  save_checkpoint(name = `iteration_${this.iteration}`, meta: JsonRecord = {}): string {
    const path = this.checkpoint_path(name)
    const counters = { last_iter: this.iteration, last_step: this.collector_envstep }
    saveState(path, { ...this.policy.state_dict(), ...counters }, meta)
    this.last_checkpoint = path
    this.logger.info(`learner save ckpt in ${path}`)
    return path
  }

  /**
   * Saves weights of this mean return under `name`, unless the checkpoint of that name says that its own had a higher one.
   * Without a return they are saved. @returns whether they were saved
   */
  save_best(name: string, mean_return?: number): boolean {
    if (mean_return !== undefined && !noWorseThanKept(this.checkpoint_path(name), mean_return)) return false
    this.save_checkpoint(name, mean_return === undefined ? {} : { [MEAN_RETURN]: mean_return })
    return true
  }

  /** {@link save_best} for weights that were saved under the name `from` before their return was known. */
  promote_checkpoint(from: string, name: string, mean_return: number): boolean {
    const [saved, path] = [this.checkpoint_path(from), this.checkpoint_path(name)]
    if (!noWorseThanKept(path, mean_return)) return false
    saveState(path, loadState(saved).tree, { [MEAN_RETURN]: mean_return })
    rmSync(saved)
    this.last_checkpoint = path
    return true
  }

  private checkpoint_path(name: string): string {
    return join(this.ckpt_dir, `${name}.safetensors`)
  }

  /** Loads weights, optimizer and counters. @throws CheckpointError, with nothing changed, when the file is not usable. */
  load_checkpoint(path: string): void {
    const { tree } = loadState(path)
    const { last_iter, last_step, ...policy } = tree
    if (typeof last_iter !== 'number' || typeof last_step !== 'number') {
      throw new CheckpointError(`${path} has no last_iter and last_step: it is not a learner's checkpoint.`)
    }
    try {
      this.policy.load_state_dict(policy)
    } catch (cause) {
      if (!(cause instanceof CheckpointError)) throw cause
      throw new CheckpointError(`${path} cannot be loaded here. ${cause.message}`, { cause })
    }
    this.policy.start_anew?.()
    this.iteration = last_iter
    this.collector_envstep = last_step
    this.last_checkpoint = path
    this.logger.info(`learner load ckpt from ${path} (iteration ${last_iter}, env step ${last_step})`)
  }

  state_dict(): StateTree {
    return {
      policy: this.policy.state_dict(),
      last_iter: this.iteration,
      last_step: this.collector_envstep,
      averages: this.averages.state_dict(),
    }
  }

  /** @throws CheckpointError, with nothing changed, when the state is not a learner's or of another policy */
  load_state_dict(state: StateTree): void {
    const { policy, averages, last_iter, last_step } = state
    if (
      typeof last_iter !== 'number' ||
      typeof last_step !== 'number' ||
      !isTree(policy) ||
      !isTree(averages)
    ) {
      throw new CheckpointError(
        'The state has not the parts of a learner: policy, averages, last_iter, last_step.',
      )
    }
    const kept = this.averages.state_dict()
    this.averages.load_state_dict(averages)
    try {
      this.policy.load_state_dict(policy)
    } catch (error) {
      this.averages.load_state_dict(kept)
      throw error
    }
    this.iteration = last_iter
    this.collector_envstep = last_step
  }

  private async forward(data: Batch): Promise<LearnOutput | LearnOutput[]> {
    try {
      return await this.policy.forward(data)
    } catch (error) {
      if (!(error instanceof NumericError)) throw error
      const saved = this.last_checkpoint ?? 'none yet'
      throw new NumericError(
        `At training iteration ${this.iteration}: ${error.message} Last good checkpoint: ${saved}.`,
        {
          cause: error,
        },
      )
    }
  }

  private takePriorities(output: LearnOutput, data: Batch): void {
    const priority = output['priority']
    if (priority === undefined || typeof priority === 'number') return
    const idx = data['replay_buffer_idx']
    const id = data['replay_unique_id']
    if (!isHostTensor(idx) || !isHostTensor(id)) return
    if (priority.length !== id.data.length) {
      throw new UsageError(
        `The policy reported ${priority.length} priorities for a batch of ${id.data.length} samples; expected one for each.`,
      )
    }
    this.priorities = {
      replay_buffer_idx: idx.data.slice(),
      replay_unique_id: id.data.slice(),
      priority: priority.slice(),
    }
  }

  private writeHistograms(output: LearnOutput): void {
    for (const name in output) {
      const value = output[name]
      if (typeof value === 'number' || value === undefined || !name.startsWith(HISTOGRAM)) continue
      this.logger.histogram(`${this.instance_name}/${name.slice(HISTOGRAM.length)}`, value, this.iteration)
    }
  }
}

function isTree(value: StateValue | undefined): value is StateTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isHostTensor(value)
}
