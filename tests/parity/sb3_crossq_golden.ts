import { defaultsOf } from '../../ding/config/index.js'
import { type CrossQConfig, CrossQPolicy } from '../../ding/policy/index.js'
import { numbersOf } from './golden.js'
import type { Columns, Nested, RecordedDraw, Replay, Weights } from './sb3_replay.js'

/** Networks and coefficient at one time. */
export interface Networks {
  readonly actor: Weights
  readonly critic: Weights
  readonly log_ent_coef?: Nested
}

interface Optimizer {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
}

/** One of SB3-contrib's runs. */
export interface GoldenCrossQ {
  readonly config: {
    gamma: number
    n_steps: number
    policy_delay: number
    ent_coef: number | string
    target_entropy: number
    use_sde: boolean
    log_std_init?: number
    use_expln?: boolean
    clip_mean?: number
    batch_norm: boolean
    batch_norm_momentum: number
    batch_norm_eps: number
    renorm_warmup_steps: number
    batch_renorm_rmax: number
    batch_renorm_dmax: number
    n_critics: number
    net_arch: number[] | { pi: number[]; qf: number[] }
    activation_fn: string
  }
  readonly dims: { obs: number; act: number }
  readonly optimizers: { actor: Optimizer; critic: Optimizer; log_ent_coef?: Optimizer }
  readonly float32_noise_tensors: Record<string, Record<string, number>>
  readonly initial: Networks
  readonly replay?: Replay
  readonly draws: { readonly draws: readonly RecordedDraw[] }[]
  readonly batches: Columns[]
  readonly steps: {
    critic_loss: number
    actor_loss?: number
    ent_coef: number
    ent_coef_loss?: number
    ent_coef_after?: number
  }[]
  readonly snapshots: Record<string, Networks>
  readonly probe_input: { obs: number[][]; actions: number[][] }
  readonly probes: Record<
    string,
    { deterministic_action: Nested; q_values: number[][]; mean?: Nested; log_std?: Nested }
  >
  readonly grads: Record<string, { actor?: Weights; critic?: Weights; log_ent_coef?: Weights }>
}

/** SB3-contrib's settings as keys of our model. */
export function modelConfig({ config, dims }: GoldenCrossQ) {
  const { net_arch } = config
  return {
    type: 'crossq',
    obs_shape: dims.obs,
    action_shape: dims.act,
    net_arch: Array.isArray(net_arch) ? { pi: net_arch, qf: net_arch } : net_arch,
    n_critics: config.n_critics,
    activation: config.activation_fn.toLowerCase(),
    batch_norm: config.batch_norm,
    batch_norm_momentum: config.batch_norm_momentum,
    batch_norm_eps: config.batch_norm_eps,
    renorm_warmup_steps: config.renorm_warmup_steps,
    renorm_rmax: config.batch_renorm_rmax,
    renorm_dmax: config.batch_renorm_dmax,
    use_sde: config.use_sde,
    ...(config.use_sde && {
      log_std_init: config.log_std_init,
      use_expln: config.use_expln,
      clip_mean: config.clip_mean,
    }),
  }
}

/** SB3-contrib's settings as a config of our policy. */
export function policyConfig(golden: GoldenCrossQ): CrossQConfig {
  const { config, optimizers } = golden
  const defaults = defaultsOf(CrossQPolicy.config)
  const { actor, critic, log_ent_coef } = optimizers
  return {
    ...defaults,
    model: { ...modelConfig(golden), action_space: 'reparameterization' },
    nstep: golden.replay === undefined ? 1 : config.n_steps,
    learn: {
      ...defaults.learn,
      discount_factor: config.gamma,
      actor_update_freq: config.policy_delay,
      ent_coef: config.ent_coef,
      target_entropy: config.target_entropy,
      learning_rate_q: critic.lr,
      learning_rate_policy: actor.lr,
      learning_rate_alpha: log_ent_coef?.lr ?? 0,
      optimizer_betas: critic.betas,
      optimizer_eps: critic.eps,
    },
  }
}

/** Our names of the actor's parameters, with the recorded values. */
export function actorTensors(weights: Weights): Map<string, { theirs: string; values: number[] }> {
  return new Map(
    Object.entries(weights).map(([theirs, value]) => {
      const name = theirs
        .replace(/^latent_pi\./, 'trunk.')
        .replace(/^mu\.(?:0\.)?(weight|bias)$/, 'head.mu.$1')
        .replace(/^log_std\.(weight|bias)$/, 'head.log_sigma_layer.$1')
        .replace(/^log_std$/, 'head.log_std')
      return [name, { theirs: `actor.${theirs}`, values: numbersOf(value).map(Math.fround) }]
    }),
  )
}

/** Our names of the critics' parameters, with the recorded values of each critic; a weight is turned to [in, out]. */
export function criticTensors(weights: Weights): Map<string, { theirs: string; values: number[] }[]> {
  const found = new Map<string, { theirs: string; values: number[] }[]>()
  for (const [theirs, value] of Object.entries(weights)) {
    const [, critic, rest] = /^qf(\d+)\.(.*)$/.exec(theirs) ?? []
    if (critic === undefined || rest === undefined) throw new Error(`Not a critic's parameter: ${theirs}.`)
    const isWeight = rest.endsWith('weight') && Array.isArray(value)
    const turned = isWeight
      ? (value[0] as Nested[]).map((_, i) => value.map((row) => (row as Nested[])[i]!))
      : value
    const members = found.get(`q.${rest}`) ?? []
    members[Number(critic)] = { theirs: `critic.${theirs}`, values: numbersOf(turned).map(Math.fround) }
    found.set(`q.${rest}`, members)
  }
  return found
}

/** One counter serves all critics of a layer; everything else has a value for each. */
export function joined(name: string, members: readonly { values: number[] }[]): number[] {
  return name.endsWith('.steps') ? members[0]!.values : members.flatMap(({ values }) => values)
}
