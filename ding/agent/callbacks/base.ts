import type { Action, EnvManager, MaybePromise, Obs, Space } from '../../envs/index.js'
import { createRunLogger, type Logger } from '../../logger/index.js'
import { UsageError } from '../../utils/index.js'
import { NO_FILES } from '../agent_logger.js'
import type { NumberList, ObsBatch } from '../inputs.js'
import type { EpisodeMonitor } from '../monitor.js'

/** What predicts: all agents do. */
export interface Predictor {
  readonly action_space: Space
  /** Left out: observations of environments are given to it as they are. */
  readonly observation_space?: Space
  /** What makes its spaces known. */
  setup?(): Promise<unknown>
  predict(observation: Obs, options?: { deterministic?: boolean }): Promise<[action: Action, state: unknown]>
  predict(
    observation: NumberList,
    options?: { deterministic?: boolean },
  ): Promise<[Action | Action[], state: unknown]>
  predict(
    observation: ObsBatch,
    options?: { deterministic?: boolean },
  ): Promise<[actions: Action[], state: unknown]>
  /** Told of environments that are going to be played in, which may be those that it collects in. */
  lend?(envs: EnvManager): void
}

/** What callbacks see of an agent. */
export interface CallbackModel extends Predictor {
  readonly num_timesteps: number
  readonly n_updates: number
  readonly total_timesteps: number
  /** The episodes collected so far. */
  readonly monitor: EpisodeMonitor
  readonly logger: Logger
  readonly verbose: number
  /** Whether its logger prints nothing. */
  readonly silent: boolean
  readonly n_envs: number
  /** Whether it takes env steps. */
  readonly collects: boolean
  save(path: string): Promise<void>
  saveReplayBuffer?(path: string): Promise<void>
}

/** What a callback may look at: SB3's local variables of the same names. */
export type Locals = Readonly<Record<string, unknown>>

/** `false` ends the training; anything else, nothing included, lets it go on. */
export type StepAnswer = MaybePromise<boolean | undefined> | MaybePromise<void>

/**
 * Something that goes on beside training, as SB3's BaseCallback. A subclass overrides `onInit`, `onTrainingStart`, `onRolloutStart`, `onStep`,
 * `onRolloutEnd`, `onTrainingEnd`; the methods without "on" are for who calls the callback.
 */
export abstract class BaseCallback {
  model!: CallbackModel
  /** The callback that this one is called by, if any. */
  parent: BaseCallback | null = null
  /** Calls of `onStep`: steps of all environments at once; of an offline agent, updates. */
  n_calls = 0
  /** Env steps of the agent, of all environments; of an offline agent, updates. */
  num_timesteps = 0
  locals: Locals = {}

  constructor(readonly verbose: number = 0) {}

  protected get logger(): Logger {
    return this.model.logger
  }

  async initCallback(model: CallbackModel): Promise<void> {
    this.model = model
    await this.onInit()
  }

  async trainingStart(locals: Locals): Promise<void> {
    this.locals = locals
    this.num_timesteps = this.model.num_timesteps
    await this.onTrainingStart()
  }

  async rolloutStart(): Promise<void> {
    await this.onRolloutStart()
  }

  /** @returns false to end the training */
  async step(locals: Locals): Promise<boolean> {
    this.locals = locals
    this.n_calls++
    this.num_timesteps = this.model.num_timesteps
    return (await this.onStep()) !== false
  }

  async rolloutEnd(): Promise<void> {
    await this.onRolloutEnd()
  }

  async trainingEnd(): Promise<void> {
    await this.onTrainingEnd()
  }

  protected onInit(): MaybePromise<void> {}
  protected onTrainingStart(): MaybePromise<void> {}
  protected onRolloutStart(): MaybePromise<void> {}
  protected onStep(): StepAnswer {}
  protected onRolloutEnd(): MaybePromise<void> {}
  protected onTrainingEnd(): MaybePromise<void> {}

  /** A line for the console, at this verbosity of the callback or above, whatever the agent's is. */
  protected say(line: string, level = 1): void {
    if (this.verbose < level) return
    this.logger.info(line)
    if (!this.model.silent) return
    const console = createRunLogger({ ...NO_FILES, console: 'plain' })
    console.info(line)
    console.close()
  }
}

/** A plain function as a callback: called at each step. */
export type CallbackFunction = (locals: Locals, callback: BaseCallback) => StepAnswer

/** What `learn` takes: a callback, a function, or a list of these. */
export type CallbackArgument = BaseCallback | CallbackFunction | readonly CallbackArgument[] | null

/** A function as a callback. */
export class ConvertCallback extends BaseCallback {
  constructor(private readonly call: CallbackFunction) {
    super()
  }

  protected override onStep(): StepAnswer {
    return this.call(this.locals, this)
  }
}

/** Several callbacks, called in order. All of them see each step, whatever the others answer; what calls the list is their parent too. */
export class CallbackList extends BaseCallback {
  constructor(readonly callbacks: readonly BaseCallback[]) {
    super()
  }

  protected override async onInit(): Promise<void> {
    for (const each of this.callbacks) {
      if (this.parent !== null) each.parent = this.parent
      await each.initCallback(this.model)
    }
  }

  protected override async onTrainingStart(): Promise<void> {
    for (const each of this.callbacks) await each.trainingStart(this.locals)
  }

  protected override async onRolloutStart(): Promise<void> {
    for (const each of this.callbacks) await each.rolloutStart()
  }

  protected override async onStep(): Promise<boolean> {
    let goOn = true
    for (const each of this.callbacks) goOn = (await each.step(this.locals)) && goOn
    return goOn
  }

  protected override async onRolloutEnd(): Promise<void> {
    for (const each of this.callbacks) await each.rolloutEnd()
  }

  protected override async onTrainingEnd(): Promise<void> {
    for (const each of this.callbacks) await each.trainingEnd()
  }
}

/** A callback that now and then calls another. */
export abstract class EventCallback extends BaseCallback {
  constructor(
    readonly callback: BaseCallback | null,
    verbose?: number,
  ) {
    super(verbose)
    if (callback !== null) callback.parent = this
  }

  protected override async onInit(): Promise<void> {
    await this.callback?.initCallback(this.model)
  }

  protected override async onTrainingStart(): Promise<void> {
    await this.callback?.trainingStart(this.locals)
  }

  protected override async onTrainingEnd(): Promise<void> {
    await this.callback?.trainingEnd()
  }

  protected async onEvent(): Promise<boolean> {
    return this.callback === null || this.callback.step(this.locals)
  }
}

/** What `learn` was given, as one callback. @throws UsageError when it is none */
export function callbackOf(given: CallbackArgument): BaseCallback {
  if (given === null) return new CallbackList([])
  if (given instanceof BaseCallback) return given
  if (typeof given === 'function') return new ConvertCallback(given)
  if (Array.isArray(given)) return new CallbackList((given as readonly CallbackArgument[]).map(callbackOf))
  throw new UsageError(
    `learn: callback is ${typeof given === 'object' ? 'a plain object' : String(given)}, expected a BaseCallback, a function, or a list of these.`,
  )
}
