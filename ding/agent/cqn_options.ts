import omit from 'lodash-es/omit.js'
import { type DeepPartial, resolveConfig } from '../config/index.js'
import type { Model } from '../model/index.js'
import { type CQNConfig, cqnPolicyConfig } from '../policy/index.js'
import type { ConservativeTerm } from '../rl_utils/index.js'
import type {
  Hyperparameter,
  HyperparameterConfig,
  HyperparameterRanges,
} from './evolution/hyperparameters.js'

/** Arguments of `CQN` beside the spaces; names and defaults are AgileRL's, where it has them. */
export interface CQNOptions {
  /** Number within a population (0). */
  index?: number
  /** The network: latent_dim, encoder_config, head_config, simba (AgileRL's default network). */
  net_config?: Readonly<Record<string, unknown>> | null
  /** Rows of a batch that `learn` is given, for whoever samples it (64). */
  batch_size?: number
  /** Learning rate of Adam (1e-4). */
  lr?: number
  /** Environment steps between updates, for an online loop (5). */
  learn_step?: number
  /** Discount factor (0.99). */
  gamma?: number
  /** Soft update of the target network (1e-3). */
  tau?: number
  /** Double Q-learning (false). */
  double?: boolean
  /** Bring images from the bounds of their space to [0, 1] (true). */
  normalize_images?: boolean
  /** Label of the last mutation (null). */
  mut?: string | null
  /** Which hyper-parameters evolution may change, and within which ranges (null: lr, batch_size and learn_step around their values). */
  hp_config?: HyperparameterConfig | HyperparameterRanges | null
  /** A network to copy in place of one from net_config. */
  actor_network?: Model
  /** 'cpu' (default) or 'cuda'. */
  device?: 'cpu' | 'cuda'
  /** Weight of the conservative term (1). */
  cql_alpha?: number
  /** Weight of the squared TD error (0.5). */
  td_weight?: number
  /** 'dataset' (default): the paper's. 'mean': AgileRL's, which averages over all actions. */
  conservative_term?: ConservativeTerm
  /** Seed of weights and exploration (0). */
  seed?: number
  /** Further keys of the `cqn` policy's config; they win over the above. */
  config?: DeepPartial<Omit<CQNConfig, 'model'>>
}

/** The names of {@link CQNOptions}. */
export const CQN_OPTIONS = Object.keys({
  index: true,
  net_config: true,
  batch_size: true,
  lr: true,
  learn_step: true,
  gamma: true,
  tau: true,
  double: true,
  normalize_images: true,
  mut: true,
  hp_config: true,
  actor_network: true,
  device: true,
  cql_alpha: true,
  td_weight: true,
  conservative_term: true,
  seed: true,
  config: true,
} satisfies Record<keyof CQNOptions, true>)

/** What a checkpoint keeps of the options: all that JSON holds. */
export type SavedOptions = Omit<CQNOptions, 'actor_network'>

/** The arguments as a config of the `cqn` policy. @throws ConfigError for values out of range */
export function policyConfig(options: CQNOptions): Omit<CQNConfig, 'model'> {
  const {
    batch_size,
    lr,
    learn_step,
    gamma,
    tau,
    double,
    device,
    cql_alpha,
    td_weight,
    conservative_term,
    config,
  } = options
  const given = defined({
    discount_factor: gamma,
    double,
    cuda: device === undefined ? undefined : device === 'cuda',
    ...config,
    learn: defined({
      batch_size,
      learning_rate: lr,
      target_theta: tau,
      cql_alpha,
      td_weight,
      conservative_term,
      ...config?.learn,
    }),
    collect: defined({ n_sample: learn_step, ...config?.collect }),
  })
  return resolveConfig(cqnPolicyConfig, given, 'CQN')
}

export function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}

/** Where the config has what an argument of the same meaning gives. */
const PLACES: Readonly<Record<Hyperparameter, string>> = {
  lr: 'learn.learning_rate',
  batch_size: 'learn.batch_size',
  learn_step: 'collect.n_sample',
  gamma: 'discount_factor',
  tau: 'learn.target_theta',
  cql_alpha: 'learn.cql_alpha',
  td_weight: 'learn.td_weight',
}

/** Options with some of them changed; what `config` says of the same gives way. */
export function withChanges(options: CQNOptions, changes: Partial<CQNOptions>): CQNOptions {
  const overruled = Object.keys(changes).flatMap((name) => PLACES[name as Hyperparameter] ?? [])
  const config = options.config === undefined ? {} : { config: omit(options.config, overruled) }
  return { ...options, ...config, ...changes } as CQNOptions
}
