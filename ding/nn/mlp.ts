import type { RandomStream } from '../compute/index.js'
import { Activation } from './activation.js'
import { Dropout, type Layer, Sequential } from './container.js'
import type { LinearOptions } from './linear.js'
import { Linear } from './linear.js'
import { NoisyLinear } from './noisy_linear.js'
import { buildNorm } from './norm.js'

export interface BlockOptions extends LinearOptions {
  /** Activation's name; none when left out. */
  readonly activation?: string
  /** `LN` or `BN`, between the linear layer and the activation. */
  readonly norm_type?: string | null
  /** Dropout rate behind the activation. */
  readonly dropout?: number | null
  /** Use noisy linear layers (their initialisation is their own). */
  readonly noise?: boolean
}

/** One linear (or noisy) layer, then norm, activation and dropout as asked for, as the list of its layers. */
export function blockLayers(
  inSize: number,
  outSize: number,
  random: RandomStream,
  options: BlockOptions,
): Layer[] {
  const layers: Layer[] = [
    options.noise === true
      ? new NoisyLinear(inSize, outSize, random)
      : new Linear(inSize, outSize, random, options),
  ]
  if (options.norm_type != null) layers.push(buildNorm(options.norm_type, outSize))
  if (options.activation !== undefined) layers.push(new Activation(options.activation))
  if (options.dropout != null && options.dropout > 0) layers.push(new Dropout(options.dropout))
  return layers
}

export interface MlpOptions extends BlockOptions {
  /** Whether the last layer gets the activation too. Default true, as DI-engine's MLP. */
  readonly output_activation?: boolean
  /** Whether the last layer gets the norm too. Default true. */
  readonly output_norm?: boolean
  /** Initialisation of the last layer, when it differs. */
  readonly last?: LinearOptions
}

/**
 * `layerNum` linear layers of widths in -> hidden -> ... -> hidden -> out, with norm, activation (default relu) and dropout after each.
 * A flat {@link Sequential}, so that parameter names are DI-engine's (`0.weight`, `2.weight`, ...). Zero layers: the identity.
 */
export class MLP extends Sequential {
  constructor(
    readonly inSize: number,
    hiddenSize: number,
    readonly outSize: number,
    layerNum: number,
    random: RandomStream,
    options: MlpOptions = {},
  ) {
    const layers: Layer[] = []
    const inner: BlockOptions = { activation: 'relu', ...options }
    for (let i = 0; i < layerNum; i++) {
      const last = i === layerNum - 1
      const block: BlockOptions = {
        ...inner,
        ...(last ? options.last : undefined),
        activation: last && options.output_activation === false ? undefined : inner.activation,
        norm_type: last && options.output_norm === false ? null : inner.norm_type,
      }
      layers.push(...blockLayers(i === 0 ? inSize : hiddenSize, last ? outSize : hiddenSize, random, block))
    }
    super(...layers)
  }
}
