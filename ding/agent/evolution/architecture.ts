import type { RandomStream } from '../../compute/index.js'
import type { AgileArchitecture, AgileNetConfig, EncoderKind } from '../../model/index.js'
import { type ObsShape, shapeParts } from '../../nn/index.js'

export interface ArchitectureMutation {
  /** What was done, as AgileRL labels it (`head_net.add_node`). */
  readonly name: string
  readonly net: AgileNetConfig
}

type Config = Readonly<Record<string, unknown>>
/** A changed config and the name of what was done, which is another's where a bound stands in the way; undefined: nothing can be done. */
type Change = { readonly method: string; readonly config: Config } | undefined
type Method = (config: Config, random: RandomStream, image: readonly number[] | undefined) => Change

const NODES = [16, 32, 64]
const CHANNELS = [8, 16, 32]
const LATENT = [8, 16, 32]
const LARGEST_KERNEL = 9

const numbers = (config: Config, key: string) => config[key] as readonly number[]
const bound = (config: Config, key: string) => config[key] as number
const replaced = (list: readonly number[], at: number, value: number) =>
  list.map((old, i) => (i === at ? value : old))

/** One entry of the list `key` changed by a random amount, if it then keeps to the bounds. */
function resized(
  key: string,
  sign: 1 | -1,
  steps: readonly number[],
  fits: (size: number, config: Config) => boolean,
) {
  return (config: Config, random: RandomStream): Config | undefined => {
    const sizes = numbers(config, key)
    const at = random.nextInt(0, sizes.length)
    const size = (sizes[at] as number) + sign * random.choice(steps)
    return fits(size, config) ? { ...config, [key]: replaced(sizes, at, size) } : undefined
  }
}

const named =
  (method: string, change: (config: Config, random: RandomStream) => Config | undefined): Method =>
  (config, random) => {
    const changed = change(config, random)
    return changed && { method, config: changed }
  }

// ---- MLP ----

const withinNodes = (size: number, config: Config) => size <= bound(config, 'max_mlp_nodes')
const aboveNodes = (size: number, config: Config) => size > bound(config, 'min_mlp_nodes')

const addNode = named('add_node', resized('hidden_size', 1, NODES, withinNodes))
const removeNode = named('remove_node', resized('hidden_size', -1, NODES, aboveNodes))

/** Repeats the last layer's width. */
const addLayer: Method = (config, random, image) => {
  const sizes = numbers(config, 'hidden_size')
  if (sizes.length >= bound(config, 'max_hidden_layers')) return addNode(config, random, image)
  return { method: 'add_layer', config: { ...config, hidden_size: [...sizes, sizes.at(-1) as number] } }
}

const removeLayer: Method = (config, random, image) => {
  const sizes = numbers(config, 'hidden_size')
  if (sizes.length <= bound(config, 'min_hidden_layers')) return addNode(config, random, image)
  return { method: 'remove_layer', config: { ...config, hidden_size: sizes.slice(0, -1) } }
}

// ---- CNN ----

/** Height or width behind each convolution, the smaller; undefined when the image is too small for them. */
function outputs(config: Config, image: readonly number[]): number[] | undefined {
  let [, height = 0, width = 0] = image
  const sizes: number[] = []
  for (const [i, kernel] of numbers(config, 'kernel_size').entries()) {
    const stride = numbers(config, 'stride_size')[i] as number
    height = Math.floor((height - kernel) / stride) + 1
    width = Math.floor((width - kernel) / stride) + 1
    if (height < 1 || width < 1) return undefined
    sizes.push(Math.min(height, width))
  }
  return sizes
}

/** Another kernel for one convolution, not the first, up to a quarter of what lies behind it. */
const changeKernel: Method = (config, random, image = []) => {
  const kernels = numbers(config, 'kernel_size')
  if (kernels.length < 2) return undefined
  const at = random.nextInt(1, Math.min(4, kernels.length))
  const behind = outputs(config, image)?.[at] ?? 0
  const largest = Math.min(Math.max(Math.floor(behind / 4), 1), LARGEST_KERNEL)
  const others = Array.from({ length: largest }, (_, i) => i + 1).filter((size) => size !== kernels[at])
  if (others.length === 0) return undefined
  const changed = { ...config, kernel_size: replaced(kernels, at, random.choice(others)) }
  return outputs(changed, image) && { method: 'change_kernel', config: changed }
}

const addChannel = named(
  'add_channel',
  resized('channel_size', 1, CHANNELS, (size, config) => size <= bound(config, 'max_channel_size')),
)
const removeChannel = named(
  'remove_channel',
  resized('channel_size', -1, CHANNELS, (size, config) => size >= bound(config, 'min_channel_size')),
)

// ---- SimBa, and networks of several inputs ----

/** A number changed by a random amount, if it then keeps to the bound. */
const shifted = (
  method: string,
  key: string,
  steps: readonly number[],
  sign: 1 | -1,
  fits: (value: number, config: Config) => boolean,
): Method =>
  named(method, (config, random) => {
    const value = bound(config, key) + sign * random.choice(steps)
    return fits(value, config) ? { ...config, [key]: value } : undefined
  })

const belowLatent = (value: number, config: Config) => value < bound(config, 'max_latent_dim')
const aboveLatent = (value: number, config: Config) => value > bound(config, 'min_latent_dim')

const addBlockNode = shifted('add_node', 'hidden_size', NODES, 1, withinNodes)
const removeBlockNode = shifted('remove_node', 'hidden_size', NODES, -1, aboveNodes)
const addLatentNode = shifted('add_latent_node', 'latent_dim', LATENT, 1, belowLatent)
const removeLatentNode = shifted('remove_latent_node', 'latent_dim', LATENT, -1, aboveLatent)

/** As in AgileRL, encoders change their widths and kernels, but neither gain nor lose layers. */
const ENCODER_METHODS: Readonly<Record<EncoderKind, readonly Method[]>> = {
  mlp: [addNode, removeNode],
  simba: [addBlockNode, removeBlockNode],
  cnn: [changeKernel, addChannel, removeChannel],
  multi_input: [addLatentNode, removeLatentNode],
}
const HEAD_LAYERS = [addLayer, removeLayer]
const HEAD_NODES = [addNode, removeNode]

/** One of the changes that a network may take, at random. */
type Draw = (random: RandomStream) => Change

/**
 * What may change in an encoder: by the methods of its kind, and by those of the networks that it has for images, records within the record and
 * the joined vectors, as AgileRL names them (`feature_net.<key>.<method>`). @param shape undefined for the joined vectors
 */
function encoderChanges(kind: EncoderKind, config: Config, shape: ObsShape | undefined): Draw[] {
  const image = kind === 'cnn' ? (shape as readonly number[]) : undefined
  const own = ENCODER_METHODS[kind].map(
    (method): Draw =>
      (random) =>
        method(config, random, image),
  )
  if (kind !== 'multi_input') return own
  const shapes = shapeParts(shape as ObsShape) ?? {}
  const init_dicts = config['init_dicts'] as Readonly<Record<string, Config>>
  const nested = Object.entries(init_dicts).flatMap(([key, network]) => {
    const entry = shapes[key]
    const inner = entry === undefined ? 'mlp' : shapeParts(entry) === undefined ? 'cnn' : 'multi_input'
    return encoderChanges(inner, network, entry).map(
      (draw): Draw =>
        (random) => {
          const change = draw(random)
          if (change === undefined) return undefined
          const next = { ...config, init_dicts: { ...init_dicts, [key]: change.config } }
          return { method: `feature_net.${key}.${change.method}`, config: next }
        },
    )
  })
  return [...own, ...nested]
}

/**
 * A random mutation of an architecture: with probability `new_layer_prob` one that adds or removes a layer (of the head), else one that
 * changes a width, a kernel or the latent dimension (agilerl/hpo/mutation.py; the modules' own methods).
 * @returns undefined where the bounds leave nothing of what was drawn
 */
export function mutateArchitecture(
  { kind, shape, net }: AgileArchitecture,
  new_layer_prob: number,
  random: RandomStream,
): ArchitectureMutation | undefined {
  const part = (key: 'encoder_config' | 'head_config', name: string) => (draw: Draw) => () => {
    const change = draw(random)
    return change && { name: `${name}.${change.method}`, net: { ...net, [key]: change.config } }
  }
  const head = (method: Method) =>
    part('head_config', 'head_net')(() => method(net.head_config, random, undefined))
  const whole = (method: Method) => (): ArchitectureMutation | undefined => {
    const change = method({ ...net }, random, undefined)
    return change && { name: change.method, net: change.config as unknown as AgileNetConfig }
  }
  const layers = HEAD_LAYERS.map(head)
  const nodes = [
    ...encoderChanges(kind, net.encoder_config, shape).map(part('encoder_config', 'encoder')),
    ...HEAD_NODES.map(head),
    ...[addLatentNode, removeLatentNode].map(whole),
  ]
  return random.choice(random.nextFloat() < new_layer_prob ? layers : nodes)()
}

/** The net with another activation of an encoder that has one, an MLP or a CNN: of all hidden layers, and of the encoder's output. */
export function withActivation(net: AgileNetConfig, activation: string): AgileNetConfig {
  const { encoder_config, head_config } = net
  return {
    ...net,
    encoder_config: { ...encoder_config, activation, output_activation: activation },
    head_config: { ...head_config, activation },
  }
}
