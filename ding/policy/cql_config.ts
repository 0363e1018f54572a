import { type ConfigOf, extendSchema } from '../config/index.js'
import { adamKeys } from './adam_options.js'
import { maxEntropyPolicyConfig } from './max_entropy.js'

/**
 * The keys of `cql`: DI-engine's names and places where its cql has the option, CORL's names where only CORL has it. Defaults are CORL's
 * (algorithms/offline/cql.py, TrainConfig); docs/compatibility/corl_cql.md has them side by side.
 */
export const cqlPolicyConfig = extendSchema(maxEntropyPolicyConfig, {
  random_collect_size: { default: 0 },
  model: {
    twin_critic: { doc: 'Two critics instead of one.', format: 'boolean', default: true },
  },
  learn: {
    ...adamKeys,
    learning_rate_policy: { default: 3e-5 },
    learning_rate_alpha: {
      default: 3e-5,
      doc: "Adam's learning rate for alpha. CORL has no key of its own for it: give it that of the actor.",
    },
    alpha: {
      default: 1,
      doc: 'Weight of the entropy before alpha_multiplier; where it is adjusted, its start value.',
    },
    alpha_multiplier: {
      doc: 'Factor on alpha wherever it is used. With auto_alpha false and alpha 1 it is the weight of the entropy itself, as in CORL.',
      format: 'nonnegative_number',
      default: 1,
    },
    target_theta: {
      doc: "Soft target update: target <- (1 - theta) target + theta online (CORL's soft_target_update_rate).",
      format: 'unit_interval',
      default: 0.005,
    },
    target_update_period: {
      doc: 'Move the target networks at every this many updates.',
      format: 'positive_int',
      default: 1,
    },
    min_q_weight: {
      doc: "Weight of the conservative term (CORL's cql_alpha).",
      format: 'nonnegative_number',
      default: 10,
    },
    cql_alpha_online: {
      doc: 'Weight of the conservative term from the switch to online learning on. null: min_q_weight, as before it.',
      format: 'nonnegative_number',
      default: null,
      nullable: true,
    },
    num_actions: {
      doc: 'Actions drawn for each state, of each of three kinds: uniform, by the policy there, by the policy at the next state.',
      format: 'positive_int',
      default: 10,
    },
    min_q_version: {
      doc: "3: the values' logsumexp is importance-sampled, each value corrected by its action's log-density. 2: no correction, and the value of the data's action takes part.",
      format: [2, 3],
      default: 3,
    },
    cql_importance_sample: {
      doc: "CORL's name for min_q_version 3 (true) or 2 (false). null: min_q_version says.",
      format: 'boolean',
      default: null,
      nullable: true,
    },
    cql_temp: { doc: 'Temperature of the logsumexp.', format: 'positive_number', default: 1 },
    cql_clip_diff_min: {
      doc: "Least gap between logsumexp and the data's value that counts, row by row; below it there is no gradient.",
      format: 'number',
      infinity: true,
      default: Number.NEGATIVE_INFINITY,
    },
    cql_clip_diff_max: {
      doc: 'Largest gap that counts, likewise.',
      format: 'number',
      infinity: true,
      default: Number.POSITIVE_INFINITY,
    },
    cql_max_target_backup: {
      doc: 'Targets take the best of num_actions next actions instead of one.',
      format: 'boolean',
      default: false,
    },
    backup_entropy: {
      doc: "Targets have the entropy bonus of the next action (DI-engine's with_q_entropy).",
      format: 'boolean',
      default: false,
    },
    with_lagrange: {
      doc: 'Adjust the weight of the conservative term so that the gap comes to lagrange_thresh.',
      format: 'boolean',
      default: false,
    },
    lagrange_thresh: {
      doc: "With with_lagrange: the gap aimed at, before min_q_weight (CORL's cql_target_action_gap).",
      format: 'number',
      default: -1,
    },
    log_alpha_prime: {
      doc: "With with_lagrange: start value of the multiplier's logarithm (CORL 1; the authors and DI-engine 0). It learns with learning_rate_q.",
      format: 'number',
      default: 1,
    },
    bc_steps: {
      doc: "In this many updates at the start the actor follows the data's actions instead of the critics.",
      format: 'nonnegative_int',
      default: 0,
    },
    corl_bc_log_prob: {
      doc: "CORL's slip, only to repeat its results: in bc_steps the actor maximises the log-density of actions that it draws itself, not of the data's.",
      format: 'boolean',
      default: false,
    },
    corl_uniform_actions: {
      doc: "CORL's slip, only to repeat its results with a policy.model.max_action other than 1: uniform actions lie in [-1, 1] all the same.",
      format: 'boolean',
      default: false,
    },
  },
  collect: {
    sampling: { default: 'free' },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 2_000_000 } } },
})

export type CQLConfig = ConfigOf<typeof cqlPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    cql: CQLConfig
  }
  interface DefaultModelMap {
    cql: 'cql'
  }
}
