import type { Schema } from '../../config/index.js'
import { type ObsShape, shapeParts } from '../../nn/index.js'
import { fillArguments } from '../arguments.js'
import { agileCnnConfig } from './cnn.js'
import { agileMlpConfig } from './mlp.js'
import { fillMultiInput, isImageShape } from './multi_input.js'
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

/** What a network of AgileRL's is made from, for observations of a shape. */
export interface AgileArchitecture {
  readonly kind: EncoderKind
  readonly shape: ObsShape
  readonly net: AgileNetConfig
}

interface KindOfEncoder {
  /** What AgileRL takes where no config is given: not its constructor's defaults. */
  readonly unconfigured: Keys
  readonly fill: (config: Keys, shape: ObsShape) => Record<string, unknown>
}

const WHERE = 'policy.model.net_config.encoder_config'
const CONVOLUTIONS = { channel_size: [32, 32], kernel_size: [3, 3], stride_size: [1, 1] }
/** Bound of the layers of a network that is not configured; 32 of one that is. */
const UNCONFIGURED_MLP = { min_mlp_nodes: 16 }

const by = (schema: Schema) => (config: Keys) => fillArguments(schema, config, WHERE)

const ENCODERS: Readonly<Record<EncoderKind, KindOfEncoder>> = {
  mlp: { fill: by(agileMlpConfig), unconfigured: { hidden_size: [64, 64], ...UNCONFIGURED_MLP } },
  simba: { fill: by(agileSimbaConfig), unconfigured: {} },
  cnn: { fill: by(agileCnnConfig), unconfigured: CONVOLUTIONS },
  multi_input: {
    fill: (config, shape) =>
      fillMultiInput(shapeParts(shape) ?? {}, { output_activation: 'ReLU', ...config }, WHERE),
    unconfigured: { latent_dim: 16, cnn_config: { ...CONVOLUTIONS, output_activation: 'ReLU' } },
  },
}

export function encoderKind(shape: ObsShape, simba: boolean): EncoderKind {
  if (shapeParts(shape) !== undefined) return 'multi_input'
  if (isImageShape(shape)) return 'cnn'
  return simba ? 'simba' : 'mlp'
}

/** `encoder_config` with everything that it leaves out. @throws ConfigError for keys that this kind of encoder does not have */
export function fillEncoderConfig(
  kind: EncoderKind,
  shape: ObsShape,
  given: Keys | null,
): Record<string, unknown> {
  const { fill, unconfigured } = ENCODERS[kind]
  return fill(given ?? unconfigured, shape)
}

/** `head_config` with everything that it leaves out. The head's output is the action values, so that AgileRL ignores an activation there. */
export function fillHeadConfig(given: Keys | null): Record<string, unknown> {
  const head = { ...(given ?? { hidden_size: [64], ...UNCONFIGURED_MLP }), output_activation: null }
  return fillArguments(agileMlpConfig, head, 'policy.model.net_config.head_config')
}
