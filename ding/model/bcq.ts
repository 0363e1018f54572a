import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { random as draws, type Parameter, type RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  ACTIVATION_NAMES,
  blockLayers,
  Linear,
  Module,
  type ObsShape,
  type ObsTensor,
  Sequential,
  toFloat,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { UsageError } from '../utils/index.js'
import {
  type ActorCriticModel,
  type ActorModel,
  actionWidth,
  type CriticModel,
  type CriticOptions,
  flatObs,
  flatWidth,
  partOfInput,
} from './actor_critic.js'
import { vectorKeys } from './actor_critic_keys.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from './types.js'
import { type ActionVae, ConcatVAE, repeatRows, VanillaVAE } from './vae.js'

export const VAE_TYPES = ['gated', 'concat'] as const

const bcqModelConfig = schema({
  ...vectorKeys,
  actor_head_hidden_size: {
    doc: 'Hidden widths of the perturbation network.',
    format: 'positive_int_list',
    default: [400, 300],
  },
  critic_head_hidden_size: {
    doc: 'Hidden widths of each critic.',
    format: 'positive_int_list',
    default: [400, 300],
  },
  vae_hidden_dims: { doc: 'Hidden widths of the VAE.', format: 'positive_int_list', default: [750, 750] },
  vae_type: {
    doc: "'gated': DI-engine's VAE, which multiplies features of observation and action. 'concat': the authors', which joins the two.",
    format: VAE_TYPES,
    default: 'gated',
  },
  phi: {
    doc: "The most that a sampled action is perturbed by, as a share of the actions' bound.",
    format: 'nonnegative_number',
    default: 0.05,
  },
  latent_clip: {
    doc: 'Latents of sampled actions are kept in +- this.',
    format: 'positive_number',
    default: 0.5,
  },
  max_action: {
    doc: "Actions lie in +- this, as the authors' max_action. Better leave it at 1 and scale in the environment (act_scale).",
    format: 'positive_number',
    default: 1,
  },
  activation: {
    doc: 'Activation of the hidden layers of actor and critics.',
    format: ACTIVATION_NAMES,
    default: 'relu',
  },
  di_engine_compat: {
    doc: "DI-engine's defect: the perturbation is one number for all action dimensions. Only to repeat its results.",
    format: 'boolean',
    default: false,
  },
})

export type BCQModelConfig = ConfigOf<typeof bcqModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    bcq: BCQModelConfig
  }
}

/** Candidates for each observation in `compute_eval`, as in DI-engine and by the authors. */
export const EVAL_CANDIDATES = 100

function layersOf(widths: readonly number[], activation: string, random: RandomStream) {
  return widths
    .slice(1, -1)
    .flatMap((width, i) => blockLayers(widths[i] as number, width, random, { activation }))
}

/** Perturbs actions: action + phi tanh(net(obs, action)), kept in +- `bound`. `phi` is in units of the action. */
export class PerturbationActor extends Module implements ActorModel {
  readonly head = undefined
  private readonly layers: Sequential
  private readonly last: Linear

  constructor(
    private readonly obsShape: ObsShape,
    widths: readonly number[],
    private readonly phi: number,
    private readonly bound: number,
    activation: string,
    random: RandomStream,
  ) {
    super()
    this.last = new Linear(widths.at(-2) as number, widths.at(-1) as number, random)
    this.layers = new Sequential(...layersOf(widths, activation, random), this.last)
  }

  /** The network's layers under their own numbers, as DI-engine's names have it. */
  override *children(): Generator<[string, Module | Parameter]> {
    yield* this.layers.children()
  }

  get outputLayers(): readonly Linear[] {
    return [this.last]
  }

  /** {obs [B, n], action [B, A]} -> {action [B, A]}. */
  forward(inputs: ModelInput): ModelOutput {
    const action = actionOf(inputs)
    const raw = this.layers.forward(tf.concat([rowsOf(partOfInput(inputs, 'obs'), this.obsShape), action], 1))
    const moved = tf.add(action, tf.mul(tf.tanh(raw), this.phi))
    return { action: tf.clipByValue(moved, -this.bound, this.bound) }
  }
}

/** Two critics as networks of their own, by DI-engine's names; as fast as batched products, since ONNX Runtime fuses product, bias and relu. */
export class TwinCritic extends Module implements CriticModel {
  private readonly members: readonly Sequential[]

  constructor(
    private readonly obsShape: ObsShape,
    widths: readonly number[],
    activation: string,
    random: RandomStream,
  ) {
    super()
    this.members = [0, 1].map(
      () =>
        new Sequential(
          ...layersOf(widths, activation, random),
          new Linear(widths.at(-2) as number, widths.at(-1) as number, random),
        ),
    )
  }

  override *children(): Generator<[string, Module | Parameter]> {
    for (const [i, member] of this.members.entries()) yield [String(i), member]
  }

  /** {obs [B, n], action [B, A]} -> {q_value [2, B]}; with `members` 1 the first critic alone. */
  forward(inputs: ModelInput, { members = 2 }: CriticOptions = {}): ModelOutput {
    if (members !== 1 && members !== 2) {
      throw new UsageError('BCQ has two critics: members is 1 for the first, 2 for both.')
    }
    const x = tf.concat([rowsOf(partOfInput(inputs, 'obs'), this.obsShape), actionOf(inputs)], 1)
    const values = this.members.slice(0, members).map((member) => tf.squeeze(member.forward(x), [1]))
    return { q_value: tf.stack(values) }
  }
}

/** Observations as float32 rows; those that are so already stay. */
function rowsOf(obs: ObsTensor, shape: ObsShape): Tensor {
  const isRows = obs instanceof tf.Tensor && obs.rank === 2 && obs.shape[1] === flatWidth(shape)
  return isRows ? toFloat(obs) : flatObs(obs, shape)
}

/** Actions as float32 [B, A]; one that came as [B] gets its axis. */
function actionOf(inputs: ModelInput): Tensor {
  const action = toFloat(partOfInput(inputs, 'action') as Tensor)
  return action.rank === 1 ? tf.expandDims(action, 1) : action
}

/** What BCQ's target networks follow: actor and critics. (The VAE's copy in DI-engine's target model is never read.) */
export class BCQTargets extends Module implements Model {
  constructor(
    readonly actor: PerturbationActor,
    readonly critic: TwinCritic,
  ) {
    super()
  }

  forward(inputs: ModelInput, { mode, ...rest }: ForwardOptions = {}): ModelOutput {
    return mode === 'compute_actor' ? this.actor.forward(inputs) : this.critic.forward(inputs, rest)
  }
}

/** Keywords of BCQ's forward pass. */
export interface BCQOptions extends ForwardOptions {
  /** Of `compute_eval`: actions tried for each observation. */
  readonly candidates?: number
}

/**
 * BCQ's networks (Fujimoto et al. 2019): a VAE of the data's actions, a perturbation of at most phi, two critics. Arguments, defaults and names
 * in the state dict are DI-engine's (ding/model/template/bcq.py), but that the perturbation has an entry for each action dimension.
 * forward(inputs, {mode}): `compute_actor` ({obs, action}) -> {action}; `compute_critic` ({obs, action}) -> {q_value [2, B]}; `compute_vae`
 * ({obs, action}) -> {recons_action, mu, log_var, z}; `compute_eval` ({obs}, or obs) -> {action}: of 100 perturbed samples the one that the
 * first critic likes best.
 */
export class BCQ extends Module implements ActorCriticModel {
  static readonly config = bcqModelConfig

  readonly critic: TwinCritic
  readonly actor: PerturbationActor
  readonly vae: ActionVae
  private readonly obsShape: ObsShape
  private readonly latentClip: number

  constructor(cfg: BCQModelConfig, random: RandomStream) {
    super()
    const actions = actionWidth(cfg.action_shape)
    const obs = flatWidth(cfg.obs_shape)
    const { activation } = cfg
    this.obsShape = cfg.obs_shape
    this.latentClip = cfg.latent_clip
    const input = obs + actions
    this.critic = new TwinCritic(
      cfg.obs_shape,
      [input, ...cfg.critic_head_hidden_size, 1],
      activation,
      random,
    )
    const outputs = cfg.di_engine_compat ? 1 : actions
    const widths = [input, ...cfg.actor_head_hidden_size, outputs]
    const { max_action } = cfg
    const phi = cfg.phi * max_action
    this.actor = new PerturbationActor(cfg.obs_shape, widths, phi, max_action, activation, random)
    const vae = cfg.vae_type === 'gated' ? VanillaVAE : ConcatVAE
    this.vae = new vae({ obs, actions, hidden: cfg.vae_hidden_dims, max_action }, random)
  }

  forward(inputs: ModelInput, options: BCQOptions = {}): ModelOutput {
    const { mode, candidates = EVAL_CANDIDATES, ...rest } = options
    if (mode === 'compute_actor') return this.actor.forward(inputs)
    if (mode === 'compute_critic') return this.critic.forward(inputs, rest)
    if (mode === 'compute_vae') {
      const obs = rowsOf(partOfInput(inputs, 'obs'), this.obsShape)
      return this.vae.forward({ obs, action: actionOf(inputs) })
    }
    if (mode === 'compute_eval') return this.bestOf(inputs, candidates)
    throw new UsageError(
      `BCQ is asked for mode ${JSON.stringify(mode)}; its modes are compute_actor, compute_critic, compute_vae and compute_eval.`,
    )
  }

  /** Inside a program: the VAE's actions [B k, A] for k clipped latents an observation, and the observations repeated to [B k, n]. */
  sample(input: ObsTensor, k: number): { obs: Tensor; action: Tensor } {
    const obs = rowsOf(input, this.obsShape)
    return this.decoded(obs, this.drawLatents(obs.shape[0] as number, k))
  }

  /** Latents [...shape, L] from N(0, 1), clipped. */
  private drawLatents(...shape: number[]): Tensor {
    return tf.clipByValue(draws.normal([...shape, this.vae.latentSize]), -this.latentClip, this.latentClip)
  }

  /** obs [B, n], z [B, k, L]: everything as rows. */
  private decoded(obs: Tensor, z: Tensor): { obs: Tensor; action: Tensor } {
    const action = this.vae.decode(z, obs)
    return {
      obs: repeatRows(obs, z.shape[1] as number),
      action: tf.reshape(action, [-1, action.shape[2] as number]),
    }
  }

  private bestOf(inputs: ModelInput, candidates: number): ModelOutput {
    const given = inputs instanceof tf.Tensor ? inputs : (inputs['obs'] ?? inputs)
    const obs = rowsOf(given, this.obsShape)
    const rows = obs.shape[0] as number
    // DI-engine draws candidate by candidate.
    const z = tf.transpose(this.drawLatents(candidates, rows), [1, 0, 2])
    const sampled = this.decoded(obs, z)
    const action = this.actor.forward(sampled)['action'] as Tensor
    const value = this.critic.forward({ obs: sampled.obs, action }, { members: 1 })['q_value'] as Tensor
    const best = tf.argMax(tf.reshape(value, [rows, candidates]), 1)
    const at = tf.add(tf.range(0, rows * candidates, candidates, 'int32'), best)
    return { action: tf.gather(action, at as tf.Tensor1D) }
  }
}

MODEL_REGISTRY.register('bcq', BCQ)
