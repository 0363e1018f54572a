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

/** The keyword arguments of `agilerl_q` that make the listed network, or why there are none. */
export function modelOf(net: unknown, obs: { shape: readonly number[] }): Config | string {
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
  const [width] = obs.shape.slice(1)
  return {
    obs_shape: image ? obs.shape.slice(1) : width === first ? first : { one_hot: first },
    action_shape: actions,
    normalize_images: false,
    net_config: {
      latent_dim: output[0],
      min_latent_dim: 1,
      max_latent_dim: 4096,
      encoder_config: image ? cnnOf(encoder) : mlpOf(encoder, 'encoder'),
      head_config: head,
    },
  }
}

function mlpOf(layers: readonly Layer[], name: string): Config {
  const find = (suffix: string) => layers.find((layer) => layer.name.endsWith(`${name}_${suffix}`))
  const hidden = layers.filter((layer) => new RegExp(`${name}_linear_layer_\\d+$`).test(layer.name))
  const outputNorm = find('layer_norm_output')
  if (outputNorm?.affine === true)
    throw new Error(`${outputNorm.name} has weights, which AgileRL's never has.`)
  return {
    hidden_size: hidden.map((layer) => layer.shape?.[0]),
    activation: find('activation_1')?.type ?? 'ReLU',
    output_activation: name === 'value' ? null : (find('activation_output')?.type ?? null),
    layer_norm: find('layer_norm_1') !== undefined,
    output_layernorm: outputNorm !== undefined,
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
    output_activation: layers.find(({ name }) => name.endsWith('encoder_output_activation'))?.type ?? null,
  }
}
