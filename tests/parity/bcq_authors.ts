import { inOrder, optimizerKeys } from './bcq.js'
import { type BCQRun, bcqRun, type Tensors } from './bcq_run.js'
import { decode, type GoldenTensor, isRecord } from './golden.js'
import { linearLayers } from './layers.js'
import type { FileResult } from './types.js'

interface GoldenAuthors {
  readonly config: {
    obs: number
    act: number
    max_action?: number
    discount?: number
    tau?: number
    lmbda?: number
    phi?: number
    lr?: number
  }
  readonly initial_params: Record<'actor' | 'critic' | 'vae', Tensors>
  readonly batch: Record<'state' | 'action' | 'reward' | 'next_state' | 'not_done', GoldenTensor>
  readonly updates: { draws: Tensors; metrics: Record<string, number> }[]
  readonly snapshots: Record<
    string,
    Record<'actor' | 'critic' | 'vae' | 'actor_target' | 'critic_target', Tensors>
  >
  readonly [key: `select_action_after_${number}`]: {
    state_index: number
    z: GoldenTensor
    action: GoldenTensor
  }[]
}

/** The BCQ of its authors (sfujim/BCQ). */
export async function bcqAuthors(json: unknown): Promise<FileResult> {
  const parts = ['config', 'initial_params', 'batch']
  if (!isRecord(json) || parts.some((part) => !isRecord(json[part])) || !Array.isArray(json['updates']))
    return { skipped: `not a BCQ run: needs ${parts.join(', ')}, updates` }
  const golden = json as unknown as GoldenAuthors
  return bcqRun(runOf(golden))
}

function runOf(golden: GoldenAuthors): BCQRun {
  const { config, initial_params, batch, updates } = golden
  const { state, action, reward, next_state, not_done } = batch
  const adam = { type: 'Adam', betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false }
  const optimizer = { ...adam, lr: config.lr ?? 1e-3 }
  const flags = Uint8Array.from(not_done.data, (value) => Number(value === 0))
  return {
    model: {
      vae_type: 'concat',
      obs_shape: config.obs,
      action_shape: config.act,
      phi: config.phi ?? 0.05,
      max_action: config.max_action ?? 1,
      actor_head_hidden_size: widths(initial_params.actor, /^l(\d+)\.bias$/).slice(0, -1),
      critic_head_hidden_size: half(widths(initial_params.critic, /^l(\d+)\.bias$/)).slice(0, -1),
      vae_hidden_dims: widths(initial_params.vae, /^e(\d+)\.bias$/),
    },
    learn: {
      lmbda: config.lmbda ?? 0.75,
      discount_factor: config.discount ?? 0.99,
      target_theta: config.tau ?? 0.005,
      candidates: candidatesOf(updates, flags.length),
      ...optimizerKeys({ critic: optimizer, actor: optimizer, vae: optimizer }),
    },
    initial: named(initial_params),
    batch: {
      obs: decode(state),
      action: decode(action),
      reward: { ...decode(reward), shape: [flags.length] },
      next_obs: decode(next_state),
      done: { dtype: 'bool', shape: [flags.length], data: flags },
    },
    updates: updates.map(({ draws, metrics }) => ({ draws: inOrder(draws), metrics: ours(metrics ?? {}) })),
    grads: {},
    before: {},
    snapshots: Object.entries(golden.snapshots ?? {}).map(
      ([name, { actor_target, critic_target, ...params }]) => ({
        after: Number(name.replace('after_', '')),
        params: named(params),
        target: named({ actor: actor_target, critic: critic_target }),
      }),
    ),
    chosen: Object.entries(golden).flatMap(([key, cases]) => {
      const after = /^select_action_after_(\d+)$/.exec(key)?.[1]
      if (after === undefined) return []
      return (cases as GoldenAuthors['select_action_after_0']).map(({ state_index, z, action: chosen }) => ({
        after: Number(after),
        obs: rowOf(state, state_index),
        z,
        action: chosen,
      }))
    }),
  }
}

/** Sampled actions for each next observation. */
function candidatesOf(updates: GoldenAuthors['updates'], rows: number): number {
  return (updates[0]?.draws['next_z']?.shape[0] ?? 10 * rows) / rows
}

/** The authors' metrics by our names; their critic_loss is the sum over the two critics. */
function ours({ recon_loss, critic1_loss, critic2_loss, ...others }: Record<string, number>) {
  const same = Object.entries(others).filter(([name]) => name !== 'critic_loss')
  const renamed = { recons_loss: recon_loss, critic_loss: critic1_loss, twin_critic_loss: critic2_loss }
  const given = Object.entries(renamed).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return Object.fromEntries([...same, ...given])
}

function widths(tensors: Tensors, pattern: RegExp): number[] {
  return linearLayers(tensors, pattern).map(({ shape }) => shape[0] as number)
}

function half<T>(list: T[]): T[] {
  return list.slice(0, list.length / 2)
}

/** All networks in one record, by our names. */
function named(networks: Partial<Record<'actor' | 'critic' | 'vae', Tensors>>): Tensors {
  const all: Tensors = {}
  for (const [part, tensors] of Object.entries(networks)) {
    const layers = widths(tensors, /^l(\d+)\.bias$/).length
    for (const [name, tensor] of Object.entries(tensors)) {
      const [, kind, number, rest] = /^([led])(\d+)\.(weight|bias)$/.exec(name) ?? []
      const at = Number(number) - 1
      if (kind === undefined) all[`${part}.${name}`] = tensor
      else if (part === 'critic')
        all[`critic.${Math.floor(at / (layers / 2))}.${2 * (at % (layers / 2))}.${rest}`] = tensor
      else if (part === 'vae') all[`vae.${kind === 'e' ? 'encoder' : 'decoder'}.${2 * at}.${rest}`] = tensor
      else all[`actor.${2 * at}.${rest}`] = tensor
    }
  }
  return all
}

function rowOf(tensor: GoldenTensor, row: number) {
  const { data, shape } = decode(tensor)
  const width = shape[1] as number
  return {
    dtype: 'float32' as const,
    shape: [1, width],
    data: data.slice(row * width, (row + 1) * width) as Float32Array,
  }
}
