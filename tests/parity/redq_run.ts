// A recorded REDQ run as our policy's config, networks and batches.

import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { type LearnMode, type REDQConfig, REDQPolicy } from '../../ding/policy/index.js'
import { get_nstep_return_data } from '../../ding/rl_utils/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { decode, type GoldenTensor } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { modelOf, named, type Tensors } from './redq_networks.js'
import { activationOf } from './torch_activation.js'

export interface Optimizer {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad?: boolean
  readonly max_grad_norm?: number | null
}

export interface GoldenREDQ {
  readonly dims: { obs: number; act: number }
  readonly config: {
    ensemble_size: number
    subset_size: number
    tau: number
    gamma: number
    alpha: number
    n_step: number
    actor_delay: number
    target_mode: string
    auto_alpha: boolean
    log_alpha: number
    target_entropy: number
  }
  readonly architecture?: { actor?: unknown; critic?: unknown }
  readonly optimizers: { actor: Optimizer; critic: Optimizer; alpha?: Optimizer }
  readonly init: { actor: Tensors; critic: Tensors }
  readonly buffer: Record<'obs' | 'act' | 'rew' | 'terminated' | 'truncated' | 'obs_next', GoldenTensor> & {
    /** Where the newest transition of each part of the ring lies. */
    readonly last_index?: GoldenTensor
  }
  readonly draws: { name: string; value: GoldenTensor }[][]
  readonly metrics: {
    critic_loss: number
    actor_loss: number
    alpha: number
    alpha_loss: number | null
    actor_step: boolean
  }[]
  readonly updates: Partial<Record<'target_q' | 'returns' | 'td_mean_weight', GoldenTensor>>[]
  readonly grads: Record<string, { actor?: Tensors; critic?: Tensors }>
  readonly snapshots: Record<
    string,
    { actor: Tensors; critic: Tensors; critic_old: Tensors; alpha?: unknown; log_alpha?: unknown }
  >
}

/** Our policy as a run begins, and what its programs draw. */
export function policyOf(golden: GoldenREDQ, compute: Compute, log_prob_eps?: number) {
  const model = modelOf(golden.init.actor, golden.init.critic, hiddenActivation(golden))
  const draws = new RecordedDraws()
  const cfg = policyConfig(golden)
  const policy = new REDQPolicy(
    log_prob_eps === undefined ? cfg : { ...cfg, learn: { ...cfg.learn, log_prob_eps } },
    {
      compute: withDraws(compute, draws),
      random: RandomTree.fromSeed(0).branch('policy'),
      model,
      enable_field: ['learn'],
    },
  )
  setNetworks(policy.learn_mode, golden)
  return { model, draws, learn: policy.learn_mode }
}

/** The hidden layers' activation. @throws Error for an actor of another form than ours */
function hiddenActivation({ architecture }: GoldenREDQ): string | undefined {
  const text = architecture?.actor
  if (typeof text !== 'string') return undefined
  if (!text.includes('unbounded') || !text.includes('conditioned_sigma'))
    throw new Error(`The redq model has no actor "${text}".`)
  const [actor, critic] = [text, architecture?.critic].map((net) =>
    nameOf(typeof net === 'string' ? net : ''),
  )
  if (critic !== undefined && actor !== undefined && critic !== actor)
    throw new Error(`The redq model has one activation; the actor has ${actor}, the critics ${critic}.`)
  return actor ?? critic
}

/** Our name of the activation behind a layer in the text of a network. */
function nameOf(net: string): string | undefined {
  const name = /Linear(?:\([^)]*\))? (\w+)\]/.exec(net)?.[1]
  return name === undefined ? undefined : activationOf(name)
}

const OPTIMIZER_TYPES = ['Adam', 'AdamW']

/** @throws Error for optimizers that the policy has no settings for: it has one set for actor and critic, and plain Adam for alpha */
function checkOptimizers({ actor, critic, alpha }: GoldenREDQ['optimizers']): void {
  const shown = ({ lr: _lr, ...rest }: Optimizer) =>
    JSON.stringify({ ...rest, params_of: undefined, amsgrad: rest.amsgrad === true })
  if (!OPTIMIZER_TYPES.includes(critic.type) || shown(actor) !== shown(critic)) {
    throw new Error(
      `The redq policy has no settings for the optimizers ${shown(actor)} (actor) and ${shown(critic)} (critics).`,
    )
  }
  if (alpha === undefined) return
  const { type, betas, eps, weight_decay } = alpha
  if (type !== 'Adam' || String(betas) !== '0.9,0.999' || eps !== 1e-8 || weight_decay !== 0)
    throw new Error(`The redq policy has no settings for alpha's optimizer ${shown(alpha)}.`)
}

function policyConfig({ config, optimizers, dims }: GoldenREDQ): REDQConfig {
  const defaults = defaultsOf(REDQPolicy.config)
  checkOptimizers(optimizers)
  const { actor, critic, alpha } = optimizers
  const { max_grad_norm: clip = null } = critic
  return {
    ...defaults,
    nstep: config.n_step,
    model: { action_shape: dims.act, ensemble_num: config.ensemble_size, action_space: 'reparameterization' },
    learn: {
      ...defaults.learn,
      discount_factor: config.gamma,
      target_theta: config.tau,
      subset_size: config.subset_size,
      target_mode: config.target_mode,
      actor_update_freq: config.actor_delay,
      auto_alpha: config.auto_alpha,
      alpha: config.auto_alpha ? Math.exp(config.log_alpha) : config.alpha,
      target_entropy: config.target_entropy,
      learning_rate_q: critic.lr,
      learning_rate_policy: actor.lr,
      learning_rate_alpha: alpha?.lr ?? 0,
      optimizer_betas: critic.betas,
      optimizer_eps: critic.eps,
      optimizer_type: critic.type.toLowerCase(),
      weight_decay: critic.weight_decay,
      amsgrad: critic.amsgrad === true,
      ...(clip === null ? {} : { grad_clip_type: 'clip_norm', grad_clip_value: clip }),
    },
  } as REDQConfig
}

function setNetworks(learn: LearnMode, { init }: GoldenREDQ): void {
  const state = learn.state_dict()
  const given = new Map<string, GoldenTensor>([
    ...named(init.actor).map(([name, tensor]) => [`actor.${name}`, tensor] as const),
    ...named(init.critic).map(([name, tensor]) => [`critic.${name}`, tensor] as const),
  ])
  const filled = (part: unknown, prefix: string): StateTree =>
    Object.fromEntries(
      Object.keys(part as object).map((name) => {
        const tensor = given.get(prefix + name)
        if (tensor === undefined) throw new Error(`The recording has no ${prefix}${name}.`)
        return [name, decode(tensor)]
      }),
    )
  learn.load_state_dict({
    ...state,
    model: filled(state['model'], ''),
    target_model: filled(state['target_model'], 'critic.'),
  })
}

/** Alpha as it is in a policy's state. */
export function alphaOf(learn: LearnMode): number {
  const { alpha, value } = learn.state_dict()['entropy'] as { alpha?: number; value?: HostTensor }
  return value === undefined ? (alpha as number) : Math.exp(value.data[0] as number)
}

export interface Row {
  readonly [key: string]: unknown
  readonly obs: Float32Array
  readonly action: Float32Array
  readonly next_obs: Float32Array
  readonly reward: number | Float32Array
  readonly done: boolean
  readonly value_gamma?: number
}

/** What our collector would have made of the recorded steps: pieces that end with an episode, n-step returns in each. */
export function trainSamples({ buffer, config }: GoldenREDQ): Row[] {
  const row = (tensor: GoldenTensor, i: number) => {
    const width = tensor.data.length / tensor.shape[0]!
    return Float32Array.from(tensor.data.slice(i * width, (i + 1) * width))
  }
  const steps = buffer.rew.data.map(
    (reward, i): Row => ({
      obs: row(buffer.obs, i),
      action: row(buffer.act, i),
      next_obs: row(buffer.obs_next, i),
      reward,
      done: buffer.terminated.data[i] === 1,
      truncated: buffer.truncated.data[i] === 1,
    }),
  )
  const samples: Row[] = Array.from({ length: steps.length })
  for (const order of piecesOf(buffer.last_index?.data ?? [], steps.length)) {
    const piece = order.map((at) => steps[at]!)
    get_nstep_return_data(piece, config.n_step, { gamma: config.gamma }).forEach((step, i) => {
      samples[order[i]!] = { value_gamma: config.gamma, ...step }
    })
  }
  return samples
}

/** Rows of each part of a ring, oldest first: a part's oldest transition lies behind its newest. */
function piecesOf(newest: readonly number[], size: number): number[][] {
  const width = size / Math.max(1, newest.length)
  if (!Number.isInteger(width)) throw new Error(`${size} rows are not ${newest.length} parts of one size.`)
  return Array.from({ length: size / width }, (_, part) => {
    const last = newest[part] ?? size - 1
    return Array.from({ length: width }, (_, i) => part * width + ((last - part * width + 1 + i) % width))
  })
}

export function batchOf(rows: readonly Row[]): Batch {
  const matrix = (values: readonly ArrayLike<number>[]): HostTensor => ({
    dtype: 'float32',
    shape: [values.length, values[0]!.length],
    data: Float32Array.from(values.flatMap((value) => Array.from(value))),
  })
  return {
    obs: matrix(rows.map(({ obs }) => obs)),
    next_obs: matrix(rows.map(({ next_obs }) => next_obs)),
    action: matrix(rows.map(({ action }) => action)),
    reward: matrix(rows.map(({ reward }) => (typeof reward === 'number' ? [reward] : reward))),
    done: { dtype: 'bool', shape: [rows.length], data: Uint8Array.from(rows, ({ done }) => Number(done)) },
    value_gamma: {
      dtype: 'float32',
      shape: [rows.length],
      data: Float32Array.from(rows, ({ value_gamma }) => value_gamma!),
    },
  }
}
