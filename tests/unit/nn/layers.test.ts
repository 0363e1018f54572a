import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { backward, Parameter, RandomStream } from '../../../ding/compute/index.js'
import { obs_shape } from '../../../ding/model/index.js'
import {
  BatchNorm1d,
  buildEncoder,
  buildFeatures,
  type Conv2d,
  ConvEncoder,
  Dropout,
  EnsembleLinear,
  FCEncoder,
  LayerNorm,
  Linear,
  NoisyLinear,
  type ObsShape,
  OneHotEncoder,
  resetNoise,
} from '../../../ding/nn/index.js'
import { layerNorm } from '../../../ding/nn/norm.js'
import { UsageError } from '../../../ding/utils/index.js'
import { f32, i32, maxDiff, onBothRuntimes, run } from './run.js'

const stream = () => RandomStream.fromSeed(5)
const numbers = (n: number) => Array.from({ length: n }, (_, i) => Math.sin(1 + 2.3 * i))

type X = { x: tf.Tensor }

onBothRuntimes(() => {
  describe('linear layers', () => {
    it('computes x W^T + b for any number of leading axes', async () => {
      const layer = new Linear(2, 3, stream())
      layer.weight.set([1, 2, 3, 4, 5, 6])
      layer.bias?.set([0.5, 0, -1])
      const out = await run(({ x }: X) => [layer.forward(x), layer.forward(tf.reshape(x, [2, 1, 2]))], {
        x: f32([1, -1, 2, 0.5], [2, 2]),
      })
      expect([...out[0]!.data]).toEqual([-0.5, -1, -2, 3.5, 8, 12])
      expect(out[0]!.shape).toEqual([2, 3])
      expect([...out[1]!.data]).toEqual([...out[0]!.data])
      expect(out[1]!.shape).toEqual([2, 1, 3])
    })

    it('has the gradients of a linear layer', async () => {
      const layer = new Linear(2, 2, stream())
      await run(
        ({ x }: X) =>
          backward(layer.parameters(), () =>
            tf.sum(
              tf.mul(
                layer.forward(x),
                tf.tensor2d([
                  [1, 2],
                  [3, 4],
                ]),
              ),
            ),
          ),
        {
          x: f32([1, -1, 2, 0.5], [2, 2]),
        },
      )
      expect([...layer.weight.grad]).toEqual([1 + 6, -1 + 1.5, 2 + 8, -2 + 2])
      expect([...layer.bias!.grad]).toEqual([4, 6])
    })

    it('runs an ensemble as its members one by one', async () => {
      const ensemble = new EnsembleLinear(3, 2, 4, stream())
      const x = numbers(10)
      const out = await run(({ x }: X) => [ensemble.forward(x), ensemble.forward(tf.stack([x, x, x]))], {
        x: f32(x, [5, 2]),
      })
      expect(out[0]!.shape).toEqual([3, 5, 4])
      expect(maxDiff(out[0]!.data, out[1]!.data)).toBe(0)
      const { weight, bias } = ensemble
      for (let e = 0; e < 3; e++) {
        for (let o = 0; o < 4; o++) {
          const w = (i: number) => weight.data[e * 8 + i * 4 + o]!
          const expected = x[6]! * w(0) + x[7]! * w(1) + bias!.data[e * 4 + o]!
          expect(out[0]!.data[e * 20 + 3 * 4 + o]).toBeCloseTo(expected, 5)
        }
      }
      await run(({ x }: X) => backward(ensemble.parameters(), () => tf.sum(ensemble.forward(x))), {
        x: f32(x, [5, 2]),
      })
      expect(bias!.grad).toEqual(new Float32Array(12).fill(5))
    })

    it('keeps its noise until it is reset, and has none in evaluation', async () => {
      const layer = new NoisyLinear(3, 2, stream())
      const input = { x: f32(numbers(6), [2, 3]) }
      const [first, second] = [
        await run(({ x }: X) => layer.forward(x), input),
        await run(({ x }: X) => layer.forward(x), input),
      ]
      expect(second.data).toEqual(first.data)
      const third = await run(({ x }: X) => {
        expect(resetNoise(layer)).toBe(1)
        return layer.forward(x)
      }, input)
      expect(third.data).not.toEqual(first.data)
      expect((await run(({ x }: X) => layer.forward(x), input)).data).toEqual(third.data)
      layer.eval()
      const mean = await run(({ x }: X) => layer.forward(x), input)
      const plain = new Linear(3, 2, stream())
      plain.weight.set(layer.weight_mu.data)
      plain.bias?.set(layer.bias_mu.data)
      expect(maxDiff(mean.data, (await run(({ x }: X) => plain.forward(x), input)).data)).toBe(0)
      const draws = [f32([4, -9, 0]), f32([1, -0.25])]
      await run(() => ({ n: resetNoise(layer), x: tf.zeros([1]) }).x, {}, { draws })
      expect([...layer.noise_in.data]).toEqual([2, -3, 0])
      expect([...layer.noise_out.data]).toEqual([1, -0.5])
    })
  })

  describe('normalisation and dropout', () => {
    it('LayerNorm gives mean 0 and variance 1 over the last axis, then scales and shifts', async () => {
      const norm = new LayerNorm(4)
      norm.weight.data.fill(2)
      norm.bias.data.fill(1)
      const out = await run(({ x }: X) => norm.forward(x), { x: f32([1, 2, 3, 4, 10, 10, 10, 14], [2, 4]) })
      const s = 2 / Math.sqrt(1.25 + 1e-5)
      expect(
        maxDiff(out.data.slice(0, 4), [1 - 1.5 * s, 1 - 0.5 * s, 1 + 0.5 * s, 1 + 1.5 * s]),
      ).toBeLessThan(1e-5)
    })

    it('layerNorm has a second derivative', async () => {
      const x = new Parameter([2, 4], true, Float32Array.of(1, -2, 3, 5, 0.5, 2, -1, 4))
      const weights = f32([1, -2, 0.5, 3, 2, 1, -1, -3], [2, 4])
      const penalty = ({ w }: { w: tf.Tensor }) =>
        backward([x], () => {
          const slope = tf.grad((input) => tf.sum(tf.mul(layerNorm(input, 1e-12), w)))(x.value)
          return tf.sum(tf.square(slope))
        })
      const loss = (await run(penalty, { w: weights })).data[0]!
      // The slope falls with 1 / x where x is scaled up, hence its square with 1 / x^2; adding to x changes nothing.
      const along = x.grad.reduce((sum, g, i) => sum + g * x.data[i]!, 0)
      expect(along / (-2 * loss)).toBeCloseTo(1, 4)
      expect(Math.abs(x.grad.slice(0, 4).reduce((a, b) => a + b))).toBeLessThan(1e-4)
    })

    it('normalisation layers refuse what is not of their size, in evaluation too', async () => {
      const { norm, train, batch } = {
        norm: new LayerNorm(4),
        train: new BatchNorm1d(2),
        batch: new BatchNorm1d(2).eval(),
      }
      const of = (layer: { forward(x: tf.Tensor): tf.Tensor }, shape: number[]) =>
        run(({ x }: X) => layer.forward(x), { x: f32(numbers(shape.reduce((a, b) => a * b, 1)), shape) })
      await expect(of(norm, [2, 1])).rejects.toThrow('LayerNorm takes 4 features but its input is [2,1]')
      for (const layer of [train, batch]) {
        for (const shape of [[3, 5, 2], [3, 1], [2]])
          await expect(of(layer, shape)).rejects.toThrow(
            `BatchNorm1d takes [B, 2] but its input is [${shape}]`,
          )
      }
    })

    it('BatchNorm1d moves its statistics in training and uses them in evaluation', async () => {
      const norm = new BatchNorm1d(1)
      const x = { x: f32([1, 3, 5, 7], [4, 1]) }
      const out = await run(({ x }: X) => norm.forward(x), x)
      expect(out.data[0]).toBeCloseTo(-3 / Math.sqrt(5), 4)
      expect(norm.running_mean.data[0]).toBeCloseTo(0.4, 6)
      expect(norm.running_var.data[0]).toBeCloseTo(0.9 + 0.1 * (20 / 3), 5)
      norm.eval()
      norm.running_mean.set([1])
      norm.running_var.set([4])
      const still = await run(({ x }: X) => norm.forward(x), x)
      expect(maxDiff(still.data, [0, 1, 2, 3])).toBeLessThan(1e-4)
      expect(norm.running_mean.data[0]).toBe(1)
    })

    it('Dropout zeroes the share of draws below its rate and scales the rest', async () => {
      const dropout = new Dropout(0.25)
      const draws = [f32([0.1, 0.25, 0.9, 0.2], [4])]
      const out = await run(({ x }: X) => dropout.forward(x), { x: f32([3, 3, 6, 6]) }, { draws })
      expect([...out.data]).toEqual([0, 4, 8, 0])
      dropout.eval()
      expect([...(await run(({ x }: X) => dropout.forward(x), { x: f32([3, 6]) })).data]).toEqual([3, 6])
    })
  })

  describe('encoders', () => {
    it("FCEncoder has DI-engine's names and shapes", async () => {
      const encoder = new FCEncoder(4, [8, 6, 5], stream())
      expect(encoder.namedParameters().map(([name, p]) => `${name} ${p.shape.join('x')}`)).toEqual([
        'init.weight 8x4',
        'init.bias 8',
        'main.0.weight 6x8',
        'main.0.bias 6',
        'main.2.weight 5x6',
        'main.2.bias 5',
      ])
      const out = await run(({ x }: X) => encoder.forward(x), { x: f32(numbers(12), [3, 4]) })
      expect(out.shape).toEqual([3, 5])
      expect(Math.min(...out.data)).toBeGreaterThanOrEqual(0)
    })

    it('ConvEncoder takes [B, C, H, W] and convolves as written out by hand', async () => {
      const encoder = new ConvEncoder([2, 3, 3], [1, 4], stream(), { kernel_size: [2], stride: [1] })
      const { weight, bias } = encoder.main.layers[0] as Conv2d
      const x = numbers(18)
      const hidden: number[] = []
      for (let r = 0; r < 2; r++) {
        for (let c = 0; c < 2; c++) {
          let sum = bias.data[0]!
          for (let ch = 0; ch < 2; ch++) {
            for (let i = 0; i < 2; i++) {
              for (let j = 0; j < 2; j++)
                sum += x[ch * 9 + (r + i) * 3 + c + j]! * weight.data[ch * 4 + i * 2 + j]!
            }
          }
          hidden.push(Math.max(sum, 0))
        }
      }
      const expected = [0, 1, 2, 3].map((o) =>
        hidden.reduce(
          (sum, h, i) => sum + h * encoder.mid.weight.data[o * 4 + i]!,
          encoder.mid.bias!.data[o]!,
        ),
      )
      const out = await run(({ x }: X) => encoder.forward(x), { x: f32(x, [1, 2, 3, 3]) })
      expect(maxDiff(out.data, expected)).toBeLessThan(1e-5)
    })

    it('ConvEncoder can activate its output', async () => {
      const options = { kernel_size: [3], stride: [1] }
      const pixels = Uint8Array.from({ length: 800 }, (_, i) => ((i * 7) % 3 === 0 ? 1 : 0))
      const x = { dtype: 'uint8', shape: [2, 4, 10, 10], data: pixels } as const
      const plain = new ConvEncoder([4, 10, 10], [16, 8], stream(), options)
      const active = new ConvEncoder([4, 10, 10], [16, 8], stream(), { ...options, activate_output: true })
      const linear = await run(({ x }: X) => plain.forward(x), { x })
      const activated = await run(({ x }: X) => active.forward(x), { x })
      expect(linear.shape).toEqual([2, 8])
      expect(Math.min(...linear.data)).toBeLessThan(0)
      expect([...activated.data]).toEqual(Array.from(linear.data, (v) => Math.max(v, 0)))
    })

    it("ConvEncoder by default is DI-engine's: kernels 8, 4, 3 and strides 4, 2, 1, residual blocks for further sizes", () => {
      const shapes = (encoder: ConvEncoder) =>
        encoder
          .namedParameters()
          .filter(([n]) => n.endsWith('weight'))
          .map(([, p]) => p.shape.join('x'))
      expect(shapes(new ConvEncoder([4, 84, 84], undefined, stream()))).toEqual([
        '32x4x8x8',
        '64x32x4x4',
        '64x64x3x3',
        '128x3136',
      ])
      expect(shapes(new ConvEncoder([4, 84, 84], [8, 8, 8, 8, 16], stream()))).toHaveLength(6)
      expect(() => new ConvEncoder([4, 20, 20], undefined, stream())).toThrow(/too small/)
    })

    it('joins the parts of a Dict observation and leaves out what obs_shape does not name', async () => {
      const encoder = buildEncoder({ pos: 2, cell: { one_hot: 3 }, img: [1, 4, 4] }, [6, 5], stream(), {
        kernel_size: [3, 1, 1],
        stride: [1, 1, 1],
        normalize_images: true,
      })
      expect(encoder.outputSize).toBe(5)
      const input = {
        pos: f32([1, 2, 3, 4], [2, 2]),
        cell: i32([2, 0]),
        img: { dtype: 'uint8', shape: [2, 1, 4, 4], data: new Uint8Array(32).fill(255) },
        mask: f32([1]),
      } as const
      const out = await run((obs: Record<string, tf.Tensor>) => encoder.forward(obs), input)
      expect(out.shape).toEqual([2, 5])
      await expect(
        run((obs: Record<string, tf.Tensor>) => encoder.forward(obs), { pos: input.pos }),
      ).rejects.toThrow(/"cell"/)
    })

    it('turns Discrete and MultiDiscrete observations into one-hot vectors', async () => {
      const encoder = buildEncoder({ one_hot: [2, 3] }, [4], stream())
      const wide = buildEncoder(5, [4], stream())
      wide.loadStateDict(
        Object.fromEntries(Object.entries(encoder.stateDict()).map(([n, v]) => [n.replace('trunk.', ''), v])),
      )
      const a = await run(({ x }: X) => encoder.forward(x), { x: i32([1, 2, 0, 0], [2, 2]) })
      const b = await run(({ x }: X) => wide.forward(x), { x: f32([0, 1, 0, 0, 1, 1, 0, 1, 0, 0], [2, 5]) })
      expect(a.data).toEqual(b.data)
    })

    it('takes values that are not counted from 0, and no other number of them', async () => {
      const encoder = new OneHotEncoder([2, 3], [1, -1])
      const out = await run(({ x }: X) => encoder.forward(x), { x: i32([1, -1, 2, 1], [2, 2]) })
      expect([...out.data]).toEqual([1, 0, 1, 0, 0, 0, 1, 0, 0, 1])
      const wide = run(({ x }: X) => encoder.forward(x), { x: i32([1, 0, 2], [1, 3]) })
      await expect(wide).rejects.toThrow(
        'takes 2 discrete values (one_hot: [2,3]) but got observations of shape [3]',
      )
      const one = new OneHotEncoder([2])
      await expect(run(({ x }: X) => one.forward(x), { x: i32([0, 1], [1, 2]) })).rejects.toThrow(UsageError)
    })

    it.each([
      [{ one_hot: 4, vel: 3 }, /beside which there is no "vel"/],
      [{ one_hot: [] }, /one_hot is the number of values/],
      [{ one_hot: [2, 0] }, /one_hot is the number of values/],
      [{ one_hot: 4, start: 0.5 }, /start is the first value/],
      [{ one_hot: [4, 2], start: 1 }, /start is the first value/],
    ])('refuses obs_shape %j, in configs too', (shape, message) => {
      expect(() => buildEncoder(shape as ObsShape, [4], stream())).toThrow(message)
      expect(() => obs_shape(shape)).toThrow(message)
    })

    it('an entry named one_hot is one of a record where it has a shape of its own', () => {
      const shape = { one_hot: { one_hot: 4 }, vel: 3 }
      expect(buildFeatures(shape, [], stream()).outputSize).toBe(7)
      expect(obs_shape(shape)).toBe(true)
    })

    it('takes a part with a single value, which is always 1', async () => {
      const encoder = buildEncoder({ one_hot: [1, 2] }, [4], stream())
      const wide = buildEncoder(3, [4], stream())
      wide.loadStateDict(
        Object.fromEntries(Object.entries(encoder.stateDict()).map(([n, v]) => [n.replace('trunk.', ''), v])),
      )
      const a = await run(({ x }: X) => encoder.forward(x), { x: i32([0, 1, 0, 0], [2, 2]) })
      const b = await run(({ x }: X) => wide.forward(x), { x: f32([1, 0, 1, 1, 1, 0], [2, 3]) })
      expect(a.data).toEqual(b.data)
    })

    it('says what obs_shape may be', () => {
      expect(() => buildEncoder([1, 2, 3, 4], [4], stream())).toThrow(UsageError)
    })
  })
})
