import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CheckpointError,
  type DType,
  type HostTensor,
  type JsonValue,
  loadState,
  packFloat64,
  readSafetensors,
  type StateTree,
  saveState,
  unpackFloat64,
  writeFileAtomic,
  writeSafetensors,
} from '../../../ding/utils/index.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ding-state-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const dtypes: DType[] = ['float32', 'int32', 'uint8', 'bool']
const tensor: fc.Arbitrary<HostTensor> = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(3), { maxLength: 3 }) })
  .chain(({ dtype, shape }): fc.Arbitrary<HostTensor> => {
    const n = shape.reduce((a, b) => a * b, 1)
    if (dtype === 'float32') {
      return fc.float32Array({ minLength: n, maxLength: n }).map((data) => ({ dtype, shape, data }))
    }
    if (dtype === 'int32') {
      return fc.int32Array({ minLength: n, maxLength: n }).map((data) => ({ dtype, shape, data }))
    }
    const max = dtype === 'bool' ? 1 : 255
    return fc.uint8Array({ minLength: n, maxLength: n, max }).map((data) => ({ dtype, shape, data }))
  })
const key = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('__proto__', '__metadata__', 'a/b', '~', '~1', '', 'constructor', 'dtype', '$tensor'),
)
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-0, 2 ** 53, 1 / 3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$', '$$', '$NaN', '$tensor', '$$-0', '\ud800'),
)
const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value
const tree = fc.letrec<{ record: StateTree; value: StateTree | HostTensor | JsonValue }>((tie) => ({
  record: fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<StateTree>,
  value: fc.oneof({ maxDepth: 3 }, tensor, json, tie('record')),
})).record

describe('saveState and loadState', () => {
  it('give back every tree, bit for bit and in the same key order', () => {
    const path = join(folder, 'tree.safetensors')
    fc.assert(
      fc.property(tree, fc.dictionary(fc.string(), json), (state, meta) => {
        saveState(path, state, meta)
        const loaded = loadState(path)
        expect(loaded.tree).toEqual(state)
        expect(loaded.meta).toEqual(meta)
        expect(Object.keys(loaded.tree)).toEqual(Object.keys(state))
        const first = readFileSync(path)
        saveState(path, loaded.tree, loaded.meta)
        expect(readFileSync(path).equals(first)).toBe(true)
      }),
      { numRuns: 300, seed: 1 },
    )
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  it('keeps the bits of float32 NaN payloads and of float64 values', () => {
    const path = join(folder, 'bits.safetensors')
    const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x80000000, 1)
    const data = new Float32Array(bits.buffer)
    saveState(path, {
      x: { dtype: 'float32', shape: [4], data },
      p: packFloat64(Float64Array.of(0.1, -0, 5e-324)),
    })
    const { tree: loaded } = loadState(path)
    expect([...new Uint32Array((loaded.x as HostTensor).data.buffer)]).toEqual([...bits])
    expect(unpackFloat64(loaded.p)).toEqual(Float64Array.of(0.1, -0, 5e-324))
    expect(() => unpackFloat64(loaded.x)).toThrow(CheckpointError)
  })

  it('names tensors by joined keys, aligned, in a header of a multiple of 8 bytes', () => {
    const path = join(folder, 'names.safetensors')
    saveState(path, {
      flag: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
      model: { 'encoder.0.weight': { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) } },
    })
    const raw = readFileSync(path)
    const length = Number(raw.readBigUInt64LE(0))
    expect(length % 8).toBe(0)
    const header = JSON.parse(raw.subarray(8, 8 + length).toString('utf8'))
    expect(header['model/encoder.0.weight']).toEqual({ dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] })
    expect(header.flag).toEqual({ dtype: 'BOOL', shape: [3], data_offsets: [8, 11] })
    expect(raw.length).toBe(8 + length + 11)
    expect(raw.readFloatLE(8 + length + 4)).toBe(2)
  })

  it('saves a view of a larger array as the view alone', () => {
    const path = join(folder, 'view.safetensors')
    const arena = Float32Array.from({ length: 10 }, (_, i) => i)
    saveState(path, { w: { dtype: 'float32', shape: [2], data: arena.subarray(3, 5) } })
    expect([...(loadState(path).tree.w as HostTensor).data]).toEqual([3, 4])
  })

  it('refuses what it cannot keep, naming the place, and leaves the old file alone', () => {
    const path = join(folder, 'kept.safetensors')
    saveState(path, { a: 1 })
    const before = readFileSync(path)
    const bad: [unknown, RegExp][] = [
      [{ a: { b: undefined } }, /"a\/b" is undefined/],
      [{ a: [() => 1] }, /"a\/0" is a function/],
      [{ a: 1n }, /"a" is a bigint/],
      [{ a: new Float32Array(2) }, /"a" is a value of class Float32Array/],
      [{ a: new Map() }, /class Map/],
      [{ a: { dtype: 'float32', shape: [3], data: new Float32Array(2) } }, /"a".*has 2 values, expected 3/],
      [
        { a: { dtype: 'float32', shape: [2], data: new Float64Array(2) } },
        /"a" is called float32, but its data are a value of class Float64Array\. Give it a Float32Array/,
      ],
      [{ a: { dtype: 'float32', shape: [2], data: new Int32Array(2) } }, /"a" is called float32.*Int32Array/],
      [
        { a: { dtype: 'bool', shape: [2], data: new Int32Array(2) } },
        /"a" is called bool.*Give it a Uint8Array/,
      ],
    ]
    for (const [state, message] of bad) expect(() => saveState(path, state as StateTree)).toThrow(message)
    expect(() => saveState(path, {}, { m: undefined } as never)).toThrow(CheckpointError)
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('refuses files that are missing, empty, cut anywhere, lengthened or foreign', () => {
    const path = join(folder, 'whole.safetensors')
    saveState(
      path,
      { w: { dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) }, n: 3 },
      { i: 1 },
    )
    const whole = readFileSync(path)
    const broken = join(folder, 'broken.safetensors')
    expect(() => loadState(join(folder, 'none'))).toThrow(/no such file/)
    for (let cut = 0; cut < whole.length; cut++) {
      writeFileSync(broken, whole.subarray(0, cut))
      expect(() => loadState(broken)).toThrow(CheckpointError)
      expect(() => loadState(broken)).toThrow(/broken\.safetensors/)
    }
    writeFileSync(broken, Buffer.concat([whole, Buffer.of(0)]))
    expect(() => loadState(broken)).toThrow(/1 bytes follow/)
    writeFileSync(broken, 'PK\x03\x04 this is a zip file, is it not?')
    expect(() => loadState(broken)).toThrow(/not a safetensors file/)
    mkdirSync(join(folder, 'dir'))
    expect(() => loadState(join(folder, 'dir'))).toThrow(CheckpointError)
    writeSafetensors(broken, { w: { dtype: 'int32', shape: [], data: Int32Array.of(7) } }, { format: 'pt' })
    expect(() => loadState(broken)).toThrow(/not a saved state of ding/)
    expect(readSafetensors(broken).tensors.w?.data).toEqual(Int32Array.of(7))
  })

  it('says what is wrong with a header', () => {
    const path = join(folder, 'header.safetensors')
    const write = (header: unknown, data: number) => {
      const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(text.length))
      writeFileSync(path, Buffer.concat([length, text, Buffer.alloc(data)]))
    }
    const f32 = (begin: number, end: number) => ({
      dtype: 'F32',
      shape: [(end - begin) / 4],
      data_offsets: [begin, end],
    })
    const cases: [unknown, number, RegExp][] = [
      ['[1]', 0, /not a JSON record/],
      ['{"a":', 0, /not JSON/],
      [{ a: 3 }, 0, /"a" is not a record/],
      [{ a: { ...f32(0, 4), dtype: 'C64' } }, 4, /"C64", expected one of F32/],
      [{ a: { ...f32(0, 4), shape: [-1] } }, 4, /shape \[-1\]/],
      [{ a: { ...f32(0, 4), data_offsets: [0] } }, 4, /offsets \[0\]/],
      [{ a: { ...f32(0, 4), shape: [2] } }, 4, /spans 4 bytes where F32 of shape \[2\] has 8/],
      [{ a: f32(0, 8), b: f32(4, 12) }, 12, /"b" begins at byte 4 .* overlaps/],
      [{ a: f32(0, 4), b: f32(8, 12) }, 12, /hole/],
      [{ a: f32(0, 8) }, 4, /truncated: tensor "a" ends at byte 8/],
      [{ __metadata__: { x: 1 } }, 0, /metadata "x" is not text/],
    ]
    for (const [header, data, message] of cases) {
      write(header, data)
      expect(() => readSafetensors(path)).toThrow(message)
    }
    const damaged = { format: 'ding.state', version: '1', meta: '{}' }
    for (const state of ['{"a":"$tensor"}', '[]', '{"a":"$what"}', '{']) {
      write({ __metadata__: { ...damaged, state } }, 0)
      expect(() => loadState(path)).toThrow(/tree is damaged/)
    }
    write({ __metadata__: { ...damaged, state: '{}' }, x: f32(0, 4) }, 4)
    expect(() => loadState(path)).toThrow(/x is a tensor that the tree has no place for/)
    write({ __metadata__: { ...damaged, state: '{}', version: '9' } }, 0)
    expect(() => loadState(path)).toThrow(/layout version 9/)
  })

  it('reads F64, I64, F16 and BF16 of other programs', () => {
    const path = join(folder, 'wide.safetensors')
    const data = Buffer.alloc(16 + 16 + 8 + 4)
    data.writeDoubleLE(0.1, 0)
    data.writeDoubleLE(-3, 8)
    data.writeBigInt64LE(-5n, 16)
    data.writeBigInt64LE(2n ** 31n - 1n, 24)
    for (const [i, bits] of [0x3c00, 0xc000, 0x0001, 0x7c00].entries()) data.writeUInt16LE(bits, 32 + 2 * i)
    for (const [i, bits] of [0x3f80, 0xc040].entries()) data.writeUInt16LE(bits, 40 + 2 * i)
    const header = Buffer.from(
      JSON.stringify({
        d: { dtype: 'F64', shape: [2], data_offsets: [0, 16] },
        l: { dtype: 'I64', shape: [2], data_offsets: [16, 32] },
        h: { dtype: 'F16', shape: [4], data_offsets: [32, 40] },
        b: { dtype: 'BF16', shape: [2], data_offsets: [40, 44] },
      }),
    )
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    writeFileSync(path, Buffer.concat([length, header, data]))
    const { tensors } = readSafetensors(path)
    expect(tensors.d?.data).toEqual(Float32Array.of(0.1, -3))
    expect(tensors.l?.data).toEqual(Int32Array.of(-5, 2 ** 31 - 1))
    expect(tensors.h?.data).toEqual(Float32Array.of(1, -2, 2 ** -24, Number.POSITIVE_INFINITY))
    expect(tensors.b?.data).toEqual(Float32Array.of(1, -3))
    data.writeBigInt64LE(2n ** 31n, 24)
    writeFileSync(path, Buffer.concat([length, header, data]))
    expect(() => readSafetensors(path)).toThrow(/element 1 of the I64 tensor "l" is 2147483648/)
  })
})

describe('writeFileAtomic', () => {
  it('replaces the whole file, makes folders, and leaves no temporary file behind', () => {
    const path = join(folder, 'deep/er/file.json')
    writeFileAtomic(path, 'a much longer text')
    writeFileAtomic(path, Buffer.from('short'))
    expect(readFileSync(path, 'utf8')).toBe('short')
    expect(readdirSync(join(folder, 'deep/er'))).toEqual(['file.json'])
    mkdirSync(join(folder, 'taken'))
    expect(() => writeFileAtomic(join(folder, 'taken'), 'x')).toThrow()
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})
