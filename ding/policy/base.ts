import type { Compute, RandomTree } from '../compute/index.js'
import type { Batch, ObservationNorm, OfflineDataset, Transition } from '../data/index.js'
import type { EnvTimestep, Obs, Space } from '../envs/index.js'
import { createModel, type Model } from '../model/index.js'
import { Module, type ObsTensor } from '../nn/index.js'
import { ConfigError, type StateTree, UsageError } from '../utils/index.js'
import { actingWeights, loadActingWeights } from './acting_state.js'
import { type BasePolicyConfig, basePolicyConfig } from './base_config.js'
import { checkModelData } from './data_fit.js'
import { enabledFields } from './fields.js'
import { type LrFunction, learningRateAt, type RunLength } from './lr_schedule.js'
import { Normaliser } from './normaliser.js'
import { shapeObs } from './observations.js'
import { loadOrPutBack, partOf } from './saved_state.js'
import { checkModelShapes } from './spaces.js'
import { standardTransition } from './transition.js'
import type {
  ById,
  CollectMode,
  CollectSettings,
  CommandMode,
  EvalMode,
  LearnMode,
  LearnOutput,
  PolicyField,
  PolicyModes,
  PolicyOptions,
  PolicyOutput,
  RunProgress,
} from './types.js'

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
  private readonly modes: PolicyModes = {}
  private initialised = false
  /** While a state for acting is made or loaded: the modules that it is about. */
  private actingOnly: readonly Module[] | undefined
  private readonly normaliser: Normaliser
  private readonly lrFunction: LrFunction | undefined

  constructor(
    readonly cfg: C,
    options: PolicyOptions,
  ) {
    this.compute = options.compute
    this.random = options.random
    this.enable_field = enabledFields(options.enable_field)
    this.lrFunction = options.lr_schedule
    if (cfg.multi_gpu) {
      throw new ConfigError(
        'policy.multi_gpu: true is not supported: programs run on one device. Set it to false.',
        { path: 'policy.multi_gpu' },
      )
    }
    this.checkConfig()
    this.normaliser = this.makeNormaliser()
    if (options.model !== undefined && !(options.model instanceof Module)) {
      throw new UsageError(
        'The model given to a policy must be a Module with a forward method. Extend Module, or leave it out.',
      )
    }
    this.model = options.model ?? this.buildModel()
    this.model.pack()
  }

  /**
   * Checks what no single key's format can: keys that contradict each other.
   * Called by the constructor: only `this.cfg` is there yet. @throws ConfigError naming the path
   */
  protected checkConfig(): void {}

  /** Checks the model of the config against the environments' spaces. @throws ConfigError naming the key and the space */
  checkSpaces(observation: Space, action: Space): void {
    checkModelShapes(this.modelConfig, observation, action)
    this.normaliser.checkSpace(observation)
  }

  /** The largest magnitude of an entry of its actions, where it acts in such a box; undefined for other actions. */
  get actionBound(): number | undefined {
    return undefined
  }

  /**
   * Checks the model of the config against the data that it is to learn from.
   * @returns what is odd, in sentences @throws DatasetError naming what does not fit
   */
  checkData(data: Pick<OfflineDataset, 'statistics' | 'take'>): string[] {
    const { collect } = this.cfg as { collect?: { action_scale?: number } }
    return checkModelData(this.modelConfig, data, {
      scale: collect?.action_scale ?? 1,
      bound: this.actionBound,
    })
  }

  /** Observations in the shapes of `policy.model.obs_shape`, from the flat form of environments and batches. */
  protected shaped(obs: ObsTensor): ObsTensor {
    return shapeObs(obs, this.modelConfig['obs_shape'])
  }

  /**
   * Initialises the enabled fields, in the order learn, collect, eval. Called when a mode is first asked for and not by the
   * constructor, which runs before the fields of a subclass exist.
   */
  private initialise(): void {
    if (this.initialised) return
    for (const field of this.enable_field) {
      if (field === 'learn') this.initLearn()
      else if (field === 'collect') this.initCollect()
      else this.initEval()
    }
    this.initialised = true
  }

  /** Registered name of the model to build when `cfg.model.type` is not given, and modules to import for it. */
  abstract defaultModel(): [name: string, importNames: string[]]

  protected abstract initLearn(): void
  protected abstract initCollect(): void
  protected abstract initEval(): void

  protected abstract forwardLearn(data: Batch): Promise<LearnOutput | LearnOutput[]>
  protected abstract forwardCollect(data: ById<Obs>, settings: CollectSettings): Promise<ById<PolicyOutput>>
  protected abstract forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>>

  /** Chooses what of a step is kept: {@link standardTransition}. */
  protected processTransition(obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>): Transition {
    return standardTransition(obs, output, timestep)
  }

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
    return { model: this.modelState() }
  }

  protected loadStateDictLearn(state: StateTree): void {
    this.loadModel(state)
  }

  protected stateDictCollect(): StateTree {
    return { model: this.modelState() }
  }

  protected loadStateDictCollect(state: StateTree): void {
    this.loadModel(state)
  }

  protected stateDictEval(): StateTree {
    return { model: this.modelState() }
  }

  protected loadStateDictEval(state: StateTree): void {
    this.loadModel(state)
  }

  get learn_mode(): LearnMode {
    this.needs('learn')
    this.modes.learn ??= Object.freeze({
      forward: (data: Batch) =>
        this.forwardLearn(this.normaliser.active ? this.normaliser.batch(data) : data),
      reset: (data_id?: readonly number[]) => this.resetLearn(data_id),
      info: () => this.toString(),
      monitor_vars: () => this.monitorVarsLearn(),
      start_anew: () => this.startAnew(),
      ...this.stateAccess(
        () => this.stateDictLearn(),
        (state) => this.loadStateDictLearn(state),
      ),
    })
    return this.modes.learn
  }

  get collect_mode(): CollectMode {
    this.needs('collect')
    this.modes.collect ??= Object.freeze({
      forward: (data: ById<Obs>, settings: CollectSettings = {}) =>
        this.forwardCollect(this.seen(data), settings),
      observe: (data: ById<Obs>) => this.normaliser.observe(data),
      observe_step: (timesteps: ById<EnvTimestep<Obs>>) => this.normaliser.observeStep(timesteps),
      process_transition: (obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>) =>
        this.processTransition(obs, output, timestep),
      get_train_sample: (transitions: Transition[]) => this.getTrainSample(transitions),
      reset: (data_id?: readonly number[]) => this.resetCollect(data_id),
      ...this.stateAccess(
        () => this.stateDictCollect(),
        (state) => this.loadStateDictCollect(state),
      ),
    })
    return this.modes.collect
  }

  get eval_mode(): EvalMode {
    this.needs('eval')
    this.modes.eval ??= Object.freeze({
      forward: (data: ById<Obs>) => this.forwardEval(this.seen(data)),
      reset: (data_id?: readonly number[]) => this.resetEval(data_id),
      ...this.stateAccess(
        () => this.stateDictEval(),
        (state) => this.loadStateDictEval(state),
      ),
    })
    return this.modes.eval
  }

  get command_mode(): CommandMode {
    this.initialise()
    this.modes.command ??= Object.freeze({
      get_setting_learn: () => ({}),
      get_setting_collect: (progress: RunProgress) => this.collectSettings(progress),
      get_setting_eval: () => ({}),
    })
    return this.modes.command
  }

  /** A limit of the run that the pipeline has told; infinite otherwise. */
  protected limit(name: 'max_train_iter' | 'max_env_step'): number {
    return (this.attributes.get(name) as number | undefined) ?? Number.POSITIVE_INFINITY
  }

  /** How long the run is, by whichever limit it comes to first. The pipeline tells the attributes max_train_iter, max_env_step and env_step. */
  protected get runLength(): RunLength {
    const limits = () => [this.limit('max_train_iter'), this.limit('max_env_step')] as const
    return {
      known: Number.isFinite(Math.min(...limits())),
      // Asked for anew each time: a run that goes on may have been given more.
      remaining: (updates) => {
        const [most, mostSteps] = limits()
        const env_step = (this.attributes.get('env_step') as number | undefined) ?? 0
        return Math.max(0, 1 - Math.max(updates / most, env_step / mostSteps))
      },
    }
  }

  /** The learning rate that starts at `start`, by the number of updates done and `learn.lr_schedule`. @param key of it below `learn` */
  protected rateAt(start: number, key?: string): (updates: number) => number {
    const { lr_schedule = null } = this.cfg.learn as { lr_schedule?: Record<string, unknown> | null }
    return learningRateAt(lr_schedule, start, this.runLength, this.lrFunction, key)
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

  /** Told once, where a run goes over from its dataset to its environments: what changes then is the policy's matter, and part of its state. */
  startOnline(): void {}

  /** Told when a new run starts from a checkpoint: what the state says of the old run's course, such as {@link startOnline}, counts no longer. */
  startAnew(): void {}

  toString(): string {
    return `${this.constructor.name}\n${this.model.toString()}`
  }

  /** What the collectors and evaluators of a parallel run need: the mode's state, of the model only the {@link actingModules}. */
  actingState(mode: 'collect' | 'eval'): StateTree {
    return this.asActing(() => this[`${mode}_mode`].state_dict())
  }

  /**
   * Takes over an {@link actingState}. Weights that are not in it become NaN: acting that asks them all the same is noticed at once.
   * @throws CheckpointError when it does not fit; nothing has changed then
   */
  loadActingState(mode: 'collect' | 'eval', state: StateTree): void {
    this.asActing(() => this[`${mode}_mode`].load_state_dict(state))
  }

  private asActing<T>(access: () => T): T {
    this.actingOnly = this.actingModules()
    try {
      return access()
    } finally {
      this.actingOnly = undefined
    }
  }

  /** The only modules that collecting and evaluating ask. Undefined: all of the model. */
  protected actingModules(): readonly Module[] | undefined {
    return undefined
  }

  /** Observations are normalised from now on by a dataset's mean and deviation, which every checkpoint then holds. */
  setObservationNorm(norm: ObservationNorm): void {
    this.normaliser.fix(norm)
  }

  /** Observations as the networks see them. */
  protected seen(data: ById<Obs>): ById<Obs> {
    return this.normaliser.active ? this.normaliser.normalised(data) : data
  }

  private makeNormaliser(): Normaliser {
    const discount = this.findAttribute('discount_factor')?.value
    return new Normaliser({
      settings: this.cfg.vec_normalize,
      discount_factor: typeof discount === 'number' ? discount : 0.99,
      obs_shape: this.modelConfig['obs_shape'],
      use_norm: this.findAttribute('use_norm')?.value === true,
    })
  }

  /** What all modes share. Loading is all or nothing: on an error the part is put back as it was. */
  private stateAccess(own: () => StateTree, loadOwn: (state: StateTree) => void) {
    const state_dict = (): StateTree => {
      const normalisation = this.normaliser.state_dict()
      return normalisation === undefined ? own() : { ...own(), normalisation }
    }
    const load = (state: StateTree) => {
      loadOwn(state)
      this.normaliser.load_state_dict(state['normalisation'])
    }
    return {
      state_dict,
      load_state_dict: (state: StateTree) => loadOrPutBack(this.constructor.name, state, state_dict, load),
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
    const model = { type: this.defaultModel()[0], ...this.modelConfig }
    return createModel(model, { random: this.random.stream('model'), policy: this.constructor })
  }

  protected get modelConfig(): Readonly<Record<string, unknown>> {
    const cfg: Readonly<Record<string, unknown>> = this.cfg
    return (cfg['model'] ?? {}) as Record<string, unknown>
  }

  /** The model's weights, as the `model` part of a state: what {@link loadModel} takes over. */
  protected modelState(): StateTree {
    return this.actingOnly === undefined ? this.model.stateDict() : actingWeights(this.model, this.actingOnly)
  }

  protected loadModel(state: StateTree): void {
    const weights = partOf(state, 'model')
    if (this.actingOnly !== undefined) loadActingWeights(this.model, this.actingOnly, weights)
    else this.model.loadStateDict(weights as Parameters<Model['loadStateDict']>[0])
  }
}
