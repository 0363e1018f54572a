import { randomInt } from 'node:crypto'
import type { CompiledConfig } from '../config/index.js'
import type { Action, Obs, Space } from '../envs/index.js'
import type { Logger, RunLogger } from '../logger/index.js'
import type { Run } from '../pipeline/index.js'
import type { Policy } from '../policy/index.js'
import { checkOptions, type StateTree, UsageError } from '../utils/index.js'
import { type EnvArgument, type EnvDemand, type ResolvedEnv, resolveEnv } from './agent_env.js'
import {
  type AgentCounters,
  type AgentState,
  countersOf,
  loadAgentFile,
  mergedParameters,
  parametersOf,
  START,
  saveAgentFile,
  withoutRandom,
} from './agent_file.js'
import { AgentLog } from './agent_logger.js'
import { type AgentTable, type Arguments, checkArguments } from './arguments.js'
import { type NumberList, type ObsBatch, obsRows } from './inputs.js'
import { EpisodeMonitor } from './monitor.js'
import type { LearnOptions, PredictOptions } from './options.js'
import { chooseActions, epsilonAt } from './predicting.js'
import { Session } from './session.js'
import { type Training, trainWithCallbacks } from './training.js'

/**
 * What the agent classes share: an algorithm's table and arguments become a config; policy, environments, buffer, collector and learner are
 * those that the pipeline makes of it, and `learn` is the pipeline's loop. Everything that runs a program or an environment is asynchronous.
 * Call {@link BaseAgent.close} when done with an agent.
 */
export abstract class BaseAgent {
  protected args: Arguments
  /** What every random stream comes from. */
  seed: number
  readonly monitor: EpisodeMonitor
  readonly verbose: number
  protected readonly table: AgentTable
  private env: EnvArgument | null
  private opened: Promise<Session> | undefined
  /** What acts, of an open session. */
  private acting: Policy | undefined
  private spaces: { readonly observation_space: Space; readonly action_space: Space } | undefined
  /** Where the agent stood when it was loaded, or when its session was closed for another. */
  protected restored: AgentState | undefined
  private counters: AgentCounters = START
  private readonly log: AgentLog
  private learning = false
  /** Counts what changes the weights beside updates. */
  private changes = 0
  protected run: Run | undefined

  protected abstract readonly offline: boolean

  /** Whether `learn` takes env steps. */
  get collects(): boolean {
    return !this.offline
  }

  /** Env steps of an agent that has learned from a dataset before; undefined of others. */
  get online_timesteps(): number | undefined {
    return undefined
  }

  constructor(table: AgentTable, args: object) {
    this.table = table
    this.args = checkArguments(table, args as Record<string, unknown>)
    const { values, given } = this.args
    this.seed = (values['seed'] as number | null) ?? randomInt(2 ** 31)
    this.monitor = new EpisodeMonitor(values['stats_window_size'] as number)
    this.verbose = values['verbose'] as number
    this.env = given.env ?? null
    this.log = new AgentLog(values['tensorboard_log'] as string | null, this.verbose)
    const { observation_space, action_space } = given
    if (observation_space && action_space) this.spaces = { observation_space, action_space }
  }

  // ---- what it is ----

  /** Env steps of all environments since counting began; of an offline agent, updates. */
  get num_timesteps(): number {
    return this.run === undefined ? this.counters.num_timesteps : this.countOf(this.run)
  }

  /** Updates done, over all calls of `learn`. */
  get n_updates(): number {
    return this.run?.train_iter ?? this.counters.n_updates
  }

  /** Probability of a random action now, of agents that explore epsilon-greedily; 0 before anything was learned, and of others. */
  get exploration_rate(): number {
    const { acting, table, num_timesteps: env_step, n_updates: train_iter } = this
    if (acting === undefined) return this.counters.exploration_rate ?? 0
    return epsilonAt(table, acting, { env_step, train_iter })
  }

  /** What the current or last `learn` goes or went to. */
  get total_timesteps(): number {
    return this.counters.total_timesteps
  }

  /** Images are [channels, height, width]. @throws UsageError before it is known: `await agent.setup()` looks at the environment */
  get observation_space(): Space {
    return this.knownSpaces.observation_space
  }

  /** The environment's own; actions of `predict` are of it. */
  get action_space(): Space {
    return this.knownSpaces.action_space
  }

  private get knownSpaces(): NonNullable<BaseAgent['spaces']> {
    if (this.spaces !== undefined) return this.spaces
    throw new UsageError('The spaces are not known yet: await setup(), or anything else of the agent, first.')
  }

  private get demand(): EnvDemand {
    return { spaces: this.spaces, n_envs: this.n_envs }
  }

  /** Environments that are stepped together. */
  get n_envs(): number {
    return this.args.values['n_envs'] as number
  }

  /** Whether it prints nothing: `verbose` is 0 and no logger was given. */
  get silent(): boolean {
    return this.log.silent
  }

  /** The logger of `learn`; before that, one that says nothing. */
  get logger(): Logger {
    return this.log.logger
  }

  /** The compiled config that the arguments stand for: what `serial_pipeline` would run. */
  async config(): Promise<CompiledConfig> {
    return (await this.session()).config
  }

  /** Looks at the environment and builds the networks, which otherwise the first call that needs them does. */
  async setup(): Promise<this> {
    await this.session()
    return this
  }

  // ---- predict ----

  /** Actions in the environment's own scale, with the state that was given: `const [action] = await agent.predict(obs)`. Numbers in a list are one vector; of a Discrete space, several observations. */
  async predict(observation: Obs, options?: PredictOptions): Promise<[action: Action, state: unknown]>
  async predict(observation: NumberList, options?: PredictOptions): Promise<[Action | Action[], unknown]>
  async predict(observation: ObsBatch, options?: PredictOptions): Promise<[actions: Action[], state: unknown]>
  async predict(
    observation: Obs | NumberList | ObsBatch,
    options: PredictOptions = {},
  ): Promise<[Action | Action[], unknown]> {
    checkOptions('predict', options, ['deterministic', 'state', 'episode_start'])
    const { deterministic = false, state = null } = options
    const session = await this.session()
    const { rows, single } = obsRows(observation, this.observation_space)
    const { num_timesteps: env_step, n_updates: train_iter, table, action_space } = this
    const actions = await chooseActions(session, rows, {
      table,
      action_space,
      deterministic,
      progress: { env_step, train_iter },
      stamp: `${train_iter}/${env_step}/${this.changes}`,
    })
    return [single ? (actions[0] as Action) : actions, state]
  }

  // ---- save and load ----

  /** Writes the agent to one safetensors file, from which `load` makes it anew; without environments and replay buffer. */
  async save(path: string): Promise<void> {
    const session = await this.session()
    const { observation_space, action_space, args, seed } = this
    const agent = {
      name: this.table.name,
      args: { ...args, values: { ...args.values, seed }, given: { ...args.given, env: this.env } },
      observation_space,
      action_space,
    }
    saveAgentFile(path, { ...agent, config: session.config }, await this.capture())
  }

  /** Everything that learning has made: networks, targets, optimizers, entropy coefficient. A copy. */
  async getParameters(): Promise<StateTree> {
    return structuredClone((await this.session()).policy.learn_mode.state_dict())
  }

  /**
   * Puts in parameters, of `getParameters` or of an agent's file. With `exact_match` false, parts and tensors that are not given stay.
   * @throws CheckpointError, with nothing changed, when they do not fit
   */
  async setParameters(
    load_path_or_dict: string | StateTree,
    options: { exact_match?: boolean } = {},
  ): Promise<void> {
    const { learn_mode } = (await this.session()).policy
    const given = parametersOf(load_path_or_dict)
    learn_mode.load_state_dict(mergedParameters(learn_mode.state_dict(), given, options.exact_match ?? true))
    this.changes++
  }

  // ---- environment, seed, logger ----

  /**
   * Changes the environment; networks, buffer and counters stay.
   * @throws UsageError, with nothing changed, when its spaces are not the agent's, or it is one object where there are several `n_envs`
   */
  async setEnv(env: EnvArgument): Promise<void> {
    this.refuseWhileLearning('given another environment')
    await resolveEnv(env, this.demand)
    await this.reopen()
    this.env = env
  }

  /** Begins all random streams anew, from a seed. Networks, buffer and counters stay; a new episode begins. */
  async setRandomSeed(seed: number): Promise<void> {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new UsageError(`The seed is ${seed}, expected a whole number of at least 0.`)
    this.refuseWhileLearning('given another seed')
    await this.reopen()
    this.seed = seed
    if (this.restored !== undefined) this.standAt(withoutRandom(this.restored))
  }

  /** Logs go here instead of to `tensorboard_log` and the console. Nothing else changes; a running episode goes on. */
  async setLogger(logger: RunLogger): Promise<void> {
    this.refuseWhileLearning('given another logger')
    this.log.give(logger)
  }

  /** Lets go of environments, programs and log files. An agent that is used again makes them anew. */
  async close(): Promise<void> {
    this.refuseWhileLearning('closed')
    await this.reopen()
    this.log.close()
  }

  /** Closes the session, if there is one; the next goes on from where it stood. */
  protected async reopen(): Promise<void> {
    if (this.opened === undefined) return
    const session = await this.opened
    this.standAt(await this.capture(true))
    this.monitor.restart()
    await session.close()
  }

  /** Has the next session begin at `state`. */
  private standAt(state: AgentState): void {
    this.restored = state
    this.counters = countersOf(state)
    this.opened = undefined
    this.acting = undefined
    this.run = undefined
  }

  protected refuseWhileLearning(what: string): void {
    if (this.learning) throw new UsageError(`The agent cannot be ${what} while it learns.`)
  }

  // ---- learn ----

  /** Where a run stands, in the unit of `learn`. */
  protected abstract countOf(run: Run): number

  /** The replay buffer of a run, where it has one. */
  protected abstract bufferOf(
    run: Run,
  ): { state_dict(): StateTree; load_state_dict(state: StateTree): void } | undefined

  /** Puts a new run's counters to where the agent stands. */
  protected abstract restoreCounters(run: Run, state: AgentState): void

  /** @throws UsageError without an environment */
  protected needEnv(): void {
    if (this.env !== null) return
    throw new UsageError(
      `This ${this.table.name} agent has no environment to learn in: give one to its constructor, to load, or to setEnv.`,
    )
  }

  /** The run of the pipeline, at the point where the agent stands. */
  protected async readyRun(): Promise<Run> {
    if (this.run !== undefined) return this.run
    const session = await this.session()
    if (this.collects) this.needEnv()
    const before = await this.capture(true)
    const run = await this.compose(session).catch(async (error: unknown) => {
      // What is half made is no good for another try, which begins where this one did.
      this.standAt(before)
      await session.close().catch(() => {})
      throw error
    })
    const { restored } = this
    if (restored !== undefined) {
      this.restoreCounters(run, restored)
      if (restored.buffer !== undefined) this.bufferOf(run)?.load_state_dict(restored.buffer)
      this.restored = undefined
    }
    this.run = run
    return run
  }

  protected compose(session: Session): Promise<Run> {
    return session.run()
  }

  /** A `learn`. */
  protected async train<R extends Run>(options: LearnOptions, training: Training<R>): Promise<void> {
    const { total, prepare, body, goes_on = true } = training
    this.refuseWhileLearning('taught')
    this.learning = true
    try {
      if (this.collects) this.needEnv()
      const name = options.tb_log_name ?? this.table.name
      this.log.begin(await this.config(), name, goes_on && this.num_timesteps > 0)
      const run = (await this.readyRun()) as R
      const session = await this.session()
      await prepare(run)
      this.counters = { ...this.counters, total_timesteps: total(run) }
      await trainWithCallbacks(this, { run, session, options }, (callback) => body(run, callback))
    } finally {
      this.learning = false
    }
  }

  // ---- inside ----

  protected session(): Promise<Session> {
    this.opened ??= this.open().catch((error: unknown) => {
      this.opened = undefined
      throw error
    })
    return this.opened
  }

  private async open(): Promise<Session> {
    const env: ResolvedEnv | undefined =
      this.env === null ? undefined : await resolveEnv(this.env, this.demand)
    const spaces = this.spaces ?? env
    if (spaces === undefined) {
      throw new UsageError(
        `${this.table.name} has no environment: give env (an id, {type, cfg}, a function, or an Env), or observation_space and action_space.`,
      )
    }
    const { table, args, seed, offline, restored } = this
    const { observation_space, action_space } = spaces
    const session = await Session.open(
      { table, args, observation_space, action_space, env, seed },
      { logger: this.log.current, offline, verbose: this.verbose > 1, ...(restored && { from: restored }) },
    )
    this.spaces = { observation_space, action_space }
    this.acting = session.policy
    return session
  }

  /** Where the agent stands. @param whole with the replay buffer */
  private async capture(whole = false): Promise<AgentState> {
    const { policy, random } = await this.session()
    const { num_timesteps, n_updates, total_timesteps, exploration_rate, online_timesteps, run } = this
    const buffer = run === undefined ? this.restored?.buffer : this.bufferOf(run)?.state_dict()
    const played = run?.collects === true && run.env_step > 0
    return {
      policy: policy.learn_mode.state_dict(),
      random: random.state_dict(),
      num_timesteps,
      n_updates,
      total_timesteps,
      episodes: this.monitor.episodes,
      exploration_rate,
      sessions: (this.counters.sessions ?? 0) + Number(played),
      ...(online_timesteps !== undefined && { online_timesteps }),
      ...(whole && buffer !== undefined && { buffer }),
    }
  }

  /**
   * The agent of a file that `save` wrote, of the class that it is called on. It needs nothing but the file: the spaces are in it, and the
   * environment where a config can name it. `overrides` are arguments that win over the saved ones.
   */
  protected static loadAs<A extends BaseAgent>(
    kind: new (args: never) => A,
    name: string,
    path: string,
    overrides: object,
  ): A {
    const { args, observation_space, action_space, state } = loadAgentFile(path, name)
    const agent = new kind({ ...args, observation_space, action_space, ...overrides } as never)
    // Another seed means other streams.
    agent.standAt('seed' in overrides ? withoutRandom(state) : state)
    agent.monitor.episodes = state.episodes
    return agent
  }
}
