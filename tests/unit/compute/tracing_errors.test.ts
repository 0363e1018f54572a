import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import { backward, createCompute, Parameter, random } from '../../../ding/compute/index.js'
import { CompileError, UsageError } from '../../../ding/utils/index.js'
import { float32 } from './helpers.js'

let compute: Compute
beforeAll(async () => {
  compute = await createCompute({})
})
afterAll(() => compute.dispose())

const x = float32([1, 2])

async function failure(fn: (inputs: { x: tf.Tensor }) => unknown): Promise<Error> {
  try {
    await compute.program('faulty', fn).run({ x })
  } catch (error) {
    return error as Error
  }
  throw new Error('The program ran.')
}

describe('tracing refuses, naming program, place and remedy,', () => {
  it.each([
    ['dataSync', (t: tf.Tensor): unknown => t.dataSync()],
    ['arraySync', (t: tf.Tensor): unknown => t.arraySync()],
    ['data', (t: tf.Tensor): unknown => void t.data()],
  ] as const)('%s', async (_name, read) => {
    const error = await failure(({ x }) => {
      read(tf.neg(x))
      return x
    })
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(/"faulty".*shape \[2\].*tracing_errors\.test\.ts:\d+.*tf\.where/)
  })

  it('kernels without a row in the table', async () => {
    const error = await failure(({ x }) => tf.spectral.fft(tf.complex(x, x)))
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(
      /kernel (Complex|FFT).*tracing_errors\.test\.ts.*docs\/reference\/kernels\.md.*policy\.runtime to 'eager'/,
    )
  })

  it("tfjs' own random numbers", async () => {
    const { random: before } = Math
    const error = await failure(({ x }) => tf.add(x, tf.randomNormal([2])))
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(/Math\.random.*random\.normal/)
    expect(Math.random).toBe(before)
  })

  it('asynchronous functions', async () => {
    expect((await failure(async ({ x }) => x)).message).toMatch(/asynchronous/)
  })

  it('variables, whose values would be fixed', async () => {
    await createCompute({ runtime: 'eager', backend: 'cpu' })
    await tf.setBackend('cpu')
    const variable = tf.variable(tf.tensor1d([1, 2]), true, 'v')
    expect((await failure(({ x }) => tf.add(x, variable))).message).toMatch(/tf\.Variable "v".*Parameter/)
    variable.dispose()
  })

  it('tensors that another trace computed; constants of another serve again', async () => {
    const kept: { constant?: tf.Tensor; computed?: tf.Tensor } = {}
    const constants = compute.program('constants', ({ x }: { x: tf.Tensor }) => {
      kept.constant ??= tf.tensor1d([1, 2])
      const negative = tf.neg(x)
      return { p: tf.mul(tf.slice(x, [0], [2]), kept.constant), q: tf.mul(x, negative) }
    })
    await constants.run({ x })
    const { p, q } = await constants.run({ x: float32([3, 4, 5]) })
    expect([...p.data]).toEqual([3, 8])
    expect([...q.data]).toEqual([-9, -16, -25])
    const zeros = compute.program('zeros', ({ x }: { x: tf.Tensor }) => {
      kept.constant = tf.tensor1d([7, 7])
      return tf.neg(x)
    })
    await zeros.run({ x })
    const uniform = compute.program('uniform', ({ x }: { x: tf.Tensor }) => tf.add(x, kept.constant!))
    expect([...(await uniform.run({ x })).data]).toEqual([8, 9])
    const faulty = ({ x }: { x: tf.Tensor }) => {
      kept.computed ??= tf.exp(x)
      return tf.add(x, tf.slice(kept.computed, [0], [1]))
    }
    const program = compute.program('faulty', faulty)
    await program.run({ x })
    const again = program.run({ x: float32([1, 2, 3]) })
    await expect(again).rejects.toThrow(CompileError)
    await expect(again).rejects.toThrow(
      /"faulty".*shape \[2\] \(at .*tracing_errors\.test\.ts:\d+.*another trace.*anew inside the function/,
    )
  })

  it.each([
    ['tf.concat', (a: tf.Tensor, b: tf.Tensor) => tf.concat([a, b])],
    ['tf.stack', (a: tf.Tensor, b: tf.Tensor) => tf.stack([a, b])],
  ])('several dtypes in one %s', async (name, join) => {
    const error = await failure(({ x }) => join(x, tf.cast(x, 'int32')))
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(/"faulty".*tracing_errors\.test\.ts.*float32 and int32.*tf\.cast/)
    expect(error.message).toContain(name)
  })

  it('inputs with less data than their shape takes, before the numbers of an earlier run serve again', async () => {
    const add = compute.program('short', ({ a, b, c }: Record<'a' | 'b' | 'c', tf.Tensor>) =>
      tf.add(tf.add(a, b), c),
    )
    const three = { a: x, b: x, c: x }
    await add.run(three)
    const short = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(5) }
    await expect(add.run({ ...three, b: short })).rejects.toThrow(
      new UsageError('Program "short", inputs, "b": shape [2] takes 2 numbers, but the data has 1.'),
    )
  })

  it('results that are not tensors', async () => {
    expect((await failure(({ x }) => ({ x, n: { size: 3 } }))).message).toMatch(
      /results at "n\.size".*number 3/,
    )
  })

  it('errors of tfjs, with the program and the cause', async () => {
    const error = await failure(({ x }) => tf.matMul(tf.reshape(x, [1, 2]), tf.reshape(x, [1, 2])))
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(/"faulty".*tracing_errors\.test\.ts.*[Ii]nner/)
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('methods of tensors, which are not loaded, with the function to write instead', async () => {
    const chained = (t: tf.Tensor) => t as unknown as { add(other: tf.Tensor): tf.Tensor }
    const error = await failure(({ x }) => chained(tf.neg(x)).add(x))
    expect(error).toBeInstanceOf(CompileError)
    expect(error.message).toMatch(/"faulty".*tracing_errors\.test\.ts.*write tf\.add\(x, \.\.\.\) for x\.add/)
    const other = await failure(({ x }) => (x as unknown as { paint(): tf.Tensor }).paint())
    expect(other.message).toMatch(/paint is not a function/)
    expect(other.message).not.toContain('write tf.')
  })

  it('a parameter in two gradients', async () => {
    const w = new Parameter([2], true, undefined, 'w')
    const loss = () => tf.sum(w.value)
    expect((await failure(() => [backward([w], loss), backward([w], loss)])).message).toMatch(
      /"w" is in two backward/,
    )
    expect((await failure(() => backward([w, w], loss))).message).toMatch(/"w" is in two backward/)
  })

  it.each([
    [
      'a vector loss',
      (w: Parameter) => backward([w], () => w.value),
      /one float32 number, got float32 \[2\]/,
    ],
    ['no parameters', () => backward([], () => tf.scalar(1)), /no parameters/],
    ['a foreign shape', (w: Parameter) => w.assign(tf.scalar(1)), /"w" is float32 \[2\].*float32 \[\]/],
    ['draws without a stream', () => random.normal([1]), /no random stream.*\{ random: stream \}/],
  ] as const)('%s', async (_name, fn, message) => {
    const error = await failure(() => fn(new Parameter([2], true, undefined, 'w')))
    expect(error).toBeInstanceOf(UsageError)
    expect(error.message).toMatch(message)
  })

  it('programs inside programs', async () => {
    const inner = compute.program('inner', ({ x }: { x: tf.Tensor }) => x)
    let nested: Promise<unknown> | undefined
    const outer = compute.program('outer', ({ x }: { x: tf.Tensor }) => {
      nested = inner.run({ x: float32([1]) })
      nested.catch(() => {})
      return tf.neg(x)
    })
    expect([...(await outer.run({ x })).data]).toEqual([-1, -2])
    await expect(nested).rejects.toThrow(/"inner" cannot be run inside another program/)
  })

  it('injected draws of another number or form', async () => {
    const program = compute.program('drawing', () => random.normal([2]))
    await expect(program.run({}, { draws: [] })).rejects.toThrow(/no injected value/)
    await expect(program.run({}, { draws: [float32([1])] })).rejects.toThrow(/float32 \[1\].*shape \[2\]/)
    await expect(program.run({}, { draws: [x, x] })).rejects.toThrow(/1 draws, but 2/)
  })

  it('compute things outside programs', () => {
    expect(() => new Parameter([1], true).value).toThrow(/only available inside a program/)
  })
})

describe('after a failed trace', () => {
  it('the next program runs', async () => {
    await failure(({ x }) => x.dataSync())
    const program = compute.program('next', ({ x }: { x: tf.Tensor }) => tf.neg(x))
    expect([...(await program.run({ x })).data]).toEqual([-1, -2])
  })
})

describe('createCompute', () => {
  it('runs on the GPU when asked to, or says what is missing; it never falls back', async () => {
    const outcome = await createCompute({ cuda: true }).then(
      ({ description }) => description,
      (error: unknown) => String(error),
    )
    expect(outcome).toMatch(
      /on (cuda|webgpu)|cuda: .*CUDA.* needs .*NVIDIA.*\n {2}webgpu: .*needs.*Vulkan.*\nSet policy\.cuda to false/,
    )
    expect(outcome).not.toContain('onnxruntime_src')
  })

  it('names the package that an eager backend needs', async () => {
    await expect(createCompute({ runtime: 'eager', cuda: true })).rejects.toThrow(
      /npm install @tensorflow\/tfjs-node-gpu@/,
    )
    await expect(createCompute({ runtime: 'eager', backend: 'tensorflow' })).rejects.toThrow(/tfjs-node@/)
    await expect(createCompute({ runtime: 'eager', backend: 'wasm', cuda: true })).rejects.toThrow(
      /has no GPU/,
    )
  })

  it('refuses options that do not go together', async () => {
    await expect(createCompute({ backend: 'wasm' })).rejects.toThrow(UsageError)
    await expect(createCompute({ threads: 0 })).rejects.toThrow(UsageError)
  })
})
