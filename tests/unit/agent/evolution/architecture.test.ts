import { describe, expect, it } from 'vitest'
import { mutateArchitecture, withActivation } from '../../../../ding/agent/evolution/architecture.js'
import { RandomStream } from '../../../../ding/compute/index.js'
import { type AgileArchitecture, agileArchitecture, createModel } from '../../../../ding/model/index.js'
import type { ObsShape } from '../../../../ding/nn/index.js'

const MLP = ['add_node', 'remove_node']
const CNN = ['change_kernel', 'add_channel', 'remove_channel']
const LATENT = ['add_latent_node', 'remove_latent_node']
const KINDS: Record<string, [shape: ObsShape, net_config: Record<string, unknown>, methods: string[]]> = {
  mlp: [4, { encoder_config: { hidden_size: [64, 128] } }, MLP],
  simba: [4, { simba: true }, MLP],
  cnn: [
    [3, 20, 24],
    { encoder_config: { channel_size: [32, 64], kernel_size: [3, 3], stride_size: [1, 1] } },
    CNN,
  ],
  multi_input: [
    { image: [3, 20, 20], vector: 4, inner: { picture: [1, 12, 12], more: 3 } },
    {
      encoder_config: {
        latent_dim: 64,
        vector_space_mlp: true,
        cnn_config: { channel_size: [32, 64], kernel_size: [3, 3], stride_size: [1, 1] },
      },
    },
    [
      ...LATENT,
      ...CNN.map((method) => `feature_net.image.${method}`),
      ...MLP.map((method) => `feature_net.vector_mlp.${method}`),
      ...LATENT.map((method) => `feature_net.inner.${method}`),
      ...CNN.map((method) => `feature_net.inner.feature_net.picture.${method}`),
      ...MLP.map((method) => `feature_net.inner.feature_net.vector_mlp.${method}`),
    ],
  ],
}
const HEAD = [...MLP.map((method) => `head_net.${method}`), ...LATENT]
const random = RandomStream.fromSeed(5)
const drawn = (from: AgileArchitecture, new_layer_prob: number, count = 400) =>
  Array.from({ length: count }, () => mutateArchitecture(from, new_layer_prob, random))
const names = (mutations: ReturnType<typeof drawn>) => [...new Set(mutations.map((one) => one?.name))].sort()

describe.each(Object.entries(KINDS))(
  'a network whose encoder is %s',
  (kind, [shape, net_config, methods]) => {
    const from = agileArchitecture(shape, {
      latent_dim: 64,
      head_config: { hidden_size: [128, 64] },
      ...net_config,
    })

    it('changes widths of the encoder, the head and between them, and layers of the head alone', () => {
      expect(from.kind).toBe(kind)
      const nodes = [...methods.map((method) => `encoder.${method}`), ...HEAD].sort()
      expect(names(drawn(from, 0)).filter((name) => name !== undefined)).toEqual(nodes)
      expect(names(drawn(from, 1))).toEqual(['head_net.add_layer', 'head_net.remove_layer'])
      const layers = drawn(from, 0.3, 3000).filter((one) => one?.name.endsWith('layer')).length
      expect(Math.abs(layers / 3000 - 0.3)).toBeLessThan(0.04)
    })

    it('can always be built after a hundred mutations, and differs from what it was by each', () => {
      let now = from
      for (let i = 0; i < 100; i++) {
        const mutation = mutateArchitecture(now, 0.2, random)
        if (mutation === undefined) continue
        expect(mutation.net).not.toEqual(now.net)
        now = { ...now, net: mutation.net }
      }
      const build = () =>
        createModel(
          { type: 'agilerl_q', obs_shape: shape, action_shape: 2, net_config: now.net },
          { random: RandomStream.fromSeed(0) },
        )
      expect(build().parameterCount()).toBeGreaterThan(0)
      expect(agileArchitecture(shape, { ...now.net })).toEqual(now)
    })
  },
)

describe('the bounds', () => {
  const head = { min_hidden_layers: 1, max_hidden_layers: 2, min_mlp_nodes: 32, max_mlp_nodes: 100 }
  const at = (hidden_size: number[], latent_dim = 16) =>
    agileArchitecture(4, {
      latent_dim,
      min_latent_dim: 8,
      max_latent_dim: 48,
      encoder_config: { ...head, hidden_size },
      head_config: { ...head, hidden_size },
    })
  const sizes = (mutations: ReturnType<typeof drawn>, name: string) =>
    new Set(
      mutations
        .flatMap((one) => (one?.name === name ? [one.net.head_config['hidden_size'] as number[]] : []))
        .map((list) => list.join()),
    )

  it('are kept by widths: up to the greatest, above the least, the latent dimension strictly between', () => {
    const mutations = drawn(at([68]), 0)
    expect(sizes(mutations, 'head_net.add_node')).toEqual(new Set(['84', '100']))
    expect(sizes(mutations, 'head_net.remove_node')).toEqual(new Set(['52', '36']))
    const latents = (name: string) =>
      new Set(mutations.filter((one) => one?.name === name).map((one) => one?.net.latent_dim))
    expect(latents('add_latent_node')).toEqual(new Set([24, 32]))
    expect(latents('remove_latent_node')).toEqual(new Set())
  })

  it("are AgileRL's: another least width for a network that is not configured than for one that is", () => {
    const left = (from: AgileArchitecture) => [...sizes(drawn(from, 0), 'head_net.remove_node')].sort()
    expect(left(agileArchitecture(4, null))).toEqual(['32', '48'])
    expect(left(agileArchitecture(4, { head_config: { hidden_size: [64] } }))).toEqual(['48'])
    const least = (net_config: Record<string, unknown>) =>
      agileArchitecture(4, net_config).net.encoder_config['min_mlp_nodes']
    expect([least({}), least({ encoder_config: { hidden_size: [64] } })]).toEqual([16, 32])
  })

  it('turn a layer that would be one too many or too few into nodes', () => {
    expect(names(drawn(at([36, 36]), 1))).toEqual(['head_net.add_node', 'head_net.remove_layer'])
    expect(sizes(drawn(at([36, 52]), 1), 'head_net.remove_layer')).toEqual(new Set(['36']))
    expect(names(drawn(at([36]), 1))).toEqual(['head_net.add_layer', 'head_net.add_node'])
    expect(sizes(drawn(at([36]), 1), 'head_net.add_layer')).toEqual(new Set(['36,36']))
  })

  it('leave kernels at most a quarter of what lies behind them, and the first as it is', () => {
    const image = agileArchitecture([1, 40, 40], {
      encoder_config: { channel_size: [16, 16], kernel_size: [5, 5], stride_size: [1, 1] },
    })
    const kernels = drawn(image, 0, 600)
      .flatMap((one) =>
        one?.name === 'encoder.change_kernel' ? [one.net.encoder_config['kernel_size'] as number[]] : [],
      )
      .map((list) => list.join())
    // 40 -> 36 -> 32: up to 8.
    expect([...new Set(kernels)].sort()).toEqual(['5,1', '5,2', '5,3', '5,4', '5,6', '5,7', '5,8'])
  })
})

describe('a network of several inputs', () => {
  const cnn_config = { channel_size: [32], kernel_size: [3], stride_size: [1] }
  const from = agileArchitecture(
    { left: [3, 10, 10], right: [3, 10, 10], inner: { vector: 2, left: [3, 8, 8] } },
    { encoder_config: { latent_dim: 64, cnn_config } },
  )
  type Networks = Record<string, Record<string, unknown>>
  const networks = (net: AgileArchitecture['net']) => net.encoder_config['init_dicts'] as Networks
  const changes = (name: string) => drawn(from, 0).flatMap((one) => (one?.name === name ? [one.net] : []))

  it('changes one of those that have their config in common, and none of the same key elsewhere', () => {
    const mutated = changes('encoder.feature_net.left.add_channel')
    expect(mutated.length).toBeGreaterThan(0)
    for (const net of mutated) {
      const { left, ...others } = networks(net)
      const { left: before, ...rest } = networks(from.net)
      expect([[40], [48], [64]]).toContainEqual(left?.['channel_size'])
      expect({ ...left, channel_size: before?.['channel_size'] }).toEqual(before)
      expect(others).toEqual(rest)
    }
  })

  it('keeps what its records have inside when its own latent dimension changes', () => {
    const [net] = changes('encoder.remove_latent_node')
    expect(net?.encoder_config['latent_dim']).toBeLessThan(64)
    expect(networks(net as AgileArchitecture['net'])['inner']).toMatchObject({ latent_dim: 64 })
  })

  it('is built with each network as its config says', () => {
    const [net] = changes('encoder.feature_net.inner.feature_net.left.add_channel')
    const model = createModel(
      { type: 'agilerl_q', obs_shape: from.shape, action_shape: 2, net_config: net },
      { random: RandomStream.fromSeed(0) },
    )
    const shapes = new Map(model.namedParameters().map(([name, { shape }]) => [name, shape]))
    const channels = (name: string) =>
      shapes.get(`encoder.feature_net.${name}.model.left_conv_layer_1.weight`)?.[0]
    expect(channels('left')).toBe(32)
    expect([40, 48, 64]).toContain(channels('inner.feature_net.left'))
  })
})

it('another activation is that of all hidden layers and of the output of the encoder', () => {
  for (const kind of ['mlp', 'cnn']) {
    const [shape, net_config] = KINDS[kind] as (typeof KINDS)[string]
    const { net } = agileArchitecture(shape, net_config)
    const { encoder_config, head_config, ...rest } = withActivation(net, 'GELU')
    expect(encoder_config).toEqual({ ...net.encoder_config, activation: 'GELU', output_activation: 'GELU' })
    expect(head_config).toEqual({ ...net.head_config, activation: 'GELU' })
    expect(head_config['output_activation']).toBe(null)
    expect({ ...net, ...rest }).toEqual(net)
  }
})
