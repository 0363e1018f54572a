import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { random as draws, type RandomStream } from '../compute/index.js'
import { blockLayers, Linear, Module, Sequential } from '../nn/index.js'
import { UsageError } from '../utils/index.js'

/** What a conditional VAE makes of actions: the reconstruction [B, A], and the posterior over latents [B, L] with a sample of it. */
export type VaeOutput = {
  readonly recons_action: Tensor
  readonly mu: Tensor
  readonly log_var: Tensor
  readonly z: Tensor
}

export interface VaeSizes {
  readonly obs: number
  readonly actions: number
  readonly hidden: readonly number[]
  /** Actions lie in +- this. */
  readonly max_action: number
}

/** A variational auto-encoder of actions, given observations; its latents have twice the size of the actions. */
export interface ActionVae extends Module {
  readonly latentSize: number
  /** obs [B, n], action [B, A]; draws one latent a row, inside a program. */
  forward(inputs: { obs: Tensor; action: Tensor }): VaeOutput
  /** Actions [B, k, A] of latents z [B, k, L]: k candidates for each observation of [B, n]. */
  decode(z: Tensor, obs: Tensor): Tensor
}

/** Bounds of the log standard deviation in {@link ConcatVAE}, the authors'. */
const LOG_STD_MIN = -4
const LOG_STD_MAX = 15

function scaled(x: Tensor, factor: number): Tensor {
  return factor === 1 ? x : tf.mul(x, factor)
}

function sampleLatent(mu: Tensor, std: Tensor): Tensor {
  return tf.add(tf.mul(std, draws.normal([...mu.shape])), mu)
}

/** [B, k, n] -> [B k, n]: candidates as rows, those of one observation one after the other. */
function asRows(x: Tensor): Tensor {
  return tf.reshape(x, [-1, x.shape[2] as number])
}

/** [B k, n] -> [B, k, n]. */
function asCandidates(rows: Tensor, like: Tensor): Tensor {
  return tf.reshape(rows, [like.shape[0] as number, like.shape[1] as number, -1])
}

/**
 * DI-engine's conditional VAE (ding/model/template/vae.py), in which the observation gates the action: hidden features of the two are multiplied
 * in the encoder, and the same features of the observation multiply those of the latent in the decoder. In training the decoder sees tanh(z), when
 * sampling z itself, as there. `encode_obs_head` runs once an observation, however many candidates it gets. DI-engine's head for residuals of the
 * next observation, which no loss of BCQ reaches, is left out. Names in the state dict are DI-engine's.
 */
export class VanillaVAE extends Module implements ActionVae {
  readonly encode_action_head: Sequential
  readonly encode_obs_head: Sequential
  readonly encode_common: Sequential
  readonly encode_mu_head: Linear
  readonly encode_logvar_head: Linear
  readonly decode_action_head: Sequential
  readonly decode_common: Sequential
  readonly decode_reconst_action_head: Sequential
  readonly latentSize: number
  private readonly bound: number

  /** @throws UsageError unless `hidden` has two widths or more, the first and the last alike: what is multiplied must have one size */
  constructor({ obs, actions, hidden, max_action }: VaeSizes, random: RandomStream) {
    super()
    this.latentSize = 2 * actions
    this.bound = max_action
    const [width, encoded] = hidden
    const decoded = hidden.at(-2)
    if (width === undefined || encoded === undefined || decoded === undefined || hidden.at(-1) !== width) {
      throw new UsageError(
        `vae_hidden_dims is [${hidden}], but the gated VAE takes two widths or more, of which the first and the last are equal, ` +
          "since it multiplies hidden features. Give [n, n] or [n, m, n], or set vae_type to 'concat'.",
      )
    }
    const block = (from: number, to: number, activation: string) =>
      new Sequential(...blockLayers(from, to, random, { activation }))
    this.encode_action_head = block(actions, width, 'relu')
    this.encode_obs_head = block(obs, width, 'relu')
    this.encode_common = block(width, encoded, 'relu')
    this.encode_mu_head = new Linear(encoded, this.latentSize, random)
    this.encode_logvar_head = new Linear(encoded, this.latentSize, random)
    this.decode_action_head = block(this.latentSize, width, 'relu')
    this.decode_common = block(width, decoded, 'relu')
    this.decode_reconst_action_head = block(decoded, actions, 'tanh')
  }

  forward({ obs, action }: { obs: Tensor; action: Tensor }): VaeOutput {
    const gate = this.encode_obs_head.forward(obs)
    const hidden = this.encode_common.forward(tf.mul(gate, this.encode_action_head.forward(action)))
    const mu = this.encode_mu_head.forward(hidden)
    const log_var = this.encode_logvar_head.forward(hidden)
    const z = sampleLatent(mu, tf.exp(tf.mul(log_var, 0.5)))
    const features = tf.mul(gate, this.decode_action_head.forward(tf.tanh(z)))
    return { recons_action: this.fromFeatures(features), mu, log_var, z }
  }

  decode(z: Tensor, obs: Tensor): Tensor {
    const gate = tf.expandDims(this.encode_obs_head.forward(obs), 1)
    const features = asCandidates(this.decode_action_head.forward(asRows(z)), z)
    return asCandidates(this.fromFeatures(asRows(tf.mul(features, gate))), z)
  }

  private fromFeatures(features: Tensor): Tensor {
    return scaled(this.decode_reconst_action_head.forward(this.decode_common.forward(features)), this.bound)
  }
}

/**
 * The VAE of BCQ's authors (Fujimoto et al. 2019; sfujim/BCQ, continuous_BCQ/BCQ.py): observation and action (or latent) side by side into plain
 * networks; log standard deviation in [-4, 15]. Names in the state dict are theirs with `encoder.{0,2}` = e1, e2 and `decoder.{0,2,4}` = d1, d2, d3.
 */
export class ConcatVAE extends Module implements ActionVae {
  readonly encoder: Sequential
  readonly mean: Linear
  readonly log_std: Linear
  readonly decoder: Sequential
  readonly latentSize: number
  private readonly bound: number

  /** @throws UsageError for no hidden layer */
  constructor({ obs, actions, hidden, max_action }: VaeSizes, random: RandomStream) {
    super()
    this.latentSize = 2 * actions
    this.bound = max_action
    const last = hidden.at(-1)
    if (last === undefined) throw new UsageError('vae_hidden_dims is empty: the VAE needs a hidden layer.')
    const layers = (from: number) =>
      hidden.flatMap((width, i) => blockLayers(hidden[i - 1] ?? from, width, random, { activation: 'relu' }))
    this.encoder = new Sequential(...layers(obs + actions))
    this.mean = new Linear(last, this.latentSize, random)
    this.log_std = new Linear(last, this.latentSize, random)
    this.decoder = new Sequential(...layers(obs + this.latentSize), new Linear(last, actions, random))
  }

  forward({ obs, action }: { obs: Tensor; action: Tensor }): VaeOutput {
    const hidden = this.encoder.forward(tf.concat([obs, action], 1))
    const mu = this.mean.forward(hidden)
    const log_std = tf.clipByValue(this.log_std.forward(hidden), LOG_STD_MIN, LOG_STD_MAX)
    const z = sampleLatent(mu, tf.exp(log_std))
    return { recons_action: this.decoded(tf.concat([obs, z], 1)), mu, log_var: tf.mul(log_std, 2), z }
  }

  decode(z: Tensor, obs: Tensor): Tensor {
    const rows = tf.concat([repeatRows(obs, z.shape[1] as number), asRows(z)], 1)
    return asCandidates(this.decoded(rows), z)
  }

  private decoded(rows: Tensor): Tensor {
    return scaled(tf.tanh(this.decoder.forward(rows)), this.bound)
  }
}

/** [B, n] -> [B k, n], each row k times in a row. */
export function repeatRows(x: Tensor, k: number): Tensor {
  return k === 1 ? x : tf.reshape(tf.tile(tf.expandDims(x, 1), [1, k, 1]), [-1, x.shape[1] as number])
}

/** KL divergence of each latent's posterior from N(0, 1), [B, L]. */
export function latentDivergence({ mu, log_var }: Pick<VaeOutput, 'mu' | 'log_var'>): Tensor {
  const terms = tf.sub(tf.sub(tf.add(log_var, 1), tf.square(mu)), tf.exp(log_var))
  return tf.mul(terms, -0.5)
}
