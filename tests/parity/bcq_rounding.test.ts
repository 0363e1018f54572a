import { expect, test } from 'vitest'
import { movedBy, roundingOf, type Trace } from './adam_rounding.js'

// What rounding may do is measured: a gradient within the noise frees its entry, no other one.

const WIDTH = 40
const LR = 1e-3
const adam = { betas: [0.9, 0.999], eps: 1e-8, theta: 0.5 }

/** A gradient of `value`, but 0 for entry 1, and as small as the noise for entry 2. */
function gradient(noise: number): Float32Array {
  return Float32Array.from({ length: WIDTH }, (_, i) => (i === 1 ? 0 : (i === 2 ? 0 : 0.1 + i / 10) + noise))
}

function traceOf(grad: Float32Array): Trace {
  const tensor = (of: (g: number) => number) => ({
    dtype: 'float32' as const,
    shape: [WIDTH],
    data: grad.map(of),
  })
  const state = { 'layer.bias': { exp_avg: tensor((g) => g / 10), exp_avg_sq: tensor((g) => g ** 2 / 1000) } }
  return [new Map(movedBy({ lr: LR, state }, [['layer.bias', { grad, shape: [WIDTH] }]]))]
}

test('entries move freely where the gradient is within the noise, and nowhere else', async () => {
  let run = 0
  const rounding = await roundingOf(async (nudge) => {
    const start = nudge({ w: { shape: [1], dtype: 'float32', data: [1] } })['w']
    expect(Math.abs((start?.data[0] as number) - 1)).toBeLessThan(2 ** -22)
    return traceOf(gradient(run++ * 1e-8))
  }, adam)
  const allowed = rounding.params[0]?.get('layer.bias') as Float64Array
  expect(allowed[1]).toBe(0)
  expect(allowed[2]).toBeGreaterThan(LR / 2)
  expect(allowed[2]).toBeLessThanOrEqual(2 * LR)
  for (const [i, most] of allowed.entries()) if (i !== 1 && i !== 2) expect(most, `${i}`).toBeLessThan(1e-13)
  expect(rounding.targets[0]?.get('layer.bias')?.[2]).toBeCloseTo((allowed[2] as number) / 2, 12)
})
