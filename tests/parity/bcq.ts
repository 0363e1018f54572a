import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from '../../ding/utils/index.js'
import { type BCQRun, bcqRun, modelOf, policyOf, type Tensors } from './bcq_run.js'
import { Comparison } from './compare.js'
import { actionsFor } from './eval_actions.js'
import { decode, type GoldenTensor, isGoldenTensor, isRecord } from './golden.js'
import { linearLayers } from './layers.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import { checkTensor, type Summary } from './summary.js'
import { activationOf } from './torch_activation.js'
import type { FileResult } from './types.js'

export interface Optimizer {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
  readonly grad_clip?: { type?: string; value?: number } | number | null
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
  // hidden[-2] and hidden[-1] are in the decoder, hidden[0] and hidden[1] in the encoder, which choices of actions leave out.
  const [decoded_width, width] = params['vae.decode_common.0.weight']?.shape ?? []
  const encoded_width = params['vae.encode_common.0.weight']?.shape[0] ?? decoded_width
  const vae =
    width &&
    (decoded_width === width && encoded_width === width
      ? [width, width]
      : [width, encoded_width, decoded_width, width])
  const decoded = params['vae.decode_reconst_action_head.0.bias']?.shape[0]
  return given({
    obs_shape: config['obs_shape'],
    action_shape: config['action_shape'],
    actor_head_hidden_size: actor.slice(0, -1),
    critic_head_hidden_size: critic.slice(0, -1),
    vae_hidden_dims: vae ?? config['vae_hidden_dims'],
    phi: config['phi'],
    activation: typeof config['activation'] === 'string' ? activationOf(config['activation']) : undefined,
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
  const {
    IS: old,
    priority_IS: IS = old,
    ...batch
  } = Object.fromEntries(
    Object.entries(json['batch'] as Tensors).flatMap(([name, tensor]) =>
      isGoldenTensor(tensor) ? [[name, decode(tensor)]] : [],
    ),
  )
  // DI-engine takes IS with priority_IS_weight, else weight.
  const { priority_IS_weight = batch['weight'] === undefined } = config
  if (IS !== undefined && priority_IS_weight === true) batch['weight'] = IS
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
      params: used(params ?? {}),
      target: target_params ?? {},
    })),
    chosen: [],
  }
}

function isTensorOrSummary(value: unknown): value is GoldenTensor | Summary {
  return isGoldenTensor(value) || (isRecord(value) && 'first8' in value)
}

/** Draws in the order of their use, whatever order the file has them in. */
export function inOrder(draws: Tensors): GoldenTensor[] {
  const names = ['vae_eps', 'next_z', 'policy_z']
  const known = names.flatMap((name) => draws[name] ?? [])
  return known.length === Object.keys(draws).length ? known : Object.values(draws)
}

const CANDIDATE_PARTS = ['vae_action', 'perturbed_action', 'q_critic0', 'chosen_index']

async function evalCase(json: Record<string, unknown>): Promise<FileResult> {
  const config = json['config'] as Record<string, unknown>
  const initial = used(json['initial_params'] as Tensors)
  const keys = modelKeys(config, initial)
  const z = (json['draws'] as Tensors)['z'] ?? (Object.values(json['draws'] as Tensors)[0] as GoldenTensor)
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
      if (isTensorOrSummary(json[part]))
        checkTensor(to.candidates, `${name} ${part}`, tensor.data, json[part])
    const draws = new RecordedDraws()
    const policy = policyOf({ model: keys, learn: {}, candidates }, model, withDraws(compute, draws))
    draws.push(z)
    const actions = await actionsFor(policy, obs)
    const said = isRecord(json['policy_output']) ? json['policy_output'] : {}
    const outputs = Array.from({ length: rows }, (_, i) => said[i])
    // DI-engine fails for a single observation: its file may have no action.
    for (const chosen of [json['chosen_action'], outputs])
      if (isGoldenTensor(chosen) || (Array.isArray(chosen) && chosen.every(isGoldenTensor)))
        to.choice.check(name, actions, chosen)
  }
  const recorded = CANDIDATE_PARTS.some((part) => isTensorOrSummary(json[part]))
  const chosen = isGoldenTensor(json['chosen_action']) || isRecord(json['policy_output'])
  // A file with neither has nothing to compare, which the comparison of choices then says.
  return {
    cases: [
      ...(recorded ? [to.candidates.result()] : []),
      ...(chosen || !recorded ? [to.choice.result()] : []),
    ],
  }
}
