import type { Container, ServiceIdentifier } from 'inversify'
import type { Compute, RandomTree } from '../compute/index.js'
import type { CompiledConfig } from '../config/index.js'
import { Box, type EnvManager } from '../envs/index.js'
import type { RunLogger } from '../logger/index.js'
import {
  composeContainer,
  type Interrupt,
  OfflineRun,
  OfflineToOnlineRun,
  OnlineRun,
  ROLES,
  type Run,
  type RunSetting,
  tellLimits,
} from '../pipeline/index.js'
import { type BasePolicyConfig, createPolicy, type LrFunction, type Policy } from '../policy/index.js'
import { UsageError } from '../utils/index.js'
import { type ConfigInput, compileAgentConfig, envSettingOf } from './agent_config.js'
import type { AgentState } from './agent_file.js'
import { placesOf } from './arguments.js'

/**
 * A function of an argument `learning_rate`, for the rates that the argument sets. One with an argument of its own (REDQ's for alpha), or that
 * `config` gives, stays.
 */
function followed(
  schedule: (progress_remaining: number) => number,
  { table, args }: ConfigInput,
): LrFunction {
  const places = placesOf(table.definitions).map(({ argument, definition: { to = [] } }) => ({
    isRate: argument.join() === 'learning_rate',
    to: [to].flat(),
  }))
  const set = places.find(({ isRate }) => isRate)?.to ?? []
  const others = places.filter(({ isRate }) => !isRate).flatMap(({ to }) => to)
  const given = Object.keys((args.given.config?.['learn'] ?? {}) as object)
  const stays = (key: string) =>
    given.includes(key) ||
    others.includes(`learn.${key}`) ||
    (set.length > 0 && !set.includes(`learn.${key}`))
  return (remaining, { lr, key }) => (key !== undefined && stays(key) ? lr : schedule(remaining))
}

/** What else {@link Session.open} wants to know. */
export interface SessionOptions {
  readonly logger: RunLogger
  readonly offline: boolean
  /** Print the tables of learner and collector too. */
  readonly verbose: boolean
  /** Where the agent stands; left out: at the beginning. */
  readonly from?: AgentState
}

/** The parts of an agent that belong to one environment, one seed and one config: made together, closed together. */
export class Session {
  /** How long runs go; moved by each `learn`. */
  readonly limits = { max_train_iter: Number.POSITIVE_INFINITY, max_env_step: Number.POSITIVE_INFINITY }
  /** Whoever may stop the `learn` that is going on. */
  interrupt: Interrupt | undefined
  private composed: Promise<Run> | undefined
  private online: Promise<OfflineToOnlineRun> | undefined
  private twin: Promise<Policy> | undefined

  private constructor(
    readonly config: CompiledConfig,
    private readonly container: Container,
    readonly policy: Policy,
    readonly random: RandomTree,
    private readonly compute: Compute,
    private readonly offline: boolean,
  ) {}

  static async open(
    input: ConfigInput,
    { logger, offline, verbose, from }: SessionOptions,
  ): Promise<Session> {
    const config = await compileAgentConfig(input)
    const env_setting = envSettingOf(input, Number(input.args.values['n_envs']))
    const { schedule } = input.args
    const container = composeContainer(config, {
      exp_dir: '.',
      log_files: false,
      verbose,
      env_session: from?.sessions ?? 0,
      ...(env_setting === undefined ? {} : { env_setting }),
      ...(schedule === undefined ? {} : { lr_schedule: followed(schedule, input) }),
      rebind: (at) => {
        at.rebind(ROLES.logger).toConstantValue(logger)
        at.rebind(ROLES.evaluator_env).toConstantValue(NO_ENVS)
      },
    })
    try {
      const policy = await container.getAsync(ROLES.policy)
      const { observation_space, action_space } = input
      const scales = input.table.continuous && action_space instanceof Box
      if (scales && ![...action_space.low, ...action_space.high].every(Number.isFinite)) {
        throw new UsageError(
          `${input.table.name} acts in [-1, 1], which is brought to the bounds of the action space, but ${action_space} has none. Give a Box with finite bounds.`,
        )
      }
      policy.checkSpaces(observation_space, scales ? new Box(-1, 1, action_space.shape) : action_space)
      // Schedules want to know that there is an end; `learn` says where.
      tellLimits(policy, { max_train_iter: 1, max_env_step: 1 })
      policy.setAttribute(offline ? 'max_env_step' : 'max_train_iter', Number.POSITIVE_INFINITY)
      const random = await container.getAsync(ROLES.random)
      if (from !== undefined) {
        policy.learn_mode.load_state_dict(from.policy)
        if (from.random !== undefined) random.load_state_dict(from.random)
        policy.setAttribute(offline ? 'max_train_iter' : 'max_env_step', from.total_timesteps)
      }
      const compute = await container.getAsync(ROLES.compute)
      return new Session(config, container, policy, random, compute, offline)
    } catch (error) {
      await closeAll(container)
      throw error
    }
  }

  /** The run of the pipeline, put together when first asked for. */
  run(): Promise<Run> {
    this.composed ??= this.offline
      ? OfflineRun.compose(this.container, this.setting)
      : OnlineRun.compose(this.container, this.setting)
    return this.composed
  }

  /** A run from the dataset to the environment, with the parts of the run before it, and the dataset in its buffer. */
  runOnline(): Promise<OfflineToOnlineRun> {
    this.online ??= OfflineToOnlineRun.compose(this.container, this.setting).then(async (run) => {
      await run.loadData()
      return run
    })
    return this.online
  }

  private get setting(): RunSetting {
    const requested = () => this.interrupt?.requested
    const interrupt: Interrupt = {
      get requested() {
        return requested()
      },
      release: () => {},
    }
    return { exp_dir: '.', limits: this.limits, interrupt }
  }

  get hasRun(): boolean {
    return this.composed !== undefined
  }

  /**
   * A policy that acts by samples of the distribution, with the weights of this one; its draws are its own, so that predicting changes
   * nothing about training. `stamp` says when the weights have changed.
   */
  async sampler(stamp: string): Promise<Policy> {
    const { config, compute, random } = this
    this.twin ??= (async () => {
      const cfg = structuredClone(config.main_config.policy)
      Object.assign(cfg.eval, { deterministic: false })
      return createPolicy(config.create_config.policy.type, cfg as unknown as BasePolicyConfig, {
        compute,
        random: random.branch('predict'),
        enable_field: ['eval'],
      })
    })()
    const twin = await this.twin
    if (this.stamp !== stamp) twin.eval_mode.load_state_dict(this.policy.eval_mode.state_dict())
    this.stamp = stamp
    return twin
  }

  private stamp: string | undefined

  async close(): Promise<void> {
    await closeAll(this.container)
  }
}

async function closeAll(container: Container): Promise<void> {
  const failures: unknown[] = []
  for (const role of Object.values<ServiceIdentifier>(ROLES)) {
    if (!container.isBound(role)) continue
    const [result] = await Promise.allSettled([container.unbindAsync(role)])
    if (result.status === 'rejected') failures.push(result.reason)
  }
  if (failures.length > 0) throw failures[0]
}

/** Agents evaluate by callbacks, with environments of their own: the run's evaluator has none. */
const NO_ENVS = new Proxy({} as EnvManager, {
  get(_target, member) {
    // What is looked at to see whether it is a promise, or to print it.
    if (typeof member === 'symbol' || member === 'then') return undefined
    throw new UsageError(
      'An agent evaluates by EvalCallback or evaluatePolicy, not by the evaluator of its run.',
    )
  },
})
