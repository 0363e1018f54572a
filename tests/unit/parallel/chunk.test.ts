import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkError, chunkId, decodeChunk, encodeChunk, type Transition } from '../../../ding/index.js'
import { cartpoleRow, header } from './fixtures.js'

const dict: Transition = {
  obs: {
    image: Uint8Array.of(1, 2, 3),
    position: { x: Float32Array.of(0.1, Number.NaN), id: Int32Array.of(-7) },
  },
  next_obs: { image: Uint8Array.of(4, 5, 6), position: { x: Float32Array.of(-0, 2), id: Int32Array.of(8) } },
  action: Float32Array.of(0.25, -1),
  // As n-step returns leave them: several rewards, and a float64 factor that float32 cannot hold.
  reward: Float32Array.of(1, 0.5, 0),
  value_gamma: 0.99 ** 3,
  done: true,
  state: { dtype: 'bool', shape: [2, 2], data: Uint8Array.of(1, 0, 0, 1) },
  nothing: {},
}

describe('chunks', () => {
  test('give back every kind of transition exactly, nested observations, n-step rewards and doubles included', () => {
    const other = { ...dict, value_gamma: 0.99, done: false }
    const { header: back, rows, transitions } = decodeChunk(encodeChunk(header, [dict, other]))
    expect(back).toEqual(header)
    expect(rows).toBe(2)
    expect(transitions()).toEqual([dict, other])
    expect(
      Object.is(
        (transitions()[0] as { next_obs: { position: { x: Float32Array } } }).next_obs.position.x[0],
        -0,
      ),
    ).toBe(true)
  })

  test('keep the order of rows whose keys or shapes differ', () => {
    const rows: Transition[] = [
      cartpoleRow(0),
      { ...cartpoleRow(1), info: { hits: 2 } },
      { ...cartpoleRow(2), info: {} },
      cartpoleRow(3),
    ]
    expect(decodeChunk(encodeChunk(header, rows)).transitions()).toEqual(rows)
  })

  test('numbers come back exactly, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (values) => {
        const rows = values.map((reward): Transition => ({ reward }))
        const back = decodeChunk(encodeChunk(header, rows)).transitions()
        expect(back.every((row, i) => Object.is(row['reward'], values[i]))).toBe(true)
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('float32-exact numbers take half the room', () => {
    const size = (reward: number) =>
      encodeChunk(
        header,
        Array.from({ length: 64 }, () => ({ reward })),
      ).byteLength
    expect(size(0.1) - size(0.5)).toBeGreaterThanOrEqual(64 * 4 - 16)
  })

  test('an empty chunk and a chunk at an odd place of memory can be read', () => {
    expect(decodeChunk(encodeChunk(header, [])).transitions()).toEqual([])
    const chunk = encodeChunk(header, [dict])
    const moved = new Uint8Array(chunk.length + 3)
    moved.set(chunk, 3)
    expect(decodeChunk(moved.subarray(3)).transitions()).toEqual([dict])
  })

  test('every truncation and every flipped byte is refused', () => {
    const chunk = encodeChunk(header, [cartpoleRow(1), cartpoleRow(2)])
    for (const length of [0, 10, 23, 24, 100, chunk.length - 1])
      expect(() => decodeChunk(chunk.slice(0, length)), String(length)).toThrow(ChunkError)
    for (let at = 0; at < chunk.length; at += 5) {
      // Bytes 6, 7 and 20 to 23 are not used.
      if (at === 20) continue
      const bad = chunk.slice()
      bad[at] = (bad[at] as number) ^ 0x41
      expect(() => decodeChunk(bad), `byte ${at}`).toThrow(ChunkError)
    }
    expect(() => decodeChunk(chunk.slice(0, 50))).toThrow(/announces .* so it was cut off/)
    expect(() => decodeChunk(Buffer.from('not a chunk, but long enough to be one'))).toThrow(/"DCHK"/)
  })

  test('a value that cannot be sent is named', () => {
    const odd = { obs: { name: 'left' } } as unknown as Transition
    expect(() => encodeChunk(header, [odd])).toThrow(/"obs.name" is a string/)
  })

  test('ids are made of collector and number', () => {
    expect(chunkId(header)).toBe('collector0.0-7')
  })
})
