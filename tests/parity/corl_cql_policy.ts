import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import { type CQLConfig, CQLPolicy, cqlPolicyConfig } from '../../ding/policy/index.js'
import type { AdamSettings, GoldenCQL, Networks } from './corl_cql_golden.js'
import { initialState, sizesOf } from './corl_cql_networks.js'

/** The policy of a recorded run with the networks `init`, and its model. */
export function policyOf(
  golden: GoldenCQL,
  compute: Compute,
  init: Networks = golden.init,
): { policy: CQLPolicy; model: ActorCriticModel } {
  const model = modelOf(golden)
  const policy = new CQLPolicy(policyConfig(golden), {
    compute,
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn', 'eval'],
  })
  const learn = policy.learn_mode
  learn.load_state_dict(initialState(learn.state_dict(), init))
  return { policy, model }
}

function modelOf({ init, dims, config }: GoldenCQL): ActorCriticModel {
  const actor = sizesOf(init.actor, 'base_network')
  const [first, second] = [sizesOf(init.critic_1, 'network'), sizesOf(init.critic_2, 'network')]
  return createModel(
    {
      type: 'cql',
      obs_shape: dims.obs,
      action_shape: dims.act,
      actor_head_hidden_size: actor.width,
      actor_n_hidden_layers: actor.layers,
      critic_head_hidden_size: first.width,
      q_n_hidden_layers: first.layers,
      q2_n_hidden_layers: second.layers,
      max_action: config['max_action'] ?? 1,
    },
    { random: RandomTree.fromSeed(0).stream('model') },
  ) as ActorCriticModel
}

export function policyConfig({ config, optimizers, dims }: GoldenCQL): CQLConfig {
  const defaults = defaultsOf(cqlPolicyConfig)
  const critic = optimizers['critic_1'] as AdamSettings
  const actor = optimizers['actor'] as AdamSettings
  const given: Partial<CQLConfig['learn']> = {
    discount_factor: config['discount'] as number,
    alpha_multiplier: config['alpha_multiplier'] as number,
    auto_alpha: config['use_automatic_entropy_tuning'] as boolean,
    backup_entropy: config['backup_entropy'] as boolean,
    learning_rate_policy: actor.lr,
    learning_rate_alpha: optimizers['log_alpha']?.lr ?? actor.lr,
    learning_rate_q: critic.lr,
    optimizer_betas: critic.betas,
    optimizer_eps: critic.eps,
    target_theta: config['soft_target_update_rate'] as number,
    target_update_period: config['target_update_period'] as number,
    num_actions: (config['cql_n_actions'] ?? dims.n_actions) as number,
    cql_importance_sample: config['cql_importance_sample'] as boolean,
    with_lagrange: config['cql_lagrange'] as boolean,
    lagrange_thresh: config['cql_target_action_gap'] as number,
    cql_temp: config['cql_temp'] as number,
    min_q_weight: config['cql_alpha'] as number,
    cql_alpha_online: (config['cql_alpha_online'] ?? null) as number | null,
    cql_max_target_backup: config['cql_max_target_backup'] as boolean,
    cql_clip_diff_min: (config['cql_clip_diff_min'] ?? Number.NEGATIVE_INFINITY) as number,
    cql_clip_diff_max: (config['cql_clip_diff_max'] ?? Number.POSITIVE_INFINITY) as number,
    bc_steps: config['bc_steps'] as number,
    target_entropy: config['target_entropy'] as number,
    corl_bc_log_prob: true,
    corl_uniform_actions: true,
  }
  // What the recording leaves out has CORL's default, which is ours.
  const learn = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act, max_action: config['max_action'] ?? 1 },
    learn: { ...defaults.learn, ...learn },
  } as CQLConfig
}
