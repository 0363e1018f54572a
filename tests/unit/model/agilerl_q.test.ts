import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { backward, createCompute, type HostTree, RandomStream } from '../../../ding/compute/index.js'
import { createModel, type Model, type ModelInput } from '../../../ding/model/index.js'
import { ConfigError } from '../../../ding/utils/index.js'
import { f32, i32, maxDiff, onBothRuntimes, run } from '../nn/run.js'

const make = (cfg: Record<string, unknown>, seed = 1): Model =>
  createModel({ type: 'agilerl_q', action_shape: 2, ...cfg }, { random: RandomStream.fromSeed(seed) })

const forward = (model: Model) => (inputs: { obs: ModelInput }) =>
  model.forward(inputs.obs) as Record<string, tf.Tensor>
const shapes = (model: Model) =>
  Object.fromEntries(model.namedParameters().map(([name, p]) => [name, p.shape.join('x')]))
const parameter = (model: Model, name: string) => new Map(model.namedParameters()).get(name)!

const noise = RandomStream.fromSeed(2)
const image = {
  dtype: 'uint8',
  shape: [2, 3, 8, 8],
  data: Uint8Array.from(noise.integers(2 * 3 * 64, 0, 256)),
} as const
const vector = f32([...noise.normal(10)], [2, 5])

describe('agilerl_q', () => {
  it("is AgileRL's default network, by its names", () => {
    expect(shapes(make({ obs_shape: 4 }))).toEqual({
      'encoder.model.encoder_linear_layer_1.weight': '64x4',
      'encoder.model.encoder_linear_layer_1.bias': '64',
      'encoder.model.encoder_layer_norm_1.weight': '64',
      'encoder.model.encoder_layer_norm_1.bias': '64',
      'encoder.model.encoder_linear_layer_2.weight': '64x64',
      'encoder.model.encoder_linear_layer_2.bias': '64',
      'encoder.model.encoder_layer_norm_2.weight': '64',
      'encoder.model.encoder_layer_norm_2.bias': '64',
      'encoder.model.encoder_linear_layer_output.weight': '64x64',
      'encoder.model.encoder_linear_layer_output.bias': '64',
      'head_net.model.value_linear_layer_1.weight': '64x64',
      'head_net.model.value_linear_layer_1.bias': '64',
      'head_net.model.value_layer_norm_1.weight': '64',
      'head_net.model.value_layer_norm_1.bias': '64',
      'head_net.model.value_linear_layer_output.weight': '2x64',
      'head_net.model.value_linear_layer_output.bias': '2',
    })
  })

  it('starts orthogonal with gain sqrt 2, biases 0, and the head scaled by 0.1', () => {
    const model = make({ obs_shape: 4 })
    const norms = (name: string, rows: number) => {
      const { data } = parameter(model, name)
      const width = data.length / rows
      return Array.from({ length: rows }, (_, i) => Math.hypot(...data.subarray(i * width, (i + 1) * width)))
    }
    for (const norm of norms('encoder.model.encoder_linear_layer_2.weight', 64))
      expect(norm).toBeCloseTo(Math.SQRT2, 4)
    for (const norm of norms('encoder.model.encoder_linear_layer_output.weight', 64))
      expect(norm).toBeCloseTo(Math.SQRT2, 4)
    for (const norm of norms('head_net.model.value_linear_layer_output.weight', 2))
      expect(norm).toBeCloseTo(0.1 * Math.SQRT2, 4)
    const biases = model.namedParameters().filter(([name]) => /linear.*bias$/.test(name))
    for (const [, { data }] of biases) expect(Math.max(...data.map(Math.abs))).toBe(0)
    const torch = make({
      obs_shape: 4,
      net_config: { head_config: { hidden_size: [16], init_layers: false, output_vanish: false } },
    })
    const last = parameter(torch, 'head_net.model.value_linear_layer_output.weight').data
    expect(Math.max(...last.map(Math.abs))).toBeLessThanOrEqual(0.25)
    expect(Math.max(...last.map(Math.abs))).toBeGreaterThan(0.1)
  })

  it('takes the sizes and switches of net_config', () => {
    const cfg = {
      latent_dim: 16,
      encoder_config: { hidden_size: [32], layer_norm: false, activation: 'Tanh' },
      head_config: { hidden_size: [24, 8], activation: 'ELU' },
    }
    const names = shapes(make({ obs_shape: { one_hot: 6 }, net_config: cfg }))
    expect(names['encoder.model.encoder_linear_layer_1.weight']).toBe('32x6')
    expect(names['encoder.model.encoder_linear_layer_output.weight']).toBe('16x32')
    expect(names['encoder.model.encoder_layer_norm_1.weight']).toBeUndefined()
    expect(names['head_net.model.value_linear_layer_2.weight']).toBe('8x24')
  })

  it('builds SimBa encoders', () => {
    const names = shapes(
      make({ obs_shape: 4, net_config: { simba: true, encoder_config: { hidden_size: 16, num_blocks: 1 } } }),
    )
    expect(Object.keys(names).filter((name) => name.startsWith('encoder.'))).toEqual([
      'encoder.model.encoder_linear_layer_input.weight',
      'encoder.model.encoder_linear_layer_input.bias',
      'encoder.model.encoder_residual_block_1.layer_norm.weight',
      'encoder.model.encoder_residual_block_1.layer_norm.bias',
      'encoder.model.encoder_residual_block_1.linear1.weight',
      'encoder.model.encoder_residual_block_1.linear1.bias',
      'encoder.model.encoder_residual_block_1.linear2.weight',
      'encoder.model.encoder_residual_block_1.linear2.bias',
      'encoder.model.encoder_layer_norm_output.weight',
      'encoder.model.encoder_layer_norm_output.bias',
      'encoder.model.encoder_linear_layer_output.weight',
      'encoder.model.encoder_linear_layer_output.bias',
    ])
    expect(names['encoder.model.encoder_residual_block_1.linear1.weight']).toBe('64x16')
  })

  it('builds image and record encoders', () => {
    const cnn = shapes(make({ obs_shape: [3, 8, 8] }))
    expect(cnn['encoder.model.encoder_conv_layer_2.weight']).toBe('32x32x3x3')
    expect(cnn['encoder.model.encoder_linear_output.weight']).toBe(`64x${32 * 4 * 4}`)
    const record = shapes(make({ obs_shape: { img: [3, 8, 8], v: 5, c: { one_hot: [3, 2] } } }))
    expect(record['encoder.feature_net.img.model.img_conv_layer_1.weight']).toBe('32x3x3x3')
    expect(record['encoder.final_dense.weight']).toBe(`64x${16 + 5 + 5}`)
    const config = { vector_space_mlp: true, latent_dim: 8, mlp_config: { hidden_size: [12] } }
    const mlp = shapes(
      make({ obs_shape: { a: 5, b: { c: 2, d: [3, 8, 8] } }, net_config: { encoder_config: { ...config } } }),
    )
    expect(mlp['encoder.feature_net.vector_mlp.model.vector_mlp_linear_layer_1.weight']).toBe('12x5')
    expect(mlp['encoder.feature_net.b.feature_net.d.model.d_conv_layer_1.weight']).toBe('16x3x3x3')
    expect(mlp['encoder.final_dense.weight']).toBe('64x16')
  })

  it.each([
    ['an unknown key', { encoder_config: { hidden_sizes: [8] } }, /hidden_size/],
    ['an encoder without sizes', { encoder_config: { layer_norm: true } }, /hidden_size/],
    ['an unknown activation', { head_config: { hidden_size: [8], activation: 'RELU' } }, /ReLU/],
    ['a latent size out of bounds', { latent_dim: 500 }, /max_latent_dim/],
    ['an LSTM', { recurrent: true }, /recurrent/],
  ])('refuses %s', (_name, net_config, message) => {
    expect(() => make({ obs_shape: 4, net_config })).toThrow(ConfigError)
    expect(() => make({ obs_shape: 4, net_config })).toThrow(message)
  })

  it('refuses images that are too small and lists of unequal length', () => {
    const config = (kernel_size: number[]) => ({
      encoder_config: { channel_size: [4, 4], kernel_size, stride_size: [1, 1] },
    })
    expect(() => make({ obs_shape: [1, 4, 4], net_config: config([3, 3]) })).toThrow(/too small/)
    expect(() => make({ obs_shape: [1, 8, 8], net_config: config([3]) })).toThrow(/one entry per convolution/)
  })
})

onBothRuntimes(() => {
  describe('agilerl_q', () => {
    it('brings images from their range to [0, 1]', async () => {
      const scaled = {
        ...image,
        dtype: 'float32',
        data: Float32Array.from(image.data, (v) => v / 255),
      } as const
      const signed = { ...scaled, data: scaled.data.map((v) => 2 * v - 1) }
      const out = async (cfg: Record<string, unknown>, obs: HostTree) =>
        (await run(forward(make({ obs_shape: [3, 8, 8], ...cfg })), { obs }))['logit']!.data
      const expected = await out({ normalize_images: false }, scaled)
      expect(maxDiff(await out({}, image), expected)).toBeLessThan(1e-5)
      expect(maxDiff(await out({ image_range: [-1, 1] }, signed), expected)).toBeLessThan(1e-5)
      expect(maxDiff(await out({ normalize_images: false }, image), expected)).toBeGreaterThan(1e-3)
    })

    it('passes an action mask on, beside one tensor and in a record', async () => {
      const mask = i32([1, 0, 1, 1], [2, 2])
      const one = await run(forward(make({ obs_shape: 5 })), {
        obs: { observation: vector, action_mask: mask },
      })
      expect([...one['action_mask']!.data]).toEqual([1, 0, 1, 1])
      const many = await run(forward(make({ obs_shape: { a: 5, b: { one_hot: 3 } } })), {
        obs: { a: vector, b: i32([0, 2]), action_mask: mask },
      })
      expect([...many['action_mask']!.data]).toEqual([1, 0, 1, 1])
    })

    it('changes its noise only when told to', async () => {
      const mlp = { hidden_size: [8], noisy: true }
      const model = make({ obs_shape: 5, net_config: { encoder_config: mlp, head_config: mlp } })
      const value = async () => (await run(forward(model), { obs: vector }))['logit']!.data
      const first = await value()
      expect(await value()).toEqual(first)
      model.eval()
      expect(await value()).not.toEqual(first)
    })
  })
})

const variants: [string, Record<string, unknown>, HostTree][] = [
  ['a vector', { obs_shape: 5 }, vector],
  ['a discrete observation', { obs_shape: { one_hot: 4 } }, i32([3, 1], [2, 1])],
  [
    'an image with batch norm',
    {
      obs_shape: [3, 8, 8],
      net_config: {
        encoder_config: { channel_size: [4], kernel_size: [3], stride_size: [2], layer_norm: true },
      },
    },
    image,
  ],
  ['SimBa', { obs_shape: 5, net_config: { simba: true, encoder_config: { hidden_size: 8 } } }, vector],
  [
    'a record with a vector MLP',
    {
      obs_shape: { v: 5, img: [3, 8, 8] },
      net_config: { encoder_config: { vector_space_mlp: true, mlp_config: { hidden_size: [8] } } },
    },
    { v: vector, img: image },
  ],
  ['a Tuple', { obs_shape: [[3, 8, 8], [5]] }, { 0: image, 1: vector }],
  ...['Softsign', 'Softmax', 'PReLU', 'GELU'].map(
    (activation): [string, Record<string, unknown>, HostTree] => [
      activation,
      { obs_shape: 5, net_config: { encoder_config: { hidden_size: [8], activation, new_gelu: true } } },
      vector,
    ],
  ),
]

describe('agilerl_q compiled and eager', () => {
  it.each(variants)('agree on outputs and gradients for %s', async (_name, cfg, obs) => {
    const results = []
    for (const runtime of ['eager', 'onnx'] as const) {
      const compute = await createCompute({ runtime })
      const model = make(cfg)
      const program = compute.program('update', (inputs: { obs: ModelInput }) => {
        let logit!: tf.Tensor
        const loss = backward(model.parameters(), () => {
          logit = model.forward(inputs.obs)['logit'] as tf.Tensor
          return tf.mean(tf.square(tf.sub(logit, tf.tensor1d([1, -2]))))
        })
        return { loss, logit }
      })
      const out = await program.run({ obs })
      expect(out.logit.shape).toEqual([2, 2])
      results.push({
        logit: out.logit.data,
        grads: model.parameters().map((p) => [p.name, p.grad.slice()] as const),
      })
      await compute.dispose()
    }
    const [eager, compiled] = results as [(typeof results)[0], (typeof results)[0]]
    expect(maxDiff(compiled.logit, eager.logit)).toBeLessThan(1e-5)
    for (const [i, [name, grad]] of compiled.grads.entries()) {
      const expected = eager.grads[i]![1]
      expect(maxDiff(grad, expected) / Math.max(1, ...expected.map(Math.abs)), name).toBeLessThan(2e-5)
    }
    const reached = eager.grads.filter(([, grad]) => grad.some((g) => g !== 0)).length
    expect(reached).toBeGreaterThan(eager.grads.length / 2)
  })
})
