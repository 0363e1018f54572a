import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { GRADIENTS } from '../../../ding/compute/gradients/index.js'
import { backward, createCompute, Parameter, RandomStream } from '../../../ding/compute/index.js'
import { KERNELS } from '../../../ding/compute/kernels/index.js'
import { float32 } from './helpers.js'

/** One sum for each of these inputs a, b, and the gradients that it has. */
const SHARING = [
  ['add', tf.add, [3, 4], [1, 1]],
  ['sub', tf.sub, [3, 4], [1, -1]],
] as const

describe.each(['eager', 'onnx'] as const)('on %s, gradients that are the same values', (runtime) => {
  // tfjs disposes of a gradient once it has added another to it: one tensor for two inputs would be gone for the second.
  it.each(SHARING)('are a tensor for each input of %s', async (_name, op, [first, second], [da, db]) => {
    const a = new Parameter([2], true, Float32Array.of(first, first), 'a')
    const b = new Parameter([2], true, Float32Array.of(second, second), 'b')
    const compute = await createCompute({ runtime })
    const program = compute.program('sharing', () => ({
      // Backwards, a gets its share of the sum first and then that of its own square.
      loss: backward([a, b], () => tf.add(tf.sum(tf.square(a.value)), tf.sum(op(a.value, b.value)))),
    }))
    await program.run({})
    expect([...a.grad]).toEqual([2 * first + da, 2 * first + da])
    expect([...b.grad]).toEqual([db, db])
    program.dispose()
    await compute.dispose()
  })
})

describe.each(['eager', 'onnx'] as const)('on %s, the gradient of', (runtime) => {
  it('tf.unsortedSegmentSum is zero for rows of segments that are not there', async () => {
    const compute = await createCompute({ runtime })
    const x = new Parameter([4], true, Float32Array.of(1, 2, 3, 4), 'x')
    const weights = float32([5, 7])
    const program = compute.program('segments', ({ weights }: { weights: tf.Tensor }) => {
      const ids = tf.tensor1d([1, 2, -1, 0], 'int32')
      return backward([x], () => tf.sum(tf.mul(tf.unsortedSegmentSum(x.value, ids, 2), weights)))
    })
    expect([...(await program.run({ weights })).data]).toEqual([4 * 5 + 1 * 7])
    expect([...x.grad]).toEqual([7, 0, 0, 5])
    await compute.dispose()
  })
})

it.each(['eager', 'onnx'] as const)(
  'tf.batchNorm without scale or offset has no gradient and says so, on %s',
  async (runtime) => {
    const compute = await createCompute({ runtime })
    const x = new Parameter([3, 2], true, Float32Array.of(1, 2, 3, 4, 5, 6), 'x')
    const normalised = (offset?: tf.Tensor1D, scale?: tf.Tensor1D) => {
      const [mean, variance] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])]
      return tf.sum(tf.batchNorm(x.value as tf.Tensor2D, mean, variance, offset, scale, 0))
    }
    const plain = compute.program('plain', () => normalised())
    const ones = compute.program('ones', () => backward([x], () => normalised(tf.zeros([2]), tf.ones([2]))))
    for (const [offset, scale] of [
      [undefined, [1, 1]],
      [[0, 0], undefined],
    ] as const) {
      const given = (values?: readonly number[]) => values && tf.tensor1d([...values])
      const without = compute.program('without', () =>
        backward([x], () => normalised(given(offset), given(scale))),
      )
      await expect(without.run({})).rejects.toThrow(
        /tf\.batchNorm needs its offset and its scale.*tf\.onesLike\(variance\)/,
      )
    }
    expect((await plain.run({})).data[0]).toBeCloseTo((await ones.run({})).data[0]!, 5)
    expect(x.grad[0]).toBeCloseTo(1 / Math.sqrt(3), 5)
    await compute.dispose()
  },
)

/** The gradient of sum(conv(x, w)^2) with regard to one of the two, a quadratic form in either. */
function dilated(depthwise: boolean, which: 'x' | 'w') {
  const x = new Parameter([1, 6, 6, 2], true, RandomStream.fromSeed(1).normal(72), 'x')
  const w = new Parameter([2, 2, 2, 2], true, RandomStream.fromSeed(2).normal(16), 'w')
  const convolve = () =>
    depthwise
      ? tf.depthwiseConv2d(x.value as tf.Tensor4D, w.value as tf.Tensor4D, 1, 'valid', 'NHWC', 2)
      : tf.conv2d(x.value as tf.Tensor4D, w.value as tf.Tensor4D, 1, 'valid', 'NHWC', 2)
  const parameter = which === 'x' ? x : w
  return { parameter, fn: () => backward([parameter], () => tf.sum(tf.square(convolve()))) }
}

describe.each([false, true])('gradients of a dilated convolution, depthwise %s,', (depthwise) => {
  it.each(['x', 'w'] as const)('with regard to %s are those of its values on onnx', async (which) => {
    const compute = await createCompute({})
    const { parameter, fn } = dilated(depthwise, which)
    const program = compute.program('dilated', fn)
    const loss = (await program.run({})).data[0]!
    // A quadratic form: x . df/dx = 2 f.
    const along = parameter.grad.reduce((sum, g, i) => sum + g * parameter.data[i]!, 0)
    expect(along / (2 * loss)).toBeCloseTo(1, 5)
    const { grad } = parameter
    const before = Float64Array.from(grad)
    parameter.data[3]! += 0.5
    const up = (await program.run({})).data[0]!
    parameter.data[3]! -= 1
    const down = (await program.run({})).data[0]!
    expect((up - down) / before[3]!).toBeCloseTo(1, 3)
    await compute.dispose()
  })

  it.each(['cpu', 'wasm'] as const)(
    'are refused on eager, %s, where tfjs has wrong ones',
    async (backend) => {
      const compute = await createCompute({ runtime: 'eager', backend })
      for (const which of ['x', 'w'] as const) {
        const program = compute.program('dilated', dilated(depthwise, which).fn)
        await expect(program.run({})).rejects.toThrow(/dilations \[2\].*eager.*policy\.runtime to 'onnx'/)
      }
      await compute.dispose()
    },
  )
})

it('the second derivative of a dilated convolution keeps its dilations', async () => {
  const compute = await createCompute({})
  const x = new Parameter([1, 5, 5, 1], true, RandomStream.fromSeed(1).normal(25), 'x')
  const w = new Parameter([2, 2, 1, 1], true, RandomStream.fromSeed(2).normal(4), 'w')
  const program = compute.program('penalty', () => {
    const convolve = (image: tf.Tensor) =>
      tf.conv2d(image as tf.Tensor4D, w.value as tf.Tensor4D, 1, 'valid', 'NHWC', 2)
    return backward([x], () =>
      tf.sum(tf.square(tf.grad((image) => tf.sum(tf.square(convolve(image))))(x.value))),
    )
  })
  const loss = (await program.run({})).data[0]!
  expect(x.grad.reduce((sum, g, i) => sum + g * x.data[i]!, 0) / (2 * loss)).toBeCloseTo(1, 5)
  await compute.dispose()
})

const folder = join(import.meta.dirname, '../../../ding/compute')

describe('the gradient rules', () => {
  it('are one per kernel', () => {
    const names = GRADIENTS.map(({ kernelName }) => kernelName)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('are for kernels that compile', () => {
    expect(GRADIENTS.map(({ kernelName }) => kernelName).filter((name) => !KERNELS.has(name))).toEqual([])
  })

  it('are registered in one place', () => {
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    const registering = sources.filter((path) =>
      readFileSync(join(folder, path), 'utf8').includes('registerGradient('),
    )
    expect(registering.map((path) => path.replaceAll('\\', '/'))).toEqual(['gradients/index.ts'])
  })
})
