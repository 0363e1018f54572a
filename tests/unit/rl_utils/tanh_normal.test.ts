import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { backward, createCompute, Parameter, RandomStream } from '../../../ding/compute/index.js'
import {
  log_tanh_derivative,
  tanh_normal_log_prob,
  tanh_normal_sample,
} from '../../../ding/rl_utils/index.js'

const f32 = (values: number[], shape: number[]) => ({
  dtype: 'float32' as const,
  shape,
  data: Float32Array.from(values),
})

describe.each(['eager', 'onnx'] as const)('squashed normal (%s)', (runtime) => {
  test('the log-density of a sample is that of its action', async () => {
    const compute = await createCompute({ runtime })
    const mu = f32([0.3, -0.5, 1, 0], [2, 2])
    const log_sigma = f32([-1, 0, 0.2, -0.4], [2, 2])
    const program = compute.program(
      'sample',
      (inputs: { mu: tf.Tensor; log_sigma: tf.Tensor }) => {
        const sigma = tf.exp(inputs.log_sigma)
        const { action, log_prob } = tanh_normal_sample({ ...inputs, sigma })
        return { action, log_prob, again: tanh_normal_log_prob(inputs.mu, sigma, action) }
      },
      { random: RandomStream.fromSeed(1) },
    )
    const out = await program.run({ mu, log_sigma })
    out.log_prob.data.forEach((value, i) => {
      expect(value).toBeCloseTo(out.again.data[i] as number, 4)
    })
    await compute.dispose()
  })

  test('the correction is exact in the tails, or has its eps', async () => {
    const compute = await createCompute({ runtime })
    const u = f32([0, 1, -8, 20], [4])
    const program = compute.program('correction', (inputs: { u: tf.Tensor }) => ({
      exact: log_tanh_derivative(inputs.u),
      eps: log_tanh_derivative(inputs.u, 1e-6),
    }))
    const out = await program.run({ u })
    const truth = (x: number) => -2 * Math.log(Math.cosh(x))
    u.data.forEach((x, i) => {
      expect(out.exact.data[i]).toBeCloseTo(truth(x), 4)
      expect(out.eps.data[i]).toBeCloseTo(Math.log(Math.exp(truth(x)) + 1e-6), 4)
    })
    await compute.dispose()
  })

  test('given noise beyond what an action can tell counts, with eps, as if it lay at the clip of SB3', async () => {
    const compute = await createCompute({ runtime })
    const [mu, log_sigma] = [0.5, 0.7]
    const noise = f32([1, 7, 12, -30], [4, 1])
    const program = compute.program('far', (inputs: { noise: tf.Tensor }) => {
      const normal = {
        mu: tf.fill([4, 1], mu),
        sigma: tf.fill([4, 1], Math.exp(log_sigma)),
        log_sigma: tf.fill([4, 1], log_sigma),
        noise: inputs.noise,
      }
      return { clipped: tanh_normal_sample(normal, 1e-6), exact: tanh_normal_sample(normal) }
    })
    const out = await program.run({ noise })
    const farthest = Math.atanh(1 - 2 ** -23)
    const density = (u: number, correction: number) =>
      -0.5 * ((u - mu) / Math.exp(log_sigma)) ** 2 - log_sigma - 0.5 * Math.log(2 * Math.PI) - correction
    for (const [i, far] of noise.data.entries()) {
      const u = mu + far
      const at = Math.min(Math.max(u, -farthest), farthest)
      const derivative = (x: number) => 1 / Math.cosh(x) ** 2
      expect(out.clipped.action.data[i]).toBeCloseTo(Math.tanh(u), 6)
      expect(out.clipped.log_prob.data[i]).toBeCloseTo(density(at, Math.log(derivative(at) + 1e-6)), 3)
      expect(out.exact.log_prob.data[i]).toBeCloseTo(density(u, -2 * Math.log(Math.cosh(u))), 3)
    }
    await compute.dispose()
  })

  test('gradients reach noise and mean by separate ways', async () => {
    const compute = await createCompute({ runtime })
    const mu = new Parameter([1, 1], true, Float32Array.of(0.2))
    const scale = new Parameter([1, 1], true, Float32Array.of(0.5))
    const z = 1.5
    const program = compute.program('gradient', () =>
      backward([mu, scale], () => {
        // The noise stands in the action and, over sigma, in the density; both gradients come together.
        const noise = tf.mul(scale.value, z)
        const sigma = tf.sqrt(tf.add(tf.square(scale.value), 1e-6))
        const { log_prob } = tanh_normal_sample({ mu: mu.value, sigma, log_sigma: tf.log(sigma), noise })
        return tf.sum(log_prob)
      }),
    )
    await program.run({})
    const value = (m: number, s: number) => {
      const u = m + s * z
      return -0.5 * z * z - Math.log(s) - 0.5 * Math.log(2 * Math.PI) + 2 * Math.log(Math.cosh(u))
    }
    const slope = (f: (x: number) => number, x: number) => (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    expect(mu.grad[0]).toBeCloseTo(
      slope((m) => value(m, 0.5), 0.2),
      3,
    )
    expect(scale.grad[0]).toBeCloseTo(
      slope((s) => value(0.2, s), 0.5),
      3,
    )
    await compute.dispose()
  })
})
