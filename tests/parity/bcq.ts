import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { type BCQ, createModel } from '../../ding/model/index.js'
import { type BCQConfig, BCQPolicy, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { decode, type GoldenTensor, isGoldenTensor, isRecord } from './golden.js'
import { linearLayers } from './layers.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import { checkTensor } from './summary.js'
import type { FileResult } from './types.js'

export type Tensors = Record<string, GoldenTensor>

export interface Optimizer {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
  readonly grad_clip?: { type?: string; value?: number } | number | null
}

/** A recorded run in our names: what both formats come to. */
export interface BCQRun {
  readonly model: Record<string, unknown>
  readonly learn: Record<string, unknown>
  /** Networks before the first update, by our names. */
  readonly initial: Tensors
  readonly batch: Batch
  readonly updates: readonly { draws: readonly GoldenTensor[]; metrics: Record<string, number> }[]
  /** Of the first update, by our names. */
  readonly grads: Tensors
  /** Values that the networks give for the batch before the first update, with its draw of the VAE. */
  readonly before: Partial<Record<'vae_mu' | 'vae_log_var' | 'vae_recons_action' | 'q0' | 'q1', GoldenTensor>>
  readonly snapshots: readonly { after: number; params: Tensors; target: Tensors }[]
  /** Actions chosen after so many updates. */
  readonly chosen: readonly { after: number; obs: HostTensor; z: GoldenTensor; action: GoldenTensor }[]
}

/** DI-engine's layers that no loss reaches; ours has none. */
const UNUSED = /^vae\.decode_prediction_head_/

/** DI-engine's BCQ: training runs, or the choice of actions alone. */
export async function bcq(json: unknown): Promise<FileResult> {
  if (!isRecord(json) || !isRecord(json['config']) || !isRecord(json['initial_params']))
    return { skipped: 'not a BCQ case: needs config and initial_params' }
  if (Array.isArray(json['updates'])) return bcqRun(runOf(json))
  if (isGoldenTensor(json['obs']) && isRecord(json['draws'])) return evalCase(json)
  return { skipped: 'neither a training run (updates) nor a choice of actions (obs, draws)' }
}

function used(tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !UNUSED.test(name)))
}

/** Without what the recording leaves out, so that a default takes its place. */
function given<T extends object>(keys: T): Partial<T> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** Sizes are those of the recorded networks, whether the config repeats them or not. */
function modelKeys(config: Record<string, unknown>, params: Tensors): Record<string, unknown> {
  const widths = (pattern: RegExp) => linearLayers(params, pattern).map(({ shape }) => shape[0] as number)
  const actor = widths(/^actor\.(\d+)\.bias$/)
  const critic = widths(/^critic\.0\.(\d+)\.bias$/)
  const vae = params['vae.decode_common.0.weight']?.shape
  const decoded = params['vae.decode_reconst_action_head.0.bias']?.shape[0]
  return given({
    obs_shape: config['obs_shape'],
    action_shape: config['action_shape'],
    actor_head_hidden_size: actor.slice(0, -1),
    critic_head_hidden_size: critic.slice(0, -1),
    vae_hidden_dims: vae ?? config['vae_hidden_dims'],
    phi: config['phi'],
    di_engine_compat: actor.at(-1) === 1 && decoded !== 1,
    ...(Array.isArray(config['latent_clamp']) && { latent_clip: config['latent_clamp'][1] as number }),
  })
}

/** The keys of the optimizers; the three must agree in all but the learning rate, as our config has it. */
export function optimizerKeys(of: Record<'critic' | 'actor' | 'vae', Optimizer>): Record<string, unknown> {
  const { lr: _, ...common } = of.critic
  for (const other of [of.actor, of.vae]) {
    if (JSON.stringify({ ...other, lr: 0 }) !== JSON.stringify({ ...of.critic, lr: 0 }))
      throw new Error('The optimizers differ in more than the learning rate.')
  }
  const { type, betas, eps, weight_decay, amsgrad, grad_clip } = common
  const clip = typeof grad_clip === 'number' ? { value: grad_clip } : grad_clip
  return {
    learning_rate_q: of.critic.lr,
    learning_rate_policy: of.actor.lr,
    learning_rate_vae: of.vae.lr,
    optimizer_type: type.toLowerCase(),
    optimizer_betas: betas,
    optimizer_eps: eps,
    weight_decay,
    amsgrad,
    ...(clip != null && {
      grad_clip_type: clip.type ?? 'clip_norm',
      grad_clip_value: clip.value,
    }),
  }
}

function runOf(json: Record<string, unknown>): BCQRun {
  const config = json['config'] as Record<string, unknown>
  const initial = used(json['initial_params'] as Tensors)
  const found = (json['update1_intermediates'] ?? {}) as Tensors
  const batch = Object.fromEntries(
    Object.entries(json['batch'] as Tensors).map(([name, tensor]) => [name, decode(tensor)]),
  )
  return {
    model: modelKeys(config, initial),
    learn: given({
      lmbda: config['lmbda'],
      discount_factor: config['discount_factor'],
      target_theta: config['target_theta'],
      ignore_done: config['ignore_done'],
      candidates: config['n_next_candidates'],
      kld_coef: config['kld_coef'],
      di_engine_compat: found['td_matrix_critic0']?.shape.length === 2,
      ...optimizerKeys(json['optimizers'] as Record<'critic' | 'actor' | 'vae', Optimizer>),
    }),
    initial,
    batch,
    updates: (json['updates'] as { draws: Tensors; metrics: Record<string, number> }[]).map(
      ({ draws, metrics }) => ({ draws: inOrder(draws), metrics }),
    ),
    grads: used(
      Object.assign({}, ...Object.values((json['update1_grads'] ?? {}) as Record<string, Tensors>)),
    ),
    before: found,
    snapshots: Object.entries(
      (json['snapshots'] ?? {}) as Record<string, { params: Tensors; target_params: Tensors }>,
    ).map(([name, { params, target_params }]) => ({
      after: Number(name.replace('after_', '')),
      params: used(params),
      target: target_params,
    })),
    chosen: [],
  }
}

/** Draws in the order of their use, whatever order the file has them in. */
export function inOrder(draws: Tensors): GoldenTensor[] {
  const names = ['vae_eps', 'next_z', 'policy_z']
  const known = names.flatMap((name) => draws[name] ?? [])
  return known.length === Object.keys(draws).length ? known : Object.values(draws)
}

/** Replays a recorded run with every runtime. */
export async function bcqRun(run: BCQRun): Promise<FileResult> {
  const to = {
    before: new Comparison('VAE and critics before the first update'),
    losses: new Comparison('losses and targets'),
    gradients: new Comparison('gradients of the first update'),
    networks: new Comparison('networks and targets after updates'),
    actions: new Comparison('chosen actions'),
  }
  for (const { name, compute } of await runtimes()) await replay(run, name, compute, to)
  const empty: Record<string, boolean> = {
    before: Object.keys(run.before).length === 0,
    gradients: Object.keys(run.grads).length === 0,
    actions: run.chosen.length === 0,
  }
  const cases = Object.entries(to).filter(([name]) => empty[name] !== true)
  return { cases: cases.map(([, part]) => part.result()) }
}

async function replay(
  run: BCQRun,
  runtime: string,
  compute: Compute,
  to: Record<'before' | 'losses' | 'gradients' | 'networks' | 'actions', Comparison>,
): Promise<void> {
  const model = modelOf(run.model, run.initial)
  const draws = new RecordedDraws()
  const recorded = withDraws(compute, draws)
  const policy = policyOf(run, model, recorded)
  const [first] = run.updates
  if (first !== undefined && Object.keys(run.before).length > 0) {
    draws.push(first.draws[0])
    await compareBefore(run, model, recorded, runtime, to.before)
  }
  for (const [index, { draws: drawn, metrics }] of run.updates.entries()) {
    const k = index + 1
    draws.push(...drawn)
    const out = (await policy.learn_mode.forward(run.batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    for (const [name, value] of Object.entries(metrics))
      to.losses.check(`${runtime} ${name} ${k}`, out[name], Math.fround(value))
    if (k === 1) {
      const own = new Map(model.namedParameters())
      for (const [name, tensor] of Object.entries(run.grads))
        checkTensor(to.gradients, `${runtime} ${name}`, own.get(name)?.grad, tensor)
    }
    const snapshot = run.snapshots.find(({ after }) => after === k)
    if (snapshot !== undefined) {
      const state = policy.learn_mode.state_dict()
      compareAll(to.networks, `${runtime} after ${k}`, state['model'], snapshot.params)
      // The target's copy of the VAE, which nothing reads, is not kept here.
      const target = Object.entries(snapshot.target).filter(([name]) => !name.startsWith('vae.'))
      compareAll(
        to.networks,
        `${runtime} target after ${k}`,
        state['target_model'],
        Object.fromEntries(target),
      )
    }
    for (const { obs, z, action } of run.chosen.filter(({ after }) => after === k)) {
      draws.push(z)
      to.actions.check(`${runtime} after ${k}`, await actionsFor(policy, obs), action)
    }
  }
}

function compareAll(to: Comparison, what: string, ours: unknown, expected: Tensors): void {
  const found = ours as Record<string, HostTensor>
  for (const [name, tensor] of Object.entries(expected))
    checkTensor(to, `${what} ${name}`, found[name]?.data, tensor)
}

async function compareBefore(
  { before, batch }: BCQRun,
  model: BCQ,
  compute: Compute,
  runtime: string,
  to: Comparison,
): Promise<void> {
  const program = compute.program('before', (inputs: { obs: Tensor; action: Tensor }) => {
    const { mu, log_var, recons_action } = model.forward(inputs, { mode: 'compute_vae' })
    const [q0, q1] = tf.unstack(model.forward(inputs, { mode: 'compute_critic' })['q_value'] as Tensor)
    return { vae_mu: mu, vae_log_var: log_var, vae_recons_action: recons_action, q0, q1 } as Record<
      string,
      Tensor
    >
  })
  const found = await program.run({ obs: batch['obs'] as HostTensor, action: batch['action'] as HostTensor })
  program.dispose()
  for (const [name, tensor] of Object.entries(found)) {
    const expected = before[name as keyof typeof before]
    if (expected !== undefined) to.check(`${runtime} ${name}`, tensor, expected)
  }
}

/** Layers that choosing an action does not need, and that such cases leave out. */
const ENCODER = /^vae\.encode_(action_head|common|mu_head|logvar_head)\b/

function modelOf(keys: Record<string, unknown>, initial: Tensors): BCQ {
  const model = createModel({ type: 'bcq', ...keys }, { random: RandomTree.fromSeed(0).stream('model') })
  const values = Object.fromEntries(Object.entries(initial).map(([name, tensor]) => [name, decode(tensor)]))
  const { missing, unexpected } = model.loadStateDict(values, { strict: false })
  const misfits = [...missing.filter((name) => !ENCODER.test(name)), ...unexpected]
  if (misfits.length > 0) throw new Error(`The recorded networks differ from ours in ${misfits.join(', ')}.`)
  return model as BCQ
}

function policyOf(
  { model: keys, learn, candidates }: { model: object; learn: object; candidates?: number },
  model: BCQ,
  compute: Compute,
): BCQPolicy {
  const defaults = defaultsOf(BCQPolicy.config)
  const cfg = {
    ...defaults,
    model: keys,
    learn: { ...defaults.learn, ...learn },
    eval: { ...defaults.eval, ...(candidates !== undefined && { candidates }) },
  } as BCQConfig
  return new BCQPolicy(cfg, { compute, random: RandomTree.fromSeed(0).branch('policy'), model })
}

/** The actions of an evaluation with one environment a row. */
async function actionsFor(policy: BCQPolicy, obs: HostTensor): Promise<unknown[]> {
  const [rows, width] = obs.shape as [number, number]
  const data = obs.data as Float32Array
  const byId = Array.from({ length: rows }, (_, i) => [i, data.slice(i * width, (i + 1) * width)])
  const chosen = await policy.eval_mode.forward(Object.fromEntries(byId) as Record<number, Float32Array>)
  return Array.from({ length: rows }, (_, i) => chosen[i]?.action)
}

async function evalCase(json: Record<string, unknown>): Promise<FileResult> {
  const config = json['config'] as Record<string, unknown>
  const initial = used(json['initial_params'] as Tensors)
  const keys = modelKeys(config, initial)
  const z = (json['draws'] as Tensors)['z'] as GoldenTensor
  const obs = decode(json['obs'] as GoldenTensor)
  const candidates = z.shape[0] as number
  const rows = obs.shape[0] as number
  const to = {
    candidates: new Comparison('candidates and their values'),
    choice: new Comparison('chosen actions'),
  }
  for (const { name, compute } of await runtimes()) {
    const model = modelOf(keys, initial)
    const program = compute.program('candidates', (inputs: { obs: Tensor; z: Tensor }) => {
      const clip = (keys['latent_clip'] as number | undefined) ?? 0.5
      const latents = tf.transpose(tf.clipByValue(inputs.z, -clip, clip), [1, 0, 2])
      const vae_action = model.vae.decode(latents, inputs.obs)
      const actions = vae_action.shape[2] as number
      const flat = {
        obs: tf.reshape(tf.tile(tf.expandDims(inputs.obs, 1), [1, candidates, 1]), [rows * candidates, -1]),
        action: tf.reshape(vae_action, [rows * candidates, actions]),
      }
      const perturbed = model.actor.forward(flat)['action'] as Tensor
      const q = model.critic.forward({ obs: flat.obs, action: perturbed }, { members: 1 })[
        'q_value'
      ] as Tensor
      const q_critic0 = tf.transpose(tf.reshape(q, [rows, candidates]))
      return {
        vae_action: tf.transpose(vae_action, [1, 0, 2]),
        perturbed_action: tf.transpose(tf.reshape(perturbed, [rows, candidates, actions]), [1, 0, 2]),
        q_critic0,
        chosen_index: tf.argMax(q_critic0, 0),
      }
    })
    const found: Record<string, HostTensor> = await program.run({ obs, z: decode(z) })
    program.dispose()
    for (const [part, tensor] of Object.entries(found))
      if (isGoldenTensor(json[part])) to.candidates.check(`${name} ${part}`, tensor, json[part])
    const draws = new RecordedDraws()
    const policy = policyOf({ model: keys, learn: {}, candidates }, model, withDraws(compute, draws))
    draws.push(z)
    to.choice.check(name, await actionsFor(policy, obs), json['chosen_action'])
  }
  return { cases: Object.values(to).map((part) => part.result()) }
}
