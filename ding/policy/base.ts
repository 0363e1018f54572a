import type { ConfigOf } from '../config/index.js'
import { schema } from '../config/index.js'
import type { Compute, RandomTree } from '../compute/index.js'
import type { Batch, Transition } from '../data/index.js'
import type { EnvTimestep, Obs } from '../envs/index.js'
import { createModel, type Model } from '../model/index.js'
import { CheckpointError, ConfigError, type StateTree } from '../utils/index.js'
import {
  type ById,
  type CollectMode,
  type CollectSettings,
  type CommandMode,
  type EvalMode,
  type LearnMode,
  type LearnOutput,
  POLICY_FIELDS,
  type PolicyField,
  type PolicyOptions,
  type PolicyOutput,
  type RunProgress,
} from './types.js'

/** The keys every policy has. A policy's own schema extends this one. */
export const basePolicyConfig = schema({
  on_policy: { doc: 'Whether the policy learns only from data that it has just collected.', format: 'boolean', default: false },
  cuda: {
    doc: 'Run programs on a GPU. An error, never a silent fall-back, when there is none to be had.',
    format: 'boolean',
    default: false,
  },
  runtime: {
    doc: "What runs the programs: 'onnx' compiles them (fast); 'eager' runs each tfjs kernel by itself (for kernels without a row in the table).",
    format: ['onnx', 'eager'],
    default: 'onnx',
  },
  eager_backend: {
    doc: "The tfjs backend of the eager runtime. 'tensorflow' needs @tensorflow/tfjs-node, or tfjs-node-gpu with cuda.",
    format: ['cpu', 'wasm', 'tensorflow'],
    default: 'cpu',
  },
  threads: { doc: 'Threads that one program may use.', format: 'positive_int', default: 1 },
  multi_gpu: { doc: "DI-engine's data-parallel switch; only false is supported.", format: 'boolean', default: false },
  bp_update_sync: { doc: "DI-engine's gradient synchronisation switch; has no effect on one device.", format: 'boolean', default: true },
  traj_len_inf: {
    doc: 'Hand a trajectory to get_train_sample only when its episode ends (n-step targets are then never cut short).',
    format: 'boolean',
    default: false,
  },
  random_collect_size: {
    doc: 'Transitions (episodes for the episode collector) to collect with uniformly random actions before training.',
    format: 'nonnegative_int',
    default: 0,
  },
  transition_with_policy_data: {
    doc: 'Let the untrained policy itself act during random collection, for transitions that need its outputs.',
    format: 'boolean',
    default: false,
  },
  load_path: { doc: 'Checkpoint whose weights the eval and collect entries load.', format: 'path', default: null, nullable: true },
  learn: {
    resume_training: { doc: 'Continue in the same experiment folder instead of starting a new one.', format: 'boolean', default: false },
  },
})

export type BasePolicyConfig = ConfigOf<typeof basePolicyConfig>

/**
 * A policy: how to learn from batches, how to act while collecting, how to act when evaluated.
 * Workers never see this object, only its modes. One model is shared by all modes.
 */
export abstract class Policy<C extends BasePolicyConfig = BasePolicyConfig> {
  static readonly config: unknown = basePolicyConfig

  protected readonly compute: Compute
  protected readonly random: RandomTree
  protected readonly model: Model
  readonly enable_field: readonly PolicyField[]
  private readonly attributes = new Map<string, unknown>()
  private initialised = false

  constructor(
    readonly cfg: C,
    options: PolicyOptions,
  ) {
    this.compute = options.compute
    this.random = options.random
    this.enable_field = POLICY_FIELDS.filter((f) => options.enable_field === undefined || options.enable_field.includes(f))
    if (cfg.multi_gpu) {
      throw new ConfigError('policy.multi_gpu: true is not supported: programs run on one device. Set it to false.', {
        path: 'policy.multi_gpu',
      })
    }
    this.model = options.model ?? this.buildModel()
    this.model.pack()
  }

  /**
   * Initialises the enabled fields, in the order learn, collect, eval. Called when a mode is first asked for and not by the
   * constructor, which runs before the fields of a subclass exist.
   */
  private initialise(): void {
    if (this.initialised) return
    this.initialised = true
    for (const field of this.enable_field) {
      if (field === 'learn') this.initLearn()
      else if (field === 'collect') this.initCollect()
      else this.initEval()
    }
  }

  /** Registered name of the model to build when `cfg.model.type` is not given, and modules to import for it. */
  abstract defaultModel(): [name: string, importNames: string[]]

  protected abstract initLearn(): void
  protected abstract initCollect(): void
  protected abstract initEval(): void

  protected abstract forwardLearn(data: Batch): Promise<LearnOutput | LearnOutput[]>
  protected abstract forwardCollect(data: ById<Obs>, settings: CollectSettings): Promise<ById<PolicyOutput>>
  protected abstract forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>>

  /** Chooses what of a step is kept. */
  protected abstract processTransition(obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>): Transition

  /** Turns one environment's continuous piece of transitions into training samples (n-step returns and the like). */
  protected getTrainSample(transitions: Transition[]): Transition[] {
    return transitions
  }

  protected resetLearn(_data_id?: readonly number[]): void {}
  protected resetCollect(_data_id?: readonly number[]): void {}
  protected resetEval(_data_id?: readonly number[]): void {}

  /** Names of the learn outputs that are logged. */
  protected monitorVarsLearn(): string[] {
    return ['cur_lr', 'total_loss']
  }

  /** Schedules: keyword arguments of the next collect, from where the run stands. */
  protected collectSettings(_progress: RunProgress): CollectSettings {
    return {}
  }

  /** All that learning needs to go on bit for bit. */
  protected stateDictLearn(): StateTree {
    return { model: this.model.stateDict() }
  }

  protected loadStateDictLearn(state: StateTree): void {
    this.loadModel(state)
  }

  protected stateDictCollect(): StateTree {
    return { model: this.model.stateDict() }
  }

  protected loadStateDictCollect(state: StateTree): void {
    this.loadModel(state)
  }

  protected stateDictEval(): StateTree {
    return { model: this.model.stateDict() }
  }

  protected loadStateDictEval(state: StateTree): void {
    this.loadModel(state)
  }

  get learn_mode(): LearnMode {
    this.needs('learn')
    return Object.freeze({
      forward: (data: Batch) => this.forwardLearn(data),
      reset: (data_id?: readonly number[]) => this.resetLearn(data_id),
      info: () => this.toString(),
      monitor_vars: () => this.monitorVarsLearn(),
      state_dict: () => this.stateDictLearn(),
      load_state_dict: (state: StateTree) => this.loadStateDictLearn(state),
      ...this.attributeAccess(),
    })
  }

  get collect_mode(): CollectMode {
    this.needs('collect')
    return Object.freeze({
      forward: (data: ById<Obs>, settings: CollectSettings = {}) => this.forwardCollect(data, settings),
      process_transition: (obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>) =>
        this.processTransition(obs, output, timestep),
      get_train_sample: (transitions: Transition[]) => this.getTrainSample(transitions),
      reset: (data_id?: readonly number[]) => this.resetCollect(data_id),
      state_dict: () => this.stateDictCollect(),
      load_state_dict: (state: StateTree) => this.loadStateDictCollect(state),
      ...this.attributeAccess(),
    })
  }

  get eval_mode(): EvalMode {
    this.needs('eval')
    return Object.freeze({
      forward: (data: ById<Obs>) => this.forwardEval(data),
      reset: (data_id?: readonly number[]) => this.resetEval(data_id),
      state_dict: () => this.stateDictEval(),
      load_state_dict: (state: StateTree) => this.loadStateDictEval(state),
      ...this.attributeAccess(),
    })
  }

  get command_mode(): CommandMode {
    this.initialise()
    return Object.freeze({
      get_setting_learn: () => ({}),
      get_setting_collect: (progress: RunProgress) => this.collectSettings(progress),
      get_setting_eval: () => ({}),
    })
  }

  /** The most updates that the run will do, told by the pipeline (attribute `max_train_iter`); infinite otherwise. */
  protected get mostUpdates(): number {
    return (this.attributes.get('max_train_iter') as number | undefined) ?? Number.POSITIVE_INFINITY
  }

  /** A value that workers may ask for: one set by `set_attribute`, else a key of the config (top level, learn, collect). */
  getAttribute(name: string): unknown {
    const found = this.findAttribute(name)
    if (found !== undefined) return found.value
    throw new ConfigError(
      `The policy ${this.constructor.name} has no attribute "${name}": it is neither set nor a key of policy, policy.learn or policy.collect.`,
    )
  }

  private findAttribute(name: string): { value: unknown } | undefined {
    if (this.attributes.has(name)) return { value: this.attributes.get(name) }
    if (name === 'cfg') return { value: this.cfg }
    const cfg: Readonly<Record<string, unknown>> = this.cfg
    for (const level of [cfg, cfg['learn'], cfg['collect']]) {
      if (typeof level === 'object' && level !== null && Object.hasOwn(level, name)) {
        return { value: (level as Record<string, unknown>)[name] }
      }
    }
    return undefined
  }

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, value)
  }

  toString(): string {
    return `${this.constructor.name}\n${this.model.toString()}`
  }

  private attributeAccess() {
    return {
      has_attribute: (name: string) => this.findAttribute(name) !== undefined,
      get_attribute: (name: string) => this.getAttribute(name),
      set_attribute: (name: string, value: unknown) => this.setAttribute(name, value),
    }
  }

  private needs(field: PolicyField): void {
    this.initialise()
    if (!this.enable_field.includes(field)) {
      throw new ConfigError(
        `${this.constructor.name} was built with enable_field [${this.enable_field.join(', ')}], so it has no ${field}_mode. ` +
          `Add '${field}' to enable_field.`,
      )
    }
  }

  private buildModel(): Model {
    const [name] = this.defaultModel()
    const cfg: Readonly<Record<string, unknown>> = this.cfg
    const model = (cfg['model'] ?? {}) as Record<string, unknown>
    return createModel({ type: name, ...model }, { random: this.random.stream('model') })
  }

  protected loadModel(state: StateTree): void {
    const model = state['model']
    if (typeof model !== 'object' || model === null) {
      throw new CheckpointError(
        `The state has no "model" part (it has: ${Object.keys(state).join(', ') || 'nothing'}). Was it written by another kind of run?`,
      )
    }
    this.model.loadStateDict(model as Parameters<Model['loadStateDict']>[0])
  }
}
