import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { Conv2d, initWeight, Linear, NoisyLinear, orthogonal } from '../../../ding/nn/index.js'

function moments(data: Float32Array) {
  let [sum, squares, most] = [0, 0, 0]
  for (const x of data) {
    sum += x
    squares += x * x
    most = Math.max(most, Math.abs(x))
  }
  const mean = sum / data.length
  return { mean, std: Math.sqrt(squares / data.length - mean * mean), most }
}

const stream = () => RandomStream.fromSeed(11)

describe('initialisation', () => {
  it("starts Linear and Conv2d at torch's U(-1/sqrt(fan_in), 1/sqrt(fan_in)), weight and bias", () => {
    const layer = new Linear(100, 400, stream())
    for (const data of [layer.weight.data, layer.bias!.data]) {
      const { mean, std, most } = moments(data)
      expect(most).toBeLessThanOrEqual(0.1)
      expect(most).toBeGreaterThan(0.098)
      expect(Math.abs(mean)).toBeLessThan(0.01)
      expect(std).toBeCloseTo(0.1 / Math.sqrt(3), 2)
    }
    const conv = new Conv2d(4, 64, 5, stream())
    expect(conv.weight.shape).toEqual([64, 4, 5, 5])
    expect(moments(conv.weight.data).most).toBeLessThanOrEqual(0.1)
    expect(moments(conv.weight.data).std).toBeCloseTo(0.1 / Math.sqrt(3), 2)
    expect(moments(conv.bias.data).most).toBeLessThanOrEqual(0.1)
  })

  it('a layer without inputs starts at 0, as torch`s', () => {
    const layer = new Linear(0, 3, stream())
    expect(layer.weight.data).toHaveLength(0)
    expect(Array.from(layer.bias?.data ?? [], Math.abs)).toEqual([0, 0, 0])
  })

  it('is reproducible from the stream and differs between layers', () => {
    const random = stream()
    const [a, b] = [new Linear(5, 5, random), new Linear(5, 5, random)]
    expect(a.weight.data).toEqual(new Linear(5, 5, stream()).weight.data)
    expect(a.weight.data).not.toEqual(b.weight.data)
  })

  it.each([
    [{ type: 'xavier_uniform', gain: 2 } as const, 2 * Math.sqrt(2 / 500)],
    [{ type: 'xavier_normal' } as const, Math.sqrt(2 / 500)],
    [{ type: 'kaiming_uniform' } as const, Math.sqrt(2 / 100)],
    [{ type: 'kaiming_normal', gain: 1 } as const, Math.sqrt(1 / 100)],
    [{ type: 'normal', std: 0.3 } as const, 0.3],
  ])('draws %j with the right spread', (init, std) => {
    const found = moments(initWeight([400, 100], stream(), init))
    expect(Math.abs(found.std / std - 1)).toBeLessThan(0.02)
    expect(Math.abs(found.mean)).toBeLessThan(std / 20)
  })

  it('fills with constants and within bounds', () => {
    expect(initWeight([2, 2], stream(), { type: 'constant', value: 3 })).toEqual(new Float32Array(4).fill(3))
    expect(initWeight([2, 2], stream(), { type: 'zeros' })).toEqual(new Float32Array(4))
    expect(
      moments(initWeight([30, 30], stream(), { type: 'uniform', bound: 0.003 })).most,
    ).toBeLessThanOrEqual(0.003)
    const layer = new Linear(3, 2, stream(), {
      weightInit: { type: 'zeros' },
      biasInit: { type: 'constant', value: 1 },
    })
    expect([...layer.bias!.data]).toEqual([1, 1])
  })

  it.each([
    [6, 4],
    [4, 6],
    [5, 5],
  ])('makes a %i x %i matrix orthogonal', (rows, cols) => {
    const q = initWeight([rows, cols], stream(), { type: 'orthogonal', gain: 2 })
    const wide = rows < cols
    const n = Math.min(rows, cols)
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        let dot = 0
        for (let i = 0; i < Math.max(rows, cols); i++) {
          dot += (wide ? q[a * cols + i]! : q[i * cols + a]!) * (wide ? q[b * cols + i]! : q[i * cols + b]!)
        }
        expect(dot).toBeCloseTo(a === b ? 4 : 0, 5)
      }
    }
  })

  it('takes the Q of a QR decomposition with a positive diagonal of R', () => {
    // [[3, 1], [4, 2]]: first column / 5; the second is what is left of it, turned so that R's corner is positive.
    const q = orthogonal(Float32Array.of(3, 1, 4, 2), 2)
    expect([...q].map((x) => Number(x.toFixed(5)))).toEqual([0.6, -0.8, 0.8, 0.6])
  })

  it('divides by the length of a row as Math.hypot has it, to the last bit, however long the row is', () => {
    const random = stream()
    for (const size of [1, 2, 3, 17, 256, 4000]) {
      const row = random.normal(size)
      const length = Math.hypot(...row)
      expect(orthogonal(row, 1)).toEqual(row.map((x) => x / length))
    }
    const long = new Float32Array(250_000).fill(2)
    expect(orthogonal(long, 1)[0]).toBeCloseTo(1 / 500, 8)
  })

  it("starts NoisyLinear at DI-engine's values", () => {
    const layer = new NoisyLinear(16, 25, stream(), 0.4)
    expect(moments(layer.weight_mu.data).most).toBeLessThanOrEqual(0.25)
    expect(layer.weight_sigma.data[0]).toBeCloseTo(0.1, 6)
    expect(layer.bias_sigma.data[0]).toBeCloseTo(0.08, 6)
    expect(moments(layer.noise_in.data).std).toBeGreaterThan(0)
  })
})
