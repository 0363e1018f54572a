import { describe, expect, it } from 'vitest'
import {
  batchSize,
  ColumnStore,
  collate,
  concatBatches,
  copyBatch,
  type Transition,
  transitionAt,
} from '../../../ding/data/index.js'
import { DingError, type HostTensor } from '../../../ding/utils/index.js'

const image: HostTensor = { dtype: 'uint8', shape: [2, 2, 1], data: Uint8Array.of(1, 2, 3, 4) }

function filled(transitions: Transition[], capacity = transitions.length): ColumnStore {
  const store = new ColumnStore(capacity, 'Buffer "b"')
  store.check(transitions)
  for (const [row, transition] of transitions.entries()) store.write(row, transition)
  return store
}

describe('column rules', () => {
  it('take the element type and shape of each column from the first transition', () => {
    const batch = collate([
      {
        obs: { vector: Float32Array.of(1, 2), image },
        action: 2,
        pair: { action: { kind: 1 } },
        steps: Int32Array.of(5),
        reward: 0.5,
        done: true,
        bytes: Uint8Array.of(7),
      },
    ])
    const specs = Object.entries({
      ...(batch.obs as Record<string, HostTensor>),
      action: batch.action as HostTensor,
      kind: (batch.pair as { action: { kind: HostTensor } }).action.kind,
      steps: batch.steps as HostTensor,
      reward: batch.reward as HostTensor,
      done: batch.done as HostTensor,
      bytes: batch.bytes as HostTensor,
    }).map(([key, { dtype, shape }]) => `${key} ${dtype} [${shape}]`)
    expect(specs).toEqual([
      'vector float32 [1,2]',
      'image uint8 [1,2,2,1]',
      'action int32 [1]',
      'kind int32 [1]',
      'steps int32 [1,1]',
      'reward float32 [1]',
      'done bool [1]',
      'bytes uint8 [1,1]',
    ])
    expect((batch.done as HostTensor).data).toEqual(Uint8Array.of(1))
    expect(batchSize(batch)).toBe(1)
  })

  const first: Transition = {
    obs: { a: Float32Array.of(1, 2), b: image },
    action: 1,
    reward: 0.5,
    done: false,
  }
  const refusals: [string, Transition, RegExp][] = [
    [
      'shape',
      { ...first, obs: { a: new Float32Array(3), b: image } },
      /"obs\.a".*is float32 \[3\], expected float32 \[2\]/,
    ],
    [
      'dtype',
      { ...first, obs: { a: Int32Array.of(1, 2), b: image } },
      /"obs\.a".*is int32 \[2\], expected float32 \[2\]/,
    ],
    [
      'record',
      { ...first, obs: Float32Array.of(1, 2) },
      /"obs".*is float32 \[2\], expected a record with the keys a, b/,
    ],
    ['nested missing', { ...first, obs: { a: Float32Array.of(1, 2) } }, /"obs\.b".*is missing/],
    [
      'nested extra',
      { ...first, obs: { ...(first.obs as Transition), c: 1 } },
      /"obs\.c".*is a new key, expected only a, b/,
    ],
    ['extra', { ...first, weight: 1 }, /"weight".*is a new key/],
    [
      'fractional action',
      { ...first, action: 0.5 },
      /"action".*the number 0\.5, expected a whole number.*Float32Array/,
    ],
    ['huge action', { ...first, action: 2 ** 31 }, /"action".*2147483648/],
    ['number for flag', { ...first, done: 1 }, /"done".*the number 1, expected bool \[\]/],
    ['flag for number', { ...first, reward: true }, /"reward".*the boolean true, expected float32 \[\]/],
    ['undefined', { ...first, reward: undefined } as never, /"reward".*is undefined/],
    ['text', { ...first, reward: 'much' } as never, /"reward".*is a string/],
    [
      'float64',
      { ...first, obs: { a: new Float64Array(2), b: image } } as never,
      /"obs\.a".*class Float64Array/,
    ],
    [
      'tensor of wrong length',
      { ...first, obs: { a: Float32Array.of(1, 2), b: { ...image, data: new Uint8Array(3) } } },
      /"obs\.b"/,
    ],
  ]
  it.each(refusals)(
    'refuse a later transition with a wrong %s, naming the column',
    (_, transition, message) => {
      const store = filled([first])
      expect(() => store.check([first, transition])).toThrow(message)
      expect(() => store.check([first, transition])).toThrow(/Buffer "b": .* of transition 1 of this push/)
      expect(() => store.check([first, transition])).toThrow(DingError)
    },
  )

  it('refuse a first transition that cannot be stored', () => {
    const store = new ColumnStore(2, 'Buffer "b"')
    expect(() => store.check([{}])).toThrow(/without any data/)
    expect(() => store.check([{ obs: [1, 2] } as never])).toThrow(
      /"obs" of the first transition is a value of class Array/,
    )
    expect(() => store.check([{ obs: new Float64Array(2) } as never])).toThrow(/Float64Array/)
    expect(() => store.check([{ obs: null } as never])).toThrow(/"obs" of the first transition is null/)
    expect(store.layout).toBeUndefined()
  })

  it('say how to mend a buffer that memory cannot hold', () => {
    expect(() => new ColumnStore(2 ** 33, 'Buffer "b"').check([{ x: new Float32Array(1000) }])).toThrow(
      /no memory for 8589934592 rows of x float32 \[1000\]. Lower replay_buffer_size/,
    )
  })
})

describe('gather', () => {
  const wide = 100
  const rows = Array.from(
    { length: 6 },
    (_, n): Transition => ({
      narrow: Float32Array.of(n, -n, n / 3),
      wide: Float32Array.from({ length: wide }, (_, i) => n * 1000 + i),
      frame: Uint8Array.from({ length: wide + 1 }, (_, i) => n + i),
      flag: n % 2 === 1,
      pixels: Uint8Array.of(n, n, n),
      action: n,
    }),
  )

  it('copies the rows asked for, in order and repeated, whatever their width', () => {
    const batch = filled(rows).gather(Int32Array.of(4, 0, 4))
    for (const [i, n] of [4, 0, 4].entries()) {
      const row = transitionAt(batch, i)
      for (const key of ['narrow', 'wide', 'frame', 'pixels'])
        expect((row[key] as HostTensor).data).toEqual(rows[n]![key])
      expect((row.flag as HostTensor).data[0]).toBe(n % 2)
      expect((row.action as HostTensor).data).toEqual(Int32Array.of(n))
    }
  })

  it('reuses its arrays for the next batch of that size, and copyBatch keeps one', () => {
    const store = filled(rows)
    const first = store.gather(Int32Array.of(1, 2))
    const kept = copyBatch(first)
    const second = store.gather(Int32Array.of(3, 4))
    expect(second.narrow).toBe(first.narrow)
    expect((first.action as HostTensor).data).toEqual(Int32Array.of(3, 4))
    expect((kept.action as HostTensor).data).toEqual(Int32Array.of(1, 2))
    expect(store.gather(Int32Array.of(0)).narrow).not.toBe(first.narrow)
  })

  it('keeps every bit of a NaN', () => {
    const value = new Float32Array(Uint32Array.of(0x7fa12345).buffer)
    const out = (filled([{ x: value }]).gather(Int32Array.of(0)).x as HostTensor).data
    expect(new Uint32Array(out.buffer)[0]).toBe(0x7fa12345)
  })

  it('tells when there is nothing yet', () => {
    expect(() => new ColumnStore(2, 'Buffer "b"').gather(Int32Array.of(0))).toThrow(
      /Buffer "b" holds no data yet/,
    )
  })
})

describe('batches', () => {
  it('concatenate in order, and only with the same columns', () => {
    const a = collate([{ x: 1, y: { z: Float32Array.of(1, 2) } }])
    const b = collate([
      { x: 2, y: { z: Float32Array.of(3, 4) } },
      { x: 3, y: { z: Float32Array.of(5, 6) } },
    ])
    const both = concatBatches([a, b])
    expect((both.x as HostTensor).data).toEqual(Float32Array.of(1, 2, 3))
    expect((both.y as { z: HostTensor }).z).toEqual({
      dtype: 'float32',
      shape: [3, 2],
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
    })
    expect(() => concatBatches([a, collate([{ x: 1 }])])).toThrow(/Batch 1 has the columns x float32/)
  })

  it('must have rows of one number', () => {
    const x = { dtype: 'float32', shape: [2], data: new Float32Array(2) } as const
    expect(() => batchSize({ x, y: { ...x, shape: [1], data: new Float32Array(1) } })).toThrow(
      /"y" has 1 rows, expected 2/,
    )
    expect(() => batchSize({})).toThrow(/without any array/)
  })
})
