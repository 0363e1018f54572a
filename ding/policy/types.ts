import type { Compute, RandomTree } from '../compute/index.js'
import type { Batch, Transition } from '../data/index.js'
import type { Action, EnvTimestep, Obs } from '../envs/index.js'
import type { Model } from '../model/index.js'
import type { StateTree } from '../utils/index.js'
import type { LrFunction } from './lr_schedule.js'

/** The fields of a policy that can be switched on by themselves; initialised in this order. */
export const POLICY_FIELDS = ['learn', 'collect', 'eval'] as const
export type PolicyField = (typeof POLICY_FIELDS)[number]

/** What a policy is given beside its config. */
export interface PolicyOptions {
  /** Where its programs run. */
  readonly compute: Compute
  /** The policy's branch of the run's random tree. */
  readonly random: RandomTree
  /** A model to use instead of building `cfg.model`. */
  readonly model?: Model
  /** Which fields to initialise; all when left out. */
  readonly enable_field?: readonly PolicyField[]
  /** What `learn.lr_schedule` `{ type: 'function' }` stands for. */
  readonly lr_schedule?: LrFunction
}

/** One environment's answer from `collect_mode.forward` or `eval_mode.forward`. */
export interface PolicyOutput {
  action: Action
  [key: string]: unknown
}

/** Values by environment id. */
export type ById<T> = Record<number, T>

/**
 * What one update reports: scalars to log; `priority` (one value per sample) goes to the buffer;
 * keys starting with `[histogram]` go to TensorBoard as histograms.
 */
export type LearnOutput = Record<string, number | Float32Array>

/** Schedule inputs: where the run stands. */
export interface RunProgress {
  readonly env_step: number
  readonly train_iter: number
  /** Where `env_step` was when the present collect began, for settings that are asked for within it. */
  readonly collect_start?: number
}

/** Keyword arguments of the next `collect_mode.forward`, such as `{ eps }`. */
export type CollectSettings = Record<string, number>

interface StateMode {
  has_attribute(name: string): boolean
  get_attribute(name: string): unknown
  set_attribute(name: string, value: unknown): void
  state_dict(): StateTree
  load_state_dict(state: StateTree): void
}

/** What the learner sees of a policy. */
export interface LearnMode extends StateMode {
  /** One update (or, when a list comes back, that many) from a batch of `batch_size` rows. */
  forward(data: Batch): Promise<LearnOutput | LearnOutput[]>
  reset(data_id?: readonly number[]): void
  info(): string
  monitor_vars(): string[]
  /** Told when the state that was loaded is a checkpoint to start a new run from, not that of a run which goes on. */
  start_anew?(): void
}

/** What a collector sees of a policy. */
export interface CollectMode extends StateMode {
  forward(data: ById<Obs>, settings?: CollectSettings): Promise<ById<PolicyOutput>>
  /** Running statistics take in what is about to be acted on, and what a step gave. For data that is collected to learn from alone. */
  observe?(data: ById<Obs>): void
  observe_step?(timesteps: ById<EnvTimestep<Obs>>): void
  process_transition(obs: Obs, policy_output: PolicyOutput, timestep: EnvTimestep<Obs>): Transition
  get_train_sample(transitions: Transition[]): Transition[]
  reset(data_id?: readonly number[]): void
}

/** What an evaluator sees of a policy. */
export interface EvalMode extends StateMode {
  forward(data: ById<Obs>): Promise<ById<PolicyOutput>>
  reset(data_id?: readonly number[]): void
}

/** Schedules: keyword arguments for the next call of each mode. */
export interface CommandMode {
  get_setting_learn(progress: RunProgress): CollectSettings
  get_setting_collect(progress: RunProgress): CollectSettings
  get_setting_eval(progress: RunProgress): CollectSettings
}

/** The modes of a policy that have been asked for. */
export interface PolicyModes {
  learn?: LearnMode
  collect?: CollectMode
  eval?: EvalMode
  command?: CommandMode
}
