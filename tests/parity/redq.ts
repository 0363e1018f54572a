import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import type { ActorCriticModel } from '../../ding/model/index.js'
import { type LearnMode, type LearnOutput, type REDQConfig, REDQPolicy } from '../../ding/policy/index.js'
import { get_nstep_return_data, nstep_return, to_time_major } from '../../ding/rl_utils/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { decode, type GoldenTensor, isRecord } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { type GoldenHelpers, redqHelpers } from './redq_helpers.js'
import { modelOf, named, type Tensors } from './redq_networks.js'
import { runtimes } from './runtimes.js'
import { checkTensor } from './summary.js'
import type { FileResult } from './types.js'

interface Optimizer {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
}

interface GoldenREDQ {
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
  readonly optimizers: { actor: Optimizer; critic: Optimizer; alpha?: Optimizer }
  readonly init: { actor: Tensors; critic: Tensors }
  readonly buffer: Record<'obs' | 'act' | 'rew' | 'terminated' | 'truncated' | 'obs_next', GoldenTensor>
  readonly draws: { name: string; value: GoldenTensor }[][]
  readonly metrics: {
    critic_loss: number
    actor_loss: number
    alpha: number
    alpha_loss: number | null
    actor_step: boolean
  }[]
  readonly updates: Record<'target_q' | 'returns' | 'td_mean_weight', GoldenTensor>[]
  readonly grads: Record<string, { actor?: Tensors; critic?: Tensors }>
  readonly snapshots: Record<
    string,
    { actor: Tensors; critic: Tensors; critic_old: Tensors; alpha?: unknown; log_alpha?: unknown }
  >
}

const needed = [
  'dims',
  'config',
  'optimizers',
  'init',
  'buffer',
  'draws',
  'metrics',
  'updates',
  'snapshots',
] as const

/** Tianshou's REDQ: training runs, or its parts alone. */
export async function redq(json: unknown): Promise<FileResult> {
  if (isRecord(json) && 'eval_deterministic' in json) return redqHelpers(json as unknown as GoldenHelpers)
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key])))
    return { skipped: `not a REDQ run: needs ${needed.join(', ')}` }
  const golden = json as unknown as GoldenREDQ
  const to = {
    returns: new Comparison('n-step returns'),
    losses: new Comparison('losses, alpha and priorities'),
    gradients: new Comparison('gradients'),
    networks: new Comparison('networks after updates'),
  }
  for (const { name, compute } of await runtimes()) await replay(golden, name, compute, to)
  return { cases: Object.values(to).map((part) => part.result()) }
}

async function replay(
  golden: GoldenREDQ,
  runtime: string,
  compute: Compute,
  to: Record<'returns' | 'losses' | 'gradients' | 'networks', Comparison>,
): Promise<void> {
  const model = modelOf(golden.init.actor, golden.init.critic)
  const draws = new RecordedDraws()
  const policy = new REDQPolicy(policyConfig(golden), {
    compute: withDraws(compute, draws),
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  setNetworks(learn, golden)
  const { gamma, n_step } = golden.config
  const returns = compute.program(
    'returns',
    ({
      reward,
      done,
      value_gamma,
      next_value,
    }: Record<'reward' | 'done' | 'value_gamma' | 'next_value', Tensor>) => ({
      returns: nstep_return({ reward: to_time_major(reward), done, next_value }, gamma, n_step, value_gamma),
    }),
  )
  const samples = trainSamples(golden)
  for (const [index, metrics] of golden.metrics.entries()) {
    const k = index + 1
    const drawn = golden.draws[index]!
    draws.push(...drawn.filter(({ name }) => name !== 'batch_indices').map(({ value }) => value))
    const rows = drawn.find(({ name }) => name === 'batch_indices')!.value.data.map((at) => samples[at]!)
    const batch = batchOf(rows)
    const update = golden.updates[index]!
    const found = await returns.run({
      reward: batch['reward'] as HostTensor,
      done: batch['done'] as HostTensor,
      value_gamma: batch['value_gamma'] as HostTensor,
      next_value: { ...decode(update.target_q), shape: [rows.length] },
    })
    to.returns.check(`${runtime} returns ${k}`, found.returns, update.returns)
    const out = (await learn.forward(batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    to.losses.check(`${runtime} critic loss ${k}`, out['critic_loss'], Math.fround(metrics.critic_loss))
    const weight = decode(update.td_mean_weight).data
    to.losses.check(`${runtime} priority ${k}`, out['priority'], Array.from(weight, Math.abs))
    to.losses.check(
      `${runtime} actor steps ${k}`,
      Number(out['policy_loss'] !== undefined),
      Number(metrics.actor_step),
    )
    if (metrics.actor_step) {
      to.losses.check(`${runtime} actor loss ${k}`, out['policy_loss'], Math.fround(metrics.actor_loss))
      if (metrics.alpha_loss !== null)
        to.losses.check(`${runtime} alpha loss ${k}`, out['alpha_loss'], Math.fround(metrics.alpha_loss))
    }
    to.losses.check(`${runtime} alpha after ${k}`, alphaOf(learn), metrics.alpha)
    compareGradients(golden.grads[k], `${runtime} gradient ${k}`, model, to.gradients)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined) {
      const state = learn.state_dict()
      const ours = state['model'] as Record<string, HostTensor>
      const target = state['target_model'] as Record<string, HostTensor>
      for (const [name, tensor] of named(snapshot.actor))
        checkTensor(to.networks, `${runtime} actor ${name} after ${k}`, ours[`actor.${name}`]!.data, tensor)
      for (const [name, tensor] of named(snapshot.critic))
        checkTensor(to.networks, `${runtime} critic ${name} after ${k}`, ours[`critic.${name}`]!.data, tensor)
      for (const [name, tensor] of named(snapshot.critic_old))
        checkTensor(to.networks, `${runtime} target ${name} after ${k}`, target[name]!.data, tensor)
    }
  }
  returns.dispose()
}

function policyConfig({ config, optimizers, dims }: GoldenREDQ): REDQConfig {
  const defaults = defaultsOf(REDQPolicy.config)
  const { actor, critic, alpha } = optimizers
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
function alphaOf(learn: LearnMode): number {
  const { alpha, value } = learn.state_dict()['entropy'] as { alpha?: number; value?: HostTensor }
  return value === undefined ? (alpha as number) : Math.exp(value.data[0] as number)
}

function compareGradients(
  grads: { actor?: Tensors; critic?: Tensors } | undefined,
  what: string,
  model: ActorCriticModel,
  to: Comparison,
): void {
  for (const part of ['actor', 'critic'] as const) {
    const own = new Map(model[part].namedParameters())
    for (const [name, tensor] of named(grads?.[part] ?? {}))
      checkTensor(to, `${what} ${part} ${name}`, own.get(name)?.grad ?? [], tensor)
  }
}

interface Row {
  readonly [key: string]: unknown
  readonly obs: Float32Array
  readonly action: Float32Array
  readonly next_obs: Float32Array
  readonly reward: number | Float32Array
  readonly done: boolean
  readonly value_gamma?: number
}

/** What our collector would have made of the recorded steps: pieces that end with an episode, n-step returns in each. */
function trainSamples({ buffer, config }: GoldenREDQ): Row[] {
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
  return get_nstep_return_data(steps, config.n_step, { gamma: config.gamma }).map((step) => ({
    value_gamma: config.gamma,
    ...step,
  }))
}

function batchOf(rows: readonly Row[]): Batch {
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
