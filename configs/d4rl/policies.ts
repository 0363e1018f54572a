import { type ConfigPair, type DatasetConfig, defineConfig } from 'ding'
import type { D4rlTask } from './tasks.js'

/** The configs of one policy. */
export interface D4rlPolicy {
  /** Whose settings they are. */
  readonly from: string
  /** Updates of a whole run. */
  readonly train_iter: number
  /** Whether there are published settings for a task. */
  has(task: D4rlTask): boolean
  config(task: D4rlTask, exp_name: string): ConfigPair
}

/** Whether a task is one of CORL's: all but the v0 files. */
const ofCorl = ({ version }: D4rlTask): boolean => version !== 'v0'

const isMaze = ({ family }: D4rlTask): boolean => family === 'antmaze' || family === 'maze2d'

const nameOf = ({ env, flavour }: D4rlTask): string => `${env}-${flavour}`

/** The environment to evaluate in: CORL's 10 episodes, 100 in mazes. */
function envOf(task: D4rlTask, episodes = isMaze(task) ? 100 : 10) {
  return {
    env_id: task.env_id ?? task.name,
    // As CORL collects online: one step, then one update.
    collector_env_num: 1,
    evaluator_env_num: 10,
    n_evaluator_episode: episodes,
  }
}

/** Without an environment the run trains from the file all the same, and evaluates nothing. */
function createOf<const P extends string>(task: D4rlTask, type: P) {
  const env = task.env_id === undefined ? ('none' as const) : ('mujoco' as const)
  return { env: { type: env }, env_manager: { type: 'base' }, policy: { type } }
}

function collectOf(task: D4rlTask, more: Partial<DatasetConfig> = {}) {
  return {
    data_type: 'd4rl',
    data_path: `./data/d4rl/${task.file}`,
    env_id: task.name,
    // CORL draws rows with replacement.
    sampling: 'free',
    ...more,
  } as const
}

/** TD3+BC and IQL take 1 from the rewards of AntMaze. */
const antmazeRewards = ({ family }: D4rlTask): Partial<DatasetConfig> =>
  family === 'antmaze' ? { reward_norm: 'iql_antmaze' } : {}

const shapesOf = ({ obs_shape, action_shape }: D4rlTask) => ({ obs_shape, action_shape })

const every = (eval_freq: number) => ({ evaluator: { eval_freq } })

const cqlRewards = ({ family }: D4rlTask): Partial<DatasetConfig> =>
  family === 'antmaze' ? { normalize_reward: true, reward_scale: 10, reward_bias: -5 } : {}

/** What a family of tasks has other than CORL's defaults. */
const CQL_FAMILIES = {
  locomotion: { policy_lr: 3e-5, min_q_weight: 10, with_lagrange: false, lagrange_thresh: -1 },
  antmaze: { policy_lr: 1e-4, min_q_weight: 5, with_lagrange: true, lagrange_thresh: 0.8 },
  maze2d: { policy_lr: 3e-5, min_q_weight: 10, with_lagrange: true, lagrange_thresh: 5 },
  adroit: { policy_lr: 1e-4, min_q_weight: 1, with_lagrange: false, lagrange_thresh: -1 },
} as const

const CQL_LEARN = {
  batch_size: 256,
  learning_rate_q: 3e-4,
  discount_factor: 0.99,
  target_theta: 0.005,
  target_update_period: 1,
  auto_alpha: true,
  alpha_multiplier: 1,
  backup_entropy: false,
  num_actions: 10,
  min_q_version: 3,
  cql_temp: 1,
  bc_steps: 0,
} as const

/** algorithms/offline/cql.py with configs/offline/cql. */
const cql: D4rlPolicy = {
  from: 'CORL',
  train_iter: 1_000_000,
  has: ofCorl,
  config(task, exp_name) {
    const { policy_lr, ...learn } = CQL_FAMILIES[task.family]
    const antmaze = task.family === 'antmaze'
    // Of hopper-medium alone CORL normalises rewards.
    const range: Partial<DatasetConfig> =
      task.name === 'hopper-medium-v2' ? { normalize_reward: true } : cqlRewards(task)
    return defineConfig(
      {
        exp_name,
        env: envOf(task),
        policy: {
          model: {
            ...shapesOf(task),
            orthogonal_init: true,
            q_n_hidden_layers: antmaze ? 5 : 3,
            // CORL's offline code builds the second critic with 3 in any case; the published scores were made so.
            ...(antmaze ? { q2_n_hidden_layers: 3 } : {}),
          },
          learn: {
            ...CQL_LEARN,
            ...learn,
            learning_rate_policy: policy_lr,
            learning_rate_alpha: policy_lr,
            cql_clip_diff_min: antmaze ? -200 : Number.NEGATIVE_INFINITY,
            cql_max_target_backup: antmaze,
          },
          collect: collectOf(task, { use_norm: !antmaze, ...range }),
          eval: every(antmaze ? 50_000 : 5000),
        },
      },
      createOf(task, 'cql'),
    )
  },
}

/** algorithms/finetune/cql.py with configs/finetune/cql: from offline to online. */
const cql_finetune: D4rlPolicy = {
  from: 'CORL, finetune',
  train_iter: 1_000_000,
  has: ({ family, flavour }) => family === 'antmaze' || (family === 'adroit' && flavour === 'cloned'),
  config(task, exp_name) {
    const antmaze = task.family === 'antmaze'
    const weight = antmaze ? 5 : 1
    return defineConfig(
      {
        exp_name,
        env: envOf(task),
        policy: {
          model: {
            ...shapesOf(task),
            orthogonal_init: true,
            init_variant: 'finetune',
            q_n_hidden_layers: antmaze ? 5 : 3,
          },
          learn: {
            ...CQL_LEARN,
            learning_rate_policy: 1e-4,
            learning_rate_alpha: 1e-4,
            offline_iterations: 1_000_000,
            online_iterations: 1_000_000,
            min_q_weight: weight,
            cql_alpha_online: weight,
            with_lagrange: antmaze,
            lagrange_thresh: 0.8,
            cql_clip_diff_min: -200,
            cql_max_target_backup: true,
          },
          collect: collectOf(task, { use_norm: false, ...cqlRewards(task) }),
          eval: every(antmaze ? 50_000 : 5000),
          // CORL draws rows with replacement here too. Memory is taken row by row.
          other: { replay_buffer: { replay_buffer_size: 10_000_000, replace: true } },
        },
      },
      { ...createOf(task, 'cql'), replay_buffer: { type: 'naive' } },
    )
  },
}

/** Mean return at which DI-engine's runs stop. */
const BCQ_STOP: Readonly<Record<string, number>> = {
  'halfcheetah-medium-v2': 7000,
  'halfcheetah-medium-expert-v2': 12_000,
  'hopper-medium-v0': 3500,
  'hopper-medium-expert-v0': 3800,
}

/** dizoo/d4rl/config/*_bcq_config.py: four files that differ in task and stop value. The others have the same settings. */
const bcq: D4rlPolicy = {
  from: 'DI-engine',
  train_iter: 1_000_000,
  has: () => true,
  config(task, exp_name) {
    const stop_value = BCQ_STOP[task.name]
    return defineConfig(
      {
        exp_name,
        env: {
          ...envOf(task, isMaze(task) ? 100 : 8),
          evaluator_env_num: 8,
          ...(stop_value === undefined ? {} : { stop_value }),
        },
        policy: {
          model: {
            ...shapesOf(task),
            actor_head_hidden_size: [400, 300],
            critic_head_hidden_size: [400, 300],
            phi: 0.05,
          },
          learn: {
            train_epoch: 30_000,
            batch_size: 100,
            learning_rate_q: 3e-3,
            learning_rate_policy: 3e-3,
            // In none of the four files, so that DI-engine's default counts.
            learning_rate_vae: 3e-4,
            lmbda: 0.75,
          },
          // DI-engine passes over the data, shuffled.
          collect: collectOf(task, { sampling: 'epoch' }),
          eval: every(500),
          other: { replay_buffer: { replay_buffer_size: 2_000_000 } },
        },
      },
      createOf(task, 'bcq'),
    )
  },
}

/** algorithms/offline/td3_bc.py with configs/offline/td3_bc. */
const td3_bc: D4rlPolicy = {
  from: 'CORL',
  train_iter: 1_000_000,
  has: ofCorl,
  config(task, exp_name) {
    return defineConfig(
      {
        exp_name,
        env: envOf(task),
        policy: {
          model: shapesOf(task),
          learn: {
            batch_size: 256,
            learning_rate_actor: 3e-4,
            learning_rate_critic: 3e-4,
            discount_factor: 0.99,
            target_theta: 0.005,
            actor_update_freq: 2,
            noise: true,
            noise_sigma: 0.2,
            noise_range: { min: -0.5, max: 0.5 },
            alpha: 2.5,
          },
          collect: collectOf(task, { use_norm: true, ...antmazeRewards(task) }),
          eval: every(5000),
        },
      },
      createOf(task, 'td3_bc'),
    )
  },
}

/** Temperature and expectile of a task. */
function iqlPair(task: D4rlTask): { beta: number; iql_tau: number } {
  if (nameOf(task) === 'hopper-medium-expert') return { beta: 6, iql_tau: 0.5 }
  if (task.family === 'antmaze') return { beta: 10, iql_tau: 0.9 }
  return { beta: 3, iql_tau: task.family === 'adroit' ? 0.8 : 0.7 }
}

/** algorithms/offline/iql.py with configs/offline/iql. Its actor_dropout of 0.1 for Adroit never reaches the normal actor, hence none here. */
const iql: D4rlPolicy = {
  from: 'CORL',
  train_iter: 1_000_000,
  has: ofCorl,
  config(task, exp_name) {
    const special = ['hopper-medium', 'hopper-medium-replay'].includes(nameOf(task))
    const rewards: Partial<DatasetConfig> = special ? { normalize_reward: true } : antmazeRewards(task)
    return defineConfig(
      {
        exp_name,
        env: envOf(task),
        policy: {
          model: { ...shapesOf(task), iql_deterministic: special },
          learn: {
            batch_size: 256,
            learning_rate_q: 3e-4,
            learning_rate_value: 3e-4,
            learning_rate_policy: 3e-4,
            policy_lr_schedule: { type: 'cosine' },
            discount_factor: 0.99,
            target_theta: special ? 0.001 : 0.005,
            ...iqlPair(task),
          },
          collect: collectOf(task, { use_norm: true, ...rewards }),
          eval: every(5000),
        },
      },
      createOf(task, 'iql'),
    )
  },
}

/** Number of critics, and the weight of their diversity. */
function edacPair({ family, env, flavour }: D4rlTask): { ensemble_num: number; eta: number } {
  if (env === 'pen') return { ensemble_num: 20, eta: flavour === 'human' ? 1000 : 10 }
  if (family === 'adroit') return { ensemble_num: 50, eta: 200 }
  if (family === 'maze2d') return { ensemble_num: 10, eta: 0.1 }
  if (env === 'hopper') return { ensemble_num: 50, eta: 1 }
  return { ensemble_num: 10, eta: flavour === 'medium-expert' ? 5 : 1 }
}

const EDAC_LOCOMOTION = ['medium', 'medium-replay', 'medium-expert']

/** algorithms/offline/edac.py with configs/offline/edac, which has fewer tasks. */
const edac: D4rlPolicy = {
  from: 'CORL',
  train_iter: 3_000_000,
  has: (task) =>
    ofCorl(task) &&
    (task.family !== 'locomotion' || EDAC_LOCOMOTION.includes(task.flavour)) &&
    !task.flavour.endsWith('-dense'),
  config(task, exp_name) {
    const { ensemble_num, eta } = edacPair(task)
    return defineConfig(
      {
        exp_name,
        env: envOf(task, 10),
        policy: {
          model: { ...shapesOf(task), ensemble_num },
          learn: {
            batch_size: 256,
            learning_rate_q: 3e-4,
            learning_rate_policy: 3e-4,
            learning_rate_alpha: 3e-4,
            discount_factor: 0.99,
            target_theta: 0.005,
            eta,
          },
          collect: collectOf(task),
          eval: every(5000),
        },
      },
      createOf(task, 'edac'),
    )
  },
}

/** algorithms/offline/any_percent_bc.py with configs/offline/bc: all of the data. */
const bc: D4rlPolicy = {
  from: 'CORL',
  train_iter: 1_000_000,
  has: ofCorl,
  config(task, exp_name) {
    return defineConfig(
      {
        exp_name,
        env: envOf(task),
        policy: {
          continuous: true,
          loss_type: 'mse_loss',
          model: { ...shapesOf(task), actor_head_hidden_size: 256, actor_head_layer_num: 1 },
          learn: { batch_size: 256, optimizer: 'Adam', learning_rate: 3e-4, weight_decay: null },
          collect: collectOf(task, { use_norm: true }),
          eval: every(5000),
        },
      },
      createOf(task, 'bc'),
    )
  },
}

/** Policies with published settings, by the name that -p takes. */
export const D4RL_POLICIES: Readonly<Record<string, D4rlPolicy>> = {
  cql,
  cql_finetune,
  bcq,
  td3_bc,
  iql,
  edac,
  bc,
}
