import { isRecord } from './golden.js'

/** One layer of a network as the golden files list it. */
interface Layer {
  readonly name: string
  readonly type: string
  readonly shape?: readonly number[]
  readonly affine?: boolean
  readonly stride?: number | readonly number[]
}

type Config = Record<string, unknown>

/**
 * The keyword arguments of `agilerl_q` that make the listed network, or why there are none.
 * @param space what the recording says of the observation space: a size, or the text of a Gymnasium space
 * @param raw whether images are pixels of 0 to 255, where the space does not tell; 'as they are': they are not normalised
 */
export function modelOf(
  net: unknown,
  obs: { shape: readonly number[] },
  space: unknown,
  raw: boolean | 'as they are',
): Config | string {
  if (!Array.isArray(net) || !net.every(isRecord)) return 'config.net is not a list of layers'
  const layers = net as unknown as Layer[]
  const known = new Set(['Linear', 'LayerNorm', 'Conv2d', 'Flatten', 'Identity'])
  const odd = layers.find(({ type, name }) => !known.has(type) && !name.includes('activation'))
  if (odd !== undefined) return `the layer ${odd.name} is a ${odd.type}, which this handler does not know`
  const encoder = layers.filter(({ name }) => name.startsWith('encoder.'))
  const head = mlpOf(
    layers.filter(({ name }) => name.startsWith('head_net.')),
    'value',
  )
  const output = encoder.findLast(({ type }) => type === 'Linear')?.shape
  const first = encoder.find(({ shape, type }) => shape !== undefined && type === 'Linear')?.shape?.[1]
  const actions = layers.findLast(({ type }) => type === 'Linear')?.shape?.[0]
  if (output === undefined || first === undefined || actions === undefined)
    return 'config.net lacks linear layers'
  const image = encoder.some(({ type }) => type === 'Conv2d')
  const simba = encoder.some(({ name }) => name.includes('residual_block'))
  const width = obs.shape.slice(1).reduce((product, size) => product * size, 1)
  const text = typeof space === 'string' ? space : ''
  const sizes = /^MultiDiscrete\(\[([\d\s,]+)\]/.exec(text)?.[1]?.match(/\d+/g)?.map(Number)
  const vector = width === first && !text.startsWith('Discrete') && sizes === undefined
  const range = raw === 'as they are' ? undefined : (rangeOf(text) ?? (raw ? [0, 255] : undefined))
  return {
    obs_shape: image ? obs.shape.slice(1) : vector ? first : { one_hot: sizes ?? first },
    action_shape: actions,
    normalize_images: image && range !== undefined,
    ...(image && range !== undefined ? { image_range: range } : {}),
    net_config: {
      latent_dim: output[0],
      min_latent_dim: 1,
      max_latent_dim: 4096,
      simba,
      encoder_config: image ? cnnOf(encoder) : simba ? simbaOf(encoder) : mlpOf(encoder, 'encoder'),
      head_config: head,
    },
  }
}

/** The bounds in the text of a Box space. */
function rangeOf(text: string): [number, number] | undefined {
  const [, low, high] = /^Box\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)/.exec(text) ?? []
  return low === undefined || high === undefined ? undefined : [Number(low), Number(high)]
}

function mlpOf(layers: readonly Layer[], name: string): Config {
  const find = (suffix: string) => layers.find((layer) => layer.name.endsWith(`${name}_${suffix}`))
  const hidden = layers.filter((layer) => new RegExp(`${name}_linear_layer_\\d+$`).test(layer.name))
  const outputNorm = find('layer_norm_output')
  if (outputNorm?.affine === true)
    throw new Error(`${outputNorm.name} has weights, which AgileRL's never has.`)
  return {
    hidden_size: hidden.map((layer) => layer.shape?.[0]),
    ...activationOf(find('activation_1')?.type),
    // Without a name AgileRL's encoder ends in its hidden layers' activation.
    output_activation: name === 'value' ? null : outputOf(find('activation_output')?.type),
    ...(find('activation_output')?.type === 'NewGELU' && { new_gelu: true }),
    layer_norm: find('layer_norm_1') !== undefined,
    output_layernorm: outputNorm !== undefined,
  }
}

/** An activation and, of GELU, whether it is the approximation by tanh. */
function activationOf(type = 'ReLU'): Config {
  return type === 'NewGELU' ? { activation: 'GELU', new_gelu: true } : { activation: type }
}

/** AgileRL's name of an output activation. */
function outputOf(type = 'Identity'): string {
  return type === 'NewGELU' ? 'GELU' : type
}

/** The blocks list their layers; the relu between the two linear ones is none of them. */
function simbaOf(layers: readonly Layer[]): Config {
  const widening = layers.flatMap(({ name, shape }) => (name.endsWith('.linear1') ? [shape ?? []] : []))
  const [inner = 0, size = 1] = widening[0] ?? []
  return {
    hidden_size: size,
    num_blocks: widening.length,
    scale_factor: inner / size,
    output_activation: layers.find(({ name }) => name.endsWith('activation_output'))?.type ?? 'Identity',
  }
}

function cnnOf(layers: readonly Layer[]): Config {
  const convolutions = layers.filter(({ type }) => type === 'Conv2d')
  const activation = layers.find(({ name }) => name.endsWith('encoder_activation_1'))?.type ?? 'ReLU'
  return {
    channel_size: convolutions.map(({ shape }) => shape?.[0]),
    kernel_size: convolutions.map(({ shape }) => shape?.[2]),
    stride_size: convolutions.map(({ stride }) => (typeof stride === 'number' ? stride : (stride?.[0] ?? 1))),
    activation,
    output_activation:
      layers.find(({ name }) => name.endsWith('encoder_output_activation'))?.type ?? 'Identity',
  }
}
