import * as tf from '@tensorflow/tfjs-core'
import { expect, it } from 'vitest'
import { ACTIVATION_NAMES, activate } from '../../../ding/nn/index.js'
import { f32, maxDiff, onBothRuntimes, run } from './run.js'

type X = { x: tf.Tensor }

onBothRuntimes(() => {
  const reference: Record<string, (x: number) => number> = {
    identity: (x) => x,
    relu: (x) => Math.max(x, 0),
    relu6: (x) => Math.min(Math.max(x, 0), 6),
    tanh: Math.tanh,
    // Values of x Phi(x) at -1.5 and 0.75, from tables of the normal distribution function.
    gelu: (x) => (x === -1.5 ? -1.5 * 0.0668072 : 0.75 * 0.7733726),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    selu: (x) => 1.05070098 * (x > 0 ? x : 1.67326324 * Math.expm1(x)),
    leaky_relu: (x) => (x > 0 ? x : 0.01 * x),
    silu: (x) => x / (1 + Math.exp(-x)),
    swish: (x) => x / (1 + Math.exp(-x)),
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    softplus: (x) => Math.log1p(Math.exp(x)),
    softsign: (x) => x / (1 + Math.abs(x)),
    hardtanh: (x) => Math.min(Math.max(x, -1), 1),
    hardsigmoid: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
    hardswish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    logsigmoid: (x) => -Math.log1p(Math.exp(-x)),
    tanhshrink: (x) => x - Math.tanh(x),
    mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  }

  it.each(ACTIVATION_NAMES)("%s has torch's values", async (name) => {
    const out = await run(({ x }: X) => activate(name, x), { x: f32([-1.5, 0.75]) })
    expect(maxDiff(out.data, [-1.5, 0.75].map(reference[name]!))).toBeLessThan(1e-5)
  })

  it.each(ACTIVATION_NAMES.filter((name) => name !== 'gelu'))(
    '%s has the slope of its values',
    async (name) => {
      const at = [-1.5, 0.75]
      const slopes = await run(({ x }: X) => tf.grad((v) => tf.sum(activate(name, v)))(x), { x: f32(at) })
      const f = reference[name]!
      const expected = at.map((x) => (f(x + 1e-6) - f(x - 1e-6)) / 2e-6)
      expect(maxDiff(slopes.data, expected)).toBeLessThan(1e-5)
    },
  )

  it.each([
    ['relu6', [0, 5.5, 6, 7], [0, 5.5, 6, 6], [0, 1, 0, 0]],
    ['hardtanh', [-1, 1, -2, 2], [-1, 1, -1, 1], [0, 0, 0, 0]],
    ['hardsigmoid', [-3, -4, 3, 5], [0, 0, 1, 1], [0, 0, 0, 0]],
  ] as const)('%s has bounds, and there no slope', async (name, at, values, slopes) => {
    const x = f32([...at, Number.NaN])
    const out = await run(({ x }: X) => activate(name, x), { x })
    expect([...out.data]).toEqual([...values, Number.NaN])
    const grads = await run(({ x }: X) => tf.grad((v) => tf.sum(activate(name, v)))(x), { x })
    expect([...grads.data]).toEqual([...slopes, 0])
  })

  it.each([
    ['relu', [0], [0]],
    ['leaky_relu', [0], [0.01]],
    ['elu', [0], [1]],
    ['selu', [0], [1.0507009873554805 * 1.6732632423543772]],
    ['softsign', [0], [1]],
    ['hardswish', [-3, 3], [0, 1]],
  ] as const)('%s has torch`s slope at its kinks', async (name, at, slopes) => {
    const grads = await run(({ x }: X) => tf.grad((v) => tf.sum(activate(name, v)))(x), { x: f32([...at]) })
    expect(maxDiff(grads.data, [...slopes])).toBeLessThan(1e-6)
  })

  it('logsigmoid is finite where the sigmoid is 0', async () => {
    const out = await run(({ x }: X) => activate('logsigmoid', x), { x: f32([-200, 200]) })
    expect(out.data[0]).toBe(-200)
    expect(out.data[1]).toBeCloseTo(0)
  })

  it('relu selects its gradient, so that NaN from above does not pass where it is off', async () => {
    const grads = await run(
      ({ x }: X) => tf.grad((v) => tf.sum(tf.div(activate('relu', v), activate('relu', v))))(x),
      { x: f32([-1, 2]) },
    )
    expect(grads.data[0]).toBe(0)
  })

  it('suggests a close name for an unknown one', () => {
    expect(() => activate('rel', tf.scalar(1))).toThrow(/Did you mean "relu"/)
  })
})
