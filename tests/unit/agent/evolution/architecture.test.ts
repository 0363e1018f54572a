import { describe, expect, it } from 'vitest'
import { mutateArchitecture, withActivation } from '../../../../ding/agent/evolution/architecture.js'
import { RandomStream } from '../../../../ding/compute/index.js'
import { type AgileArchitecture, agileArchitecture, createModel } from '../../../../ding/model/index.js'
import type { ObsShape } from '../../../../ding/nn/index.js'

const KINDS: Record<string, [shape: ObsShape, net_config: Record<string, unknown>, methods: string[]]> = {
  mlp: [4, { encoder_config: { hidden_size: [64, 128] } }, ['add_node', 'remove_node']],
  simba: [4, { simba: true }, ['add_node', 'remove_node']],
  cnn: [
    [3, 20, 24],
    { encoder_config: { channel_size: [32, 64], kernel_size: [3, 3], stride_size: [1, 1] } },
    ['change_kernel', 'add_channel', 'remove_channel'],
  ],
  multi_input: [
    { image: [3, 10, 10], vector: 4 },
    { encoder_config: { latent_dim: 64 } },
    ['add_latent_node', 'remove_latent_node'],
  ],
}
const HEAD = ['head_net.add_node', 'head_net.remove_node', 'add_latent_node', 'remove_latent_node']
const random = RandomStream.fromSeed(5)
const drawn = (from: AgileArchitecture, new_layer_prob: number, count = 300) =>
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

it('another activation is that of all hidden layers and of the output of the encoder', () => {
  const change = (kind: keyof typeof KINDS) => {
    const [shape, net_config] = KINDS[kind] as (typeof KINDS)[string]
    const { net } = agileArchitecture(shape, net_config)
    return withActivation(agileArchitecture(shape, net_config).kind, net, 'GELU')
  }
  expect(change('mlp').encoder_config).toMatchObject({ activation: 'GELU', output_activation: 'GELU' })
  expect(change('cnn').encoder_config).toMatchObject({ activation: 'GELU', output_activation: 'GELU' })
  expect(change('mlp').head_config).toMatchObject({ activation: 'GELU', output_activation: null })
  expect(change('simba').encoder_config).toEqual(agileArchitecture(4, { simba: true }).net.encoder_config)
  expect(change('simba').head_config).toMatchObject({ activation: 'GELU' })
  const several = agileArchitecture(
    { image: [3, 10, 10] },
    { encoder_config: { cnn_config: { image: { channel_size: [4], kernel_size: [3], stride_size: [1] } } } },
  )
  expect(withActivation('multi_input', several.net, 'GELU').encoder_config).toMatchObject({
    output_activation: 'GELU',
    cnn_config: { image: { channel_size: [4], activation: 'GELU' } },
  })
})
