import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { backward, Parameter, RandomStream } from '../../../ding/compute/index.js'
import { activate, BatchRenorm, type BatchRenormOptions } from '../../../ding/nn/index.js'
import { UsageError } from '../../../ding/utils/index.js'
import { f32, maxDiff, onBothRuntimes, run } from './run.js'

const ROWS = 6
const FEATURES = 3

/** A layer that is past its warm-up, with statistics far enough off that some corrections are at their bounds and some are not. */
function layerOf(options: BatchRenormOptions = {}): BatchRenorm {
  const layer = new BatchRenorm(FEATURES, { warmup_steps: -1, momentum: 0.1, ...options })
  const members = options.ensemble ?? 1
  const repeated = (values: readonly number[]) => Array.from({ length: members }, () => values).flat()
  layer.scale?.set(repeated([1.5, 0.5, -2]))
  layer.bias?.set(repeated([0.1, -0.2, 0.3]))
  layer.ra_mean.set(repeated([0.2, -1, 3]))
  layer.ra_var.set(repeated([1.4, 0.02, 30]))
  return layer
}

const inputs = (n = ROWS) => RandomStream.fromSeed(3).normal(n * FEATURES)
const upstream = (n = ROWS) => RandomStream.fromSeed(4).normal(n * FEATURES)

/** The layer as its definition reads, in double precision. r and d may be held at those of another input. */
function reference(
  x: ArrayLike<number>,
  layer: BatchRenorm,
  held: ArrayLike<number> = x,
  active = true,
): { y: number[]; mean: number[]; variance: number[] } {
  const column = (values: ArrayLike<number>, f: number) =>
    Array.from({ length: values.length / FEATURES }, (_, i) => values[i * FEATURES + f] as number)
  const moments = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1)
    return { mean, variance }
  }
  const y = new Array<number>(x.length)
  const found = { mean: [] as number[], variance: [] as number[] }
  for (let f = 0; f < FEATURES; f++) {
    const { mean, variance } = moments(column(x, f))
    const still = moments(column(held, f))
    const deviation = Math.sqrt((layer.ra_var.data[f] as number) + 1e-3)
    const clip = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)
    const r = active ? clip(Math.sqrt(still.variance + 1e-3) / deviation, 1 / 3, 3) : 1
    const d = active ? clip((still.mean - (layer.ra_mean.data[f] as number)) / deviation, -5, 5) : 0
    const m = mean - (d * Math.sqrt(variance)) / r
    const w = variance / r ** 2
    for (const [i, value] of column(x, f).entries()) {
      const unit = (value - m) / Math.sqrt(w + 1e-3)
      y[i * FEATURES + f] = (layer.scale?.data[f] ?? 1) * unit + (layer.bias?.data[f] ?? 0)
    }
    found.mean.push(mean)
    found.variance.push(variance)
  }
  return { y, ...found }
}

type X = { x: tf.Tensor }

onBothRuntimes(() => {
  describe('batch renormalisation', () => {
    it('corrects towards the running statistics, then moves these and counts', async () => {
      const layer = layerOf()
      const expected = reference(inputs(), layer)
      const before = [...layer.ra_var.data]
      const out = await run(({ x }: X) => [layer.forward(x)], { x: f32([...inputs()], [ROWS, FEATURES]) })
      expect(maxDiff(out[0]!.data, expected.y)).toBeLessThan(2e-6)
      const moved = (old: number, seen: number) => old + 0.1 * (seen - old)
      expect(
        maxDiff(
          layer.ra_var.data,
          before.map((old, f) => moved(old, expected.variance[f] as number)),
        ),
      ).toBeLessThan(2e-6)
      expect(layer.ra_mean.data[1]).toBeCloseTo(moved(-1, expected.mean[1] as number), 6)
      expect([...layer.steps.data]).toEqual([1])
    })

    it('normalises by the batch alone until more than warmup_steps passes were counted', async () => {
      const layer = layerOf({ warmup_steps: 1 })
      const x = f32([...inputs()], [ROWS, FEATURES])
      const outputs: number[] = []
      const expected: number[] = []
      for (let pass = 0; pass < 3; pass++) {
        const { y } = reference(inputs(), layer, inputs(), pass > 1)
        expected.push(...y)
        outputs.push(...(await run((tensors: X) => [layer.forward(tensors.x)], { x }))[0]!.data)
      }
      expect(maxDiff(outputs, expected)).toBeLessThan(3e-6)
      expect([...layer.steps.data]).toEqual([3])
    })

    it('goes by the running statistics in evaluation and leaves them alone', async () => {
      const layer = layerOf().eval()
      const out = await run(({ x }: X) => [layer.forward(x)], { x: f32([1, 2, 3], [1, 3]) })
      const expected = [0, 1, 2].map(
        (f) =>
          (layer.scale?.data[f] as number) *
            ((f + 1 - (layer.ra_mean.data[f] as number)) /
              Math.sqrt((layer.ra_var.data[f] as number) + 1e-3)) +
          (layer.bias?.data[f] as number),
      )
      expect(maxDiff(out[0]!.data, expected)).toBeLessThan(1e-5)
      expect([...layer.steps.data]).toEqual([0])
      expect(layer.ra_mean.data[0]).toBeCloseTo(0.2, 7)
    })

    it.each([{ warmup_steps: -1 }, { warmup_steps: 100 }])(
      'has the gradients of finite differences with r and d held, %o',
      async (options) => {
        const active = options.warmup_steps < 0
        const layer = layerOf(options)
        const weigh = upstream()
        const loss = (x: ArrayLike<number>) =>
          reference(x, layer, inputs(), active).y.reduce((sum, y, i) => sum + y * (weigh[i] as number), 0)
        const at = Float64Array.from(inputs())
        const numeric = Array.from(at, (value, i) => {
          const h = 1e-5
          const nudged = (by: number) => loss(at.map((v, j) => (j === i ? value + by : v)))
          return (nudged(h) - nudged(-h)) / (2 * h)
        })
        const byScale = [0, 1, 2].map((f) => {
          const y = reference(inputs(), layer, inputs(), active).y
          const terms = Array.from({ length: ROWS }, (_, i) => {
            const k = i * FEATURES + f
            return ((y[k] as number) - (layer.bias?.data[f] as number)) * (weigh[k] as number)
          })
          return terms.reduce((a, b) => a + b, 0) / (layer.scale?.data[f] as number)
        })
        const x = new Parameter([ROWS, FEATURES], true, inputs())
        await run(
          ({ w }: { w: tf.Tensor }) =>
            backward([x, ...layer.parameters()], () => tf.sum(tf.mul(layer.forward(x.value), w))),
          { w: f32([...weigh], [ROWS, FEATURES]) },
        )
        expect(maxDiff(x.grad, numeric)).toBeLessThan(2e-5)
        expect(maxDiff(layer.scale?.grad ?? [], byScale)).toBeLessThan(2e-5)
        const columnSum = (f: number) =>
          Array.from({ length: ROWS }, (_, i) => weigh[i * FEATURES + f] as number).reduce((a, b) => a + b, 0)
        expect(maxDiff(layer.bias?.grad ?? [], [0, 1, 2].map(columnSum))).toBeLessThan(1e-5)
      },
    )

    it('has the second derivatives of finite differences with r and d held', async () => {
      const layer = layerOf()
      const start = inputs()
      const x = new Parameter([ROWS, FEATURES], true, start.slice())
      const w = f32([...upstream()], [ROWS, FEATURES])
      const probe = f32([...RandomStream.fromSeed(5).normal(ROWS * FEATURES)], [ROWS, FEATURES])
      type Given = { w: tf.Tensor; probe: tf.Tensor }
      const slope = (at: tf.Tensor, { w }: Given) =>
        tf.grad((input) => tf.sum(tf.mul(layer.forward(input), w)))(at)
      await run((given: Given) => backward([x], () => tf.sum(tf.mul(slope(x.value, given), given.probe))), {
        w,
        probe,
      })
      const held = layerOf()
      const loss = (at: Float64Array) =>
        reference(at, held, start).y.reduce((sum, y, i) => sum + y * (w.data[i] as number), 0)
      const h = 1e-3
      const moved = (at: Float64Array, i: number, by: number) => at.map((v, j) => (j === i ? v + by : v))
      const directional = (at: Float64Array) => {
        const along = (by: number) => at.map((v, j) => v + by * (probe.data[j] as number))
        return (loss(along(h)) - loss(along(-h))) / (2 * h)
      }
      const at = Float64Array.from(start)
      const numeric = Array.from(
        at,
        (_, i) => (directional(moved(at, i, h)) - directional(moved(at, i, -h))) / (2 * h),
      )
      expect(maxDiff(x.grad, numeric)).toBeLessThan(1e-3)
      expect(Math.max(...x.grad.map(Math.abs))).toBeGreaterThan(0.1)
    })

    it('passes no gradient on from a feature whose scale has faded away, but one to that scale; others have theirs', async () => {
      const gradients = async (scale: number) => {
        const layer = layerOf()
        layer.scale?.set([1.5, scale, -2])
        const x = new Parameter([ROWS, FEATURES], true, inputs())
        await run(
          ({ w }: { w: tf.Tensor }) =>
            backward([x, ...layer.parameters()], () => tf.sum(tf.mul(layer.forward(x.value), w))),
          { w: f32([...upstream()], [ROWS, FEATURES]) },
        )
        return { x: [...x.grad], scale: [...(layer.scale?.grad ?? [])] }
      }
      const of = (feature: number, values: readonly number[]) =>
        values.filter((_, i) => i % FEATURES === feature)
      const [lit, small, faded] = [await gradients(0.5), await gradients(1e-14), await gradients(-1e-16)]
      expect(of(1, small.x).every((value) => value !== 0)).toBe(true)
      expect(of(1, faded.x).every((value) => value === 0)).toBe(true)
      for (const feature of [0, 2]) expect(of(feature, faded.x)).toEqual(of(feature, lit.x))
      expect(faded.scale).toEqual(lit.scale)
      expect(lit.scale[1]).not.toBe(0)
    })

    it('gives finite gradients where a feature is the same in all rows, behind a relu and before it', async () => {
      const layer = layerOf()
      const values = inputs()
      for (let i = 0; i < ROWS; i++) values[i * FEATURES] = -1
      const x = new Parameter([ROWS, FEATURES], true, values)
      await run(
        (_inputs: object) =>
          backward([x, ...layer.parameters()], () =>
            tf.add(
              tf.sum(tf.square(layer.forward(activate('relu', x.value)))),
              tf.sum(tf.square(layer.forward(x.value))),
            ),
          ),
        {},
      )
      expect(
        [...x.grad, ...(layer.scale?.grad ?? []), ...(layer.bias?.grad ?? [])].every(Number.isFinite),
      ).toBe(true)
    })

    it('as an ensemble is as many layers beside each other, counted once', async () => {
      const ensemble = layerOf({ ensemble: 2 })
      const single = [layerOf(), layerOf()]
      ensemble.scale?.data.set([4, 5, 6], 3)
      single[1]?.scale?.set([4, 5, 6])
      const both = Float32Array.of(...inputs(), ...upstream())
      const out = await run(
        ({ x }: X) => [
          ensemble.forward(x),
          ...tf.unstack(x).map((one, i) => (single[i] as BatchRenorm).forward(one)),
        ],
        { x: f32([...both], [2, ROWS, FEATURES]) },
      )
      expect(maxDiff(out[0]!.data, [...out[1]!.data, ...out[2]!.data])).toBeLessThan(1e-6)
      expect(
        maxDiff(ensemble.ra_var.data, [...single[0]!.ra_var.data, ...single[1]!.ra_var.data]),
      ).toBeLessThan(1e-6)
      expect([...ensemble.steps.data]).toEqual([1])
    })
  })
})

describe('a layer', () => {
  it('saves its statistics and its count with the weights', () => {
    const layer = layerOf()
    layer.steps.set([100_001])
    expect(Object.keys(layer.stateDict())).toEqual(['scale', 'bias', 'ra_mean', 'ra_var', 'steps'])
    expect(layer.parameters()).toHaveLength(2)
    const other = new BatchRenorm(FEATURES)
    other.loadStateDict(layer.stateDict())
    expect(other.steps.data[0]).toBe(100_001)
    expect(new BatchRenorm(2, { affine: false }).parameters()).toEqual([])
  })

  it('says what is wrong with its input', () => {
    const layer = layerOf()
    expect(() => layer.forward(tf.zeros([1, FEATURES]))).toThrow(/more than one row/)
    expect(() => layer.forward(tf.zeros([4, 2]))).toThrow(UsageError)
    expect(() => layerOf({ ensemble: 2 }).forward(tf.zeros([4, FEATURES]))).toThrow(
      /\[2, B, 3\], got \[4, 3\]/,
    )
  })
})
