import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, describe, expect, it } from 'vitest'
import { wasm } from '../../../ding/compute/host/wasm.js'
import { writeModel } from '../../../ding/compute/onnx/index.js'
import { OnnxSession, ortTensor, sessionOptions } from '../../../ding/compute/runtime/onnx_runtime.js'

// What the compiled runtime relies on in onnxruntime-node, which is pinned for that reason. If one of these fails after
// an upgrade, ding/compute/runtime/onnx_runtime.ts (feeds, outputs) must be adapted before anything else.

const spec = { dtype: 'float32', shape: [3] } as const

/** y = x + x and z = -x. */
const model = writeModel({
  name: 'contract',
  nodes: [
    { type: 'Add', domain: '', inputs: ['x', 'x'], outputs: ['y'], attrs: {} },
    { type: 'Neg', domain: '', inputs: ['x'], outputs: ['z'], attrs: {} },
  ],
  initializers: new Map(),
  inputs: [{ name: 'x', ...spec }],
  outputs: [
    { name: 'y', ...spec },
    { name: 'z', ...spec },
  ],
  specs: new Map(),
})

const session = new OnnxSession(model, 'cpu', 1)
afterAll(() => session.dispose())

const tensor = (data: Float32Array) => ortTensor({ ...spec, data })

describe('onnxruntime-node', () => {
  it('is the version that the wrapper was written against', () => {
    const require = createRequire(import.meta.url)
    const { version } = JSON.parse(
      readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8'),
    ) as {
      version: string
    }
    expect(version).toBe('1.30.0')
  })

  it('reads feeds in place: a change to the array is seen by the next run with the same tensor', () => {
    const data = Float32Array.of(1, 2, 3)
    const feeds = { x: tensor(data) }
    expect([...(session.run(feeds, { y: null })['y']!.data as Float32Array)]).toEqual([2, 4, 6])
    data.set([10, 20, 30])
    expect([...(session.run(feeds, { y: null })['y']!.data as Float32Array)]).toEqual([20, 40, 60])
  })

  it('returns fresh memory for each run, and only what was fetched', () => {
    const feeds = { x: tensor(Float32Array.of(1, 2, 3)) }
    const first = session.run(feeds, { y: null })
    const second = session.run(feeds, { y: null, z: null })
    expect(Object.keys(first)).toEqual(['y'])
    expect([...(second['z']!.data as Float32Array)]).toEqual([-1, -2, -3])
    ;(first['y']!.data as Float32Array).fill(0)
    expect([...(second['y']!.data as Float32Array)]).toEqual([2, 4, 6])
  })

  it('writes into memory that it is given, whatever it returns', () => {
    const out = new Float32Array(3)
    session.run({ x: tensor(Float32Array.of(1, 2, 3)) }, { y: tensor(out) })
    expect([...out]).toEqual([2, 4, 6])
  })

  it('takes feeds and outputs at byte offsets of a WebAssembly memory', () => {
    const memory = new wasm.Memory({ initial: 1, maximum: 1 })
    const x = new Float32Array(memory.buffer, 64, 3)
    const y = new Float32Array(memory.buffer, 256, 3)
    x.set([1, 2, 3])
    session.run({ x: tensor(x) }, { y: tensor(y) })
    expect([...y]).toEqual([2, 4, 6])
    expect(new Float32Array(memory.buffer, 256 + 12, 1)[0]).toBe(0)
  })

  it('refuses shared memory', () => {
    const shared = new Float32Array(new SharedArrayBuffer(12))
    expect(() => session.run({ x: tensor(shared) }, { y: null })).toThrow(/Invalid argument/)
  })

  it('runs at once, on the calling thread', () => {
    const before = process.hrtime.bigint()
    let ticks = 0
    const timer = setImmediate(() => ticks++)
    session.run({ x: tensor(Float32Array.of(1, 2, 3)) }, { y: null })
    clearImmediate(timer)
    expect(ticks).toBe(0)
    expect(process.hrtime.bigint()).toBeGreaterThan(before)
  })

  it('accepts the session options, spinning off among them', () => {
    const options = sessionOptions('cpu', 2)
    expect(options.extra).toEqual({
      session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } },
    })
    const two = new OnnxSession(model, 'cpu', 2)
    expect([
      ...(two.run({ x: tensor(Float32Array.of(1, 2, 3)) }, { z: null })['z']!.data as Float32Array),
    ]).toEqual([-1, -2, -3])
    two.dispose()
  })

  it("leaves JavaScript's subnormal numbers alone", () => {
    session.run({ x: tensor(Float32Array.of(1e-40, 2, 3)) }, { y: null })
    const least = Number.MIN_VALUE * Number(session !== undefined)
    expect(least > 0).toBe(true)
  })

  it('tells what is wrong with a model or a feed', () => {
    expect(() => new OnnxSession(Uint8Array.of(1, 2, 3), 'cpu', 1)).toThrow(/[Pp]rotobuf/)
    const wrong = ortTensor({ dtype: 'float32', shape: [2], data: new Float32Array(2) })
    expect(() => session.run({ x: wrong }, { y: null })).toThrow(/invalid dimensions/i)
  })
})
