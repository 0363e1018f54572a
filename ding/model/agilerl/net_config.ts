import type { Schema } from '../../config/index.js'
import { type ObsShape, shapeParts } from '../../nn/index.js'
import { fillArguments } from '../arguments.js'
import { agileCnnConfig } from './cnn.js'
import { agileMlpConfig } from './mlp.js'
import { agileMultiInputConfig, isImageShape } from './multi_input.js'
import { agileSimbaConfig } from './simba.js'

/** AgileRL's networks for observations: vectors and discrete ones, the same by residual blocks, images, Dict and Tuple. */
export type EncoderKind = 'mlp' | 'simba' | 'cnn' | 'multi_input'

type Keys = Readonly<Record<string, unknown>>

/** A `net_config` in which everything is said. */
export interface AgileNetConfig {
  readonly latent_dim: number
  readonly min_latent_dim: number
  readonly max_latent_dim: number
  readonly simba: boolean
  readonly encoder_config: Keys
  readonly head_config: Keys
}

/** What a network of AgileRL's is made from. `image` is [channels, height, width] of an image observation. */
export interface AgileArchitecture {
  readonly kind: EncoderKind
  readonly image: readonly number[] | undefined
  readonly net: AgileNetConfig
}

interface KindOfEncoder {
  readonly schema: Schema
  /** What AgileRL takes where no config is given: not its constructor's defaults. */
  readonly unconfigured: Keys
}

const CONVOLUTIONS = { channel_size: [32, 32], kernel_size: [3, 3], stride_size: [1, 1] }

const ENCODERS: Readonly<Record<EncoderKind, KindOfEncoder>> = {
  mlp: { schema: agileMlpConfig, unconfigured: { hidden_size: [64, 64] } },
  simba: { schema: agileSimbaConfig, unconfigured: {} },
  cnn: { schema: agileCnnConfig, unconfigured: CONVOLUTIONS },
  multi_input: {
    schema: agileMultiInputConfig,
    unconfigured: { latent_dim: 16, cnn_config: { ...CONVOLUTIONS, output_activation: 'ReLU' } },
  },
}

export function encoderKind(shape: ObsShape, simba: boolean): EncoderKind {
  if (shapeParts(shape) !== undefined) return 'multi_input'
  if (isImageShape(shape)) return 'cnn'
  return simba ? 'simba' : 'mlp'
}

/** `encoder_config` with everything that it leaves out. @throws ConfigError for keys that this kind of encoder does not have */
export function fillEncoderConfig(kind: EncoderKind, given: Keys | null): Record<string, unknown> {
  const { schema, unconfigured } = ENCODERS[kind]
  const config = given ?? unconfigured
  return fillArguments(
    schema,
    kind === 'multi_input' ? { output_activation: 'ReLU', ...config } : config,
    'policy.model.net_config.encoder_config',
  )
}

/** `head_config` with everything that it leaves out. The head's output is the action values, so that AgileRL ignores an activation there. */
export function fillHeadConfig(given: Keys | null): Record<string, unknown> {
  const head = { ...(given ?? { hidden_size: [64] }), output_activation: null }
  return fillArguments(agileMlpConfig, head, 'policy.model.net_config.head_config')
}
