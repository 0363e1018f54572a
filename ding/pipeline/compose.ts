import { Container } from 'inversify'
import { RandomTree } from '../compute/index.js'
import type { CompiledConfig } from '../config/index.js'
import { createDataset, type DatasetConfig } from '../data/index.js'
import {
  createEnvManager,
  type EnvFactory,
  envSources,
  goalRewardOf,
  NO_ENV,
  replayOptions,
} from '../envs/index.js'
import { type ConsoleMode, createRunLogger } from '../logger/index.js'
import type { Model } from '../model/index.js'
import {
  type BasePolicyConfig,
  computeFor,
  createPolicy,
  type LrFunction,
  type PolicyField,
} from '../policy/index.js'
import {
  BUFFER_REGISTRY,
  LEARNER_REGISTRY,
  SERIAL_COLLECTOR_REGISTRY,
  SERIAL_EVALUATOR_REGISTRY,
} from '../registry/index.js'
import { ROLES } from './roles.js'

/** Environments that a caller brings along. */
export interface EnvSetting {
  readonly collector: readonly EnvFactory[]
  readonly evaluator: readonly EnvFactory[]
}

/** What a run is put together from, besides its config. */
export interface ComposeOptions {
  /** The experiment folder. */
  readonly exp_dir: string
  /** Environments to use instead of the registered type: one function (or source) for each environment. */
  readonly env_setting?: EnvSetting
  /** A model to use instead of building policy.model. */
  readonly model?: Model
  /** Which fields of the policy are needed; all when left out. */
  readonly enable_field?: readonly PolicyField[]
  /** The learning rate as a function of the remaining progress: what `policy.learn.lr_schedule` `{ type: 'function' }` stands for. */
  readonly lr_schedule?: LrFunction
  readonly console?: ConsoleMode
  /** Also print the tables of learner, collector and evaluator, which their log files always have. */
  readonly verbose?: boolean
  /** Write logs into the experiment folder (true). */
  readonly log_files?: boolean
  /** Collector environments start from other seeds at each episode (true), or from the same one (false). */
  readonly dynamic_seed?: boolean
  /** Which row of episodes the collector's environments play: each number has its own. 0 (default): that of a run. */
  readonly env_session?: number
  /** Last word: rebinds any role. */
  readonly rebind?: (container: Container) => void
}

/**
 * The composition root: binds every role, lazily, to what the config names. Tokens and factories only; a part is made when
 * it is first asked for, so that evaluation, for instance, never makes a replay buffer.
 */
export function composeContainer(config: CompiledConfig, options: ComposeOptions): Container {
  const { main_config, create_config, seed } = config
  const { policy: policyConfig } = main_config
  const { exp_dir } = options
  const files = options.log_files ?? true
  const parts = { console: options.verbose === true }
  const container = new Container({ defaultScope: 'Singleton' })
  const envs = (role: keyof EnvSetting) => options.env_setting?.[role] ?? envSources(role, main_config.env)

  container.bind(ROLES.config).toConstantValue(config)
  container.bind(ROLES.random).toDynamicValue(() => RandomTree.fromSeed(seed))
  container.bind(ROLES.logger).toDynamicValue(() =>
    createRunLogger({
      exp_name: exp_dir,
      console: options.console ?? 'auto',
      tensorboard: files,
      jsonl: files,
      text: files,
    }),
  )
  container
    .bind(ROLES.compute)
    .toDynamicValue(() => computeFor(policyConfig as unknown as BasePolicyConfig))
    .onDeactivation((compute) => compute.dispose())

  container.bind(ROLES.policy).toDynamicValue(async (at) =>
    createPolicy(create_config.policy.type, policyConfig as unknown as BasePolicyConfig, {
      compute: await at.getAsync(ROLES.compute),
      random: (await at.getAsync(ROLES.random)).branch('policy'),
      ...(options.model === undefined ? {} : { model: options.model }),
      ...(options.enable_field === undefined ? {} : { enable_field: options.enable_field }),
      ...(options.lr_schedule === undefined ? {} : { lr_schedule: options.lr_schedule }),
    }),
  )

  container
    .bind(ROLES.collector_env)
    .toDynamicValue(async () => {
      const manager = createEnvManager(main_config.env.manager, envs('collector'))
      const row = options.env_session ?? 0
      const name = row === 0 ? 'collector_env' : `collector_env_${row}`
      manager.seed(baseSeed(seed, name), options.dynamic_seed ?? true)
      await manager.launch()
      return manager
    })
    .onDeactivation((manager) => manager.close())
  container
    .bind(ROLES.evaluator_env)
    .toDynamicValue(async () => {
      const manager = createEnvManager(
        { ...main_config.env.manager, auto_reset: false, episode_num: Number.POSITIVE_INFINITY },
        envs('evaluator'),
      )
      const { replay_path } = main_config.env
      if (typeof replay_path === 'string')
        await manager.enable_save_replay(replay_path, replayOptions(main_config.env))
      await manager.launch()
      return manager
    })
    .onDeactivation((manager) => manager.close())

  container.bind(ROLES.dataset).toDynamicValue(async (at) =>
    createDataset(policyConfig.collect as Partial<DatasetConfig>, {
      random: (await at.getAsync(ROLES.random)).stream('sampling'),
      logger: (await at.getAsync(ROLES.logger)).component('dataset', parts),
      // The policy normalises what it sees, batches included.
      raw_obs: true,
      ...returnsOf(policyConfig),
    }),
  )
  container
    .bind(ROLES.buffer)
    .toDynamicValue(async (at) => {
      const kind = BUFFER_REGISTRY.get(create_config.replay_buffer.type)
      const [env] = envs('collector')
      return new kind(policyConfig.other.replay_buffer as never, {
        random: (await at.getAsync(ROLES.random)).stream('sampling'),
        logger: (await at.getAsync(ROLES.logger)).component('buffer', { console: false }),
        ...(kind.relabels_goals === true && env !== undefined && { compute_reward: await goalRewardOf(env) }),
      })
    })
    .onDeactivation((buffer) => buffer.close())
  container.bind(ROLES.learner).toDynamicValue(async (at) => {
    const kind = LEARNER_REGISTRY.get(create_config.learner.type)
    return new kind(policyConfig.learn.learner as never, {
      policy: (await at.getAsync(ROLES.policy)).learn_mode,
      logger: (await at.getAsync(ROLES.logger)).component('learner', parts),
      exp_name: exp_dir,
    })
  })
  container.bind(ROLES.collector).toDynamicValue(async (at) => {
    const kind = SERIAL_COLLECTOR_REGISTRY.get(create_config.collector.type)
    return new kind(policyConfig.collect.collector as never, {
      env: await at.getAsync(ROLES.collector_env),
      policy: (await at.getAsync(ROLES.policy)).collect_mode,
      logger: (await at.getAsync(ROLES.logger)).component('collector', parts),
    })
  })
  container.bind(ROLES.evaluator).toDynamicValue(async (at) => {
    const type = create_config.env.type === NO_ENV ? 'none' : create_config.evaluator.type
    const kind = SERIAL_EVALUATOR_REGISTRY.get(type)
    return new kind(policyConfig.eval.evaluator as never, {
      // What never evaluates needs no environments, and there may be none.
      env: kind.evaluates === false ? (undefined as never) : await at.getAsync(ROLES.evaluator_env),
      policy: (await at.getAsync(ROLES.policy)).eval_mode,
      logger: (await at.getAsync(ROLES.logger)).component('evaluator', parts),
      seed: baseSeed(seed, 'evaluation'),
    })
  })
  options.rebind?.(container)
  return container
}

/** How far a policy looks ahead, for data of single steps. */
function returnsOf(policy: Readonly<Record<string, unknown>>): { nstep?: number; gamma?: number } {
  const { nstep, discount_factor } = policy
  const gamma = discount_factor ?? (policy['learn'] as Record<string, unknown>)['discount_factor']
  return {
    ...(typeof nstep === 'number' ? { nstep } : {}),
    ...(typeof gamma === 'number' ? { gamma } : {}),
  }
}

/**
 * The seed that a row of environments or episodes counts up from. Drawn from the run's tree, so that runs with seeds 0, 1,
 * 2, ... do not share most of their episodes.
 */
function baseSeed(seed: number, name: string): number {
  return RandomTree.fromSeed(seed).branch('base_seed').stream(name).nextUint32()
}
