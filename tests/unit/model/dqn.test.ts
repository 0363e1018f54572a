import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { type HostTree, RandomStream } from '../../../ding/compute/index.js'
import { createModel, type Model, type ModelInput } from '../../../ding/model/index.js'
import { Module, NoisyLinear } from '../../../ding/nn/index.js'
import { MODEL_REGISTRY } from '../../../ding/registry/index.js'
import { ConfigError, RegistryError } from '../../../ding/utils/index.js'
import { f32, i32, onBothRuntimes, run } from '../nn/run.js'

const make = (cfg: Record<string, unknown>, seed = 1): Model =>
  createModel({ type: 'dqn', ...cfg }, { random: RandomStream.fromSeed(seed) })

const forward = (model: Model) => (inputs: { obs: ModelInput }) =>
  model.forward(inputs.obs) as Record<string, tf.Tensor>

class Constant extends Module implements Model {
  constructor(readonly cfg: { value: number }) {
    super()
  }
  forward(inputs: ModelInput) {
    return { logit: inputs as tf.Tensor }
  }
}
MODEL_REGISTRY.register('test_constant', Constant as never)

onBothRuntimes(() => {
  describe('dqn model', () => {
    it("has DI-engine's parameters by default", () => {
      const model = make({ obs_shape: 4, action_shape: 2 })
      expect(model.namedParameters().map(([name, p]) => `${name} ${p.shape.join('x')}`)).toEqual([
        'encoder.init.weight 128x4',
        'encoder.init.bias 128',
        'encoder.main.0.weight 128x128',
        'encoder.main.0.bias 128',
        'encoder.main.2.weight 64x128',
        'encoder.main.2.bias 64',
        'head.A.0.0.weight 64x64',
        'head.A.0.0.bias 64',
        'head.A.1.0.weight 2x64',
        'head.A.1.0.bias 2',
        'head.V.0.0.weight 64x64',
        'head.V.0.0.bias 64',
        'head.V.1.0.weight 1x64',
        'head.V.1.0.bias 1',
      ])
      expect(model.parameters().map((p) => p.name)).toEqual(model.namedParameters().map(([name]) => name))
    })

    it('is one linear layer without encoder and hidden layers in the head, for vectors, one-hot entries and records', async () => {
      const linear = { encoder_hidden_size_list: [], head_layer_num: 0, dueling: false, action_shape: 2 }
      const inputs: [object, HostTree, number[]][] = [
        [{ obs_shape: 3 }, f32([1, 2, 3], [1, 3]), [1, 2, 3]],
        [{ obs_shape: { one_hot: 3 } }, i32([2], [1]), [0, 0, 1]],
        [{ obs_shape: { a: { one_hot: 2 }, b: 1 } }, { a: i32([1], [1]), b: f32([5], [1, 1]) }, [0, 1, 5]],
      ]
      for (const [shape, obs, features] of inputs) {
        const model = make({ ...shape, ...linear })
        const [weight, bias] = model.parameters()
        expect(model.namedParameters().map(([name, p]) => `${name} ${p.shape.join('x')}`)).toEqual([
          `head.Q.1.0.weight 2x${features.length}`,
          'head.Q.1.0.bias 2',
        ])
        const out = await run(forward(model), { obs })
        const expected = [0, 1].map(
          (action) =>
            features.reduce((sum, x, i) => sum + x * weight!.data[action * features.length + i]!, 0) +
            bias!.data[action]!,
        )
        for (const [i, value] of expected.entries()) expect(out['logit']?.data[i]).toBeCloseTo(value, 5)
      }
    })

    it('gives one logit an action, reproducibly from the seed', async () => {
      const [a, b, c] = [
        make({ obs_shape: 4, action_shape: 3 }),
        make({ obs_shape: 4, action_shape: 3 }),
        make({ obs_shape: 4, action_shape: 3 }, 2),
      ]
      const obs = { obs: f32([1, 2, 3, 4, -1, 0, 1, 0], [2, 4]) }
      const out = await run(forward(a), obs)
      expect(out['logit']?.shape).toEqual([2, 3])
      expect((await run(forward(b), obs))['logit']?.data).toEqual(out['logit']?.data)
      expect((await run(forward(c), obs))['logit']?.data).not.toEqual(out['logit']?.data)
    })

    it('takes images, records, one-hot and several discrete actions', async () => {
      const image = make({
        obs_shape: [1, 36, 36],
        action_shape: 2,
        dueling: false,
        encoder_hidden_size_list: [4, 4, 8],
      })
      const pixels = { dtype: 'uint8', shape: [1, 1, 36, 36], data: new Uint8Array(36 * 36).fill(9) } as const
      expect((await run(forward(image), { obs: pixels }))['logit']?.shape).toEqual([1, 2])
      const record = make({
        obs_shape: { a: 2, b: { one_hot: 4 } },
        action_shape: [3, 2],
        encoder_hidden_size_list: [8],
      })
      const out = await run(({ obs }: { obs: ModelInput }) => record.forward(obs) as { logit: tf.Tensor[] }, {
        obs: { a: f32([1, 2], [1, 2]), b: i32([3]) },
      })
      expect(out.logit.map((t) => t.shape)).toEqual([
        [1, 3],
        [1, 2],
      ])
    })

    it("builds the network of MinAtar's paper by kernel size, stride and output activation", async () => {
      const model = make({
        obs_shape: [4, 10, 10],
        action_shape: 6,
        encoder_hidden_size_list: [16, 128],
        encoder_kernel_size_list: [3],
        encoder_activate_output: true,
        head_layer_num: 0,
        dueling: false,
      })
      expect(model.namedParameters().map(([, p]) => p.shape.join('x'))).toEqual([
        '16x4x3x3',
        '16',
        '128x1024',
        '128',
        '6x128',
        '6',
      ])
      const planes = { dtype: 'uint8', shape: [2, 4, 10, 10], data: new Uint8Array(800).fill(1) } as const
      expect((await run(forward(model), { obs: planes }))['logit']?.shape).toEqual([2, 6])
      const strided = make({
        obs_shape: [4, 10, 10],
        action_shape: 6,
        encoder_hidden_size_list: [16, 16, 32],
        encoder_kernel_size_list: [3, 2],
        encoder_stride_list: [2, 1],
      })
      expect(strided.namedParameters().map(([, p]) => p.shape.join('x'))).toContain(`32x${16 * 3 * 3}`)
    })

    it('passes an action mask on', async () => {
      const model = make({ obs_shape: 2, action_shape: 2 })
      const out = await run(forward(model), {
        obs: { observation: f32([1, 2], [1, 2]), action_mask: f32([1, 0], [1, 2]) },
      })
      expect([...out['action_mask']!.data]).toEqual([1, 0])
    })

    it('honours init_bias, noise, norm_type, dropout and head_layer_num', () => {
      const names = (cfg: Record<string, unknown>) =>
        make({ obs_shape: 2, action_shape: 2, ...cfg }).namedParameters()
      const bias = names({ init_bias: 3 }).find(([name]) => name === 'head.A.1.0.bias')
      expect([...bias![1].data]).toEqual([3, 3])
      const noisy = make({ obs_shape: 2, action_shape: 2, noise: true })
      expect([...noisy.modules()].filter((m) => m instanceof NoisyLinear)).toHaveLength(4)
      expect(names({ norm_type: 'LN' }).map(([n]) => n)).toContain('encoder.norm.weight')
      expect(names({ head_layer_num: 2 }).map(([n]) => n)).toContain('head.V.0.2.weight')
      expect(names({ dropout: 0.5 })).toHaveLength(14)
    })

    it.each([
      [{ action_shape: 2 }, /policy\.model has a problem:\s+obs_shape: has no value/],
      [{ obs_shape: 4, action_shape: 2, duelling: true }, /duelling.*Did you mean "dueling"/],
      [{ obs_shape: 4, action_shape: 0 }, /action_shape/],
      [{ obs_shape: 'four', action_shape: 2 }, /obs_shape: is the string "four".*Give the size/],
      [{ obs_shape: 4, action_shape: 2, activation: 'rellu' }, /activation/],
      [{ obs_shape: 4, action_shape: 2, dropout: 1.5 }, /dropout/],
    ])('refuses %j by the path of the key', (cfg, message) => {
      expect(() => make(cfg)).toThrow(ConfigError)
      expect(() => make(cfg)).toThrow(message)
    })

    it.each([
      [{ head_hidden_size: 32 }, /encoder gives 64/],
      [{ dropout: 1 }, /below 1/],
      [{ encoder_stride_list: [1] }, /has 1 entries, but there are 3 convolutions/],
      [{ action_shape: [] }, /action_shape is an empty list/],
      [{ obs_shape: [3, 8, 8] }, /too small/],
      [{ obs_shape: [3, 84, 84], encoder_hidden_size_list: [8] }, /at least 3 hidden sizes/],
      [{ encoder_hidden_size_list: [2 ** 40, 2 ** 40] }, /cannot be built/],
    ])('names policy.model when sizes do not fit: %j', (cfg, message) => {
      const build = () => make({ obs_shape: 4, action_shape: 2, ...cfg })
      expect(build).toThrow(ConfigError)
      expect(build).toThrow(/policy\.model/)
      expect(build).toThrow(message)
    })

    it('says that obs_shape does not match what the environment gives', async () => {
      const vector = make({ obs_shape: 4, action_shape: 2 })
      await expect(run(forward(vector), { obs: f32([1, 2, 3], [1, 3]) })).rejects.toThrow(
        /takes 4 features.*\[1,3\].*obs_shape/,
      )
      const image = make({ obs_shape: [1, 36, 36], action_shape: 2 })
      await expect(
        run(forward(image), { obs: { ...f32([]), shape: [1, 36, 36, 1], data: new Float32Array(1296) } }),
      ).rejects.toThrow(/\[1,36,36\].*\[36,36,1\]/)
      const record = make({ obs_shape: { a: 2 }, action_shape: 2 })
      await expect(run(forward(record), { obs: f32([1, 2], [1, 2]) })).rejects.toThrow(
        /record with the keys a/,
      )
    })
  })

  describe('createModel', () => {
    it('names the known models for an unknown or missing type', () => {
      const random = RandomStream.fromSeed(1)
      expect(() => createModel({ type: 'dqm' }, { random })).toThrow(RegistryError)
      expect(() => createModel({ type: 'dqm' }, { random })).toThrow(/Did you mean "dqn"/)
      expect(() => createModel({}, { random })).toThrow(/policy\.model\.type is undefined/)
    })

    it("builds a user's model without a schema", async () => {
      const model = createModel(
        { type: 'test_constant', value: 3 },
        { random: RandomStream.fromSeed(1) },
      ) as Constant
      expect(model.cfg).toEqual({ value: 3 })
    })
  })
})
