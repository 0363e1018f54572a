import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import type { HostTree } from '../../../ding/compute/index.js'
import { backward, createCompute, RandomStream } from '../../../ding/compute/index.js'
import { createModel, type ModelInput } from '../../../ding/model/index.js'
import { f32, i32, maxDiff } from '../nn/run.js'

const noise = RandomStream.fromSeed(2)
const image = {
  dtype: 'uint8',
  shape: [3, 2, 36, 36],
  data: Uint8Array.from(noise.integers(3 * 2 * 36 * 36, 0, 256)),
} as const
const vector = f32([...noise.normal(15)], [3, 5])

const variants: [string, Record<string, unknown>, HostTree][] = [
  ['a vector, dueling', { obs_shape: 5 }, vector],
  [
    'layer norm and gelu, plain head',
    { obs_shape: 5, dueling: false, norm_type: 'LN', activation: 'gelu' },
    vector,
  ],
  ['batch norm and mish', { obs_shape: 5, norm_type: 'BN', activation: 'mish' }, vector],
  ['noisy layers and elu', { obs_shape: 5, noise: true, activation: 'elu' }, vector],
  [
    'an image',
    { obs_shape: [2, 36, 36], encoder_hidden_size_list: [4, 6, 8, 16], normalize_images: true },
    image,
  ],
  [
    'an image and residual blocks',
    { obs_shape: [2, 36, 36], encoder_hidden_size_list: [4, 4, 4, 4, 8], normalize_images: true },
    image,
  ],
  [
    'a record',
    { obs_shape: { v: 5, c: { one_hot: [3, 2] }, img: [2, 36, 36] } },
    { v: vector, c: i32([0, 1, 2, 0, 1, 1], [3, 2]), img: image },
  ],
]

describe('dqn compiled and eager', () => {
  it.each(variants)('agree on outputs, gradients and statistics for %s', async (_name, cfg, obs) => {
    const results = []
    for (const runtime of ['eager', 'onnx'] as const) {
      const compute = await createCompute({ runtime })
      const model = createModel(
        { type: 'dqn', action_shape: 3, encoder_hidden_size_list: [8, 6], ...cfg },
        { random: RandomStream.fromSeed(4) },
      )
      const program = compute.program('update', (inputs: { obs: ModelInput }) => {
        let logit!: tf.Tensor
        const loss = backward(model.parameters(), () => {
          logit = model.forward(inputs.obs)['logit'] as tf.Tensor
          return tf.mean(tf.square(tf.sub(logit, tf.tensor1d([1, -2, 0.5]))))
        })
        return { loss, logit }
      })
      const out = await program.run({ obs })
      results.push({
        logit: out.logit.data,
        loss: out.loss.data,
        grads: model.parameters().map((p) => [p.name, p.grad.slice()] as const),
        buffers: model.buffers().map((p) => p.data.slice()),
      })
      await compute.dispose()
    }
    const [eager, compiled] = results as [(typeof results)[0], (typeof results)[0]]
    expect(maxDiff(compiled.logit, eager.logit)).toBeLessThan(1e-5)
    expect(maxDiff(compiled.loss, eager.loss)).toBeLessThan(1e-5)
    for (const [i, [name, grad]] of compiled.grads.entries()) {
      const expected = eager.grads[i]![1]
      const scale = Math.max(1, ...expected.map(Math.abs))
      expect(maxDiff(grad, expected) / scale, name).toBeLessThan(1e-5)
    }
    expect(eager.grads.filter(([, grad]) => grad.some((g) => g !== 0)).length).toBeGreaterThan(
      eager.grads.length / 2,
    )
    for (const [i, buffer] of compiled.buffers.entries())
      expect(maxDiff(buffer, eager.buffers[i]!)).toBeLessThan(1e-5)
  })
})
