import { describe, expect, it } from 'vitest'
import { type Kernels, kernelsFor } from '../../../../ding/compute/host/kernels.js'
import { allocateFloats } from '../../../../ding/compute/host/memory.js'
import { portableKernels } from '../../../../ding/compute/host/portable.js'
import { RandomStream } from '../../../../ding/compute/random/stream.js'

type Call = (kernels: Kernels, arrays: Float32Array[]) => unknown

const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 31, 1000]

/** Every kernel, with one set of scalars each; arrays are p, g, and up to three more. */
const CALLS: Record<string, Call> = {
  adam: (k, [p, g, m, v]) => k.adam(p!, g!, m!, v!, 1, 0, 0.1, 0.999, 0.001, 0.7, 1e-8, -1e-3),
  'adam with l2': (k, [p, g, m, v]) => k.adam(p!, g!, m!, v!, 1, 0.01, 0.1, 0.99, 0.01, 0.7, 1e-3, -1e-3),
  'adam with decay': (k, [p, g, m, v]) => k.adam(p!, g!, m!, v!, 0.999, 0, 0.1, 0.99, 0.01, 0.7, 1e-3, -1e-3),
  'adam with a small beta1': (k, [p, g, m, v]) =>
    k.adam(p!, g!, m!, v!, 1, 0, 0.6, 0.9, 0.1, 0.7, 1e-8, -0.1),
  amsgrad: (k, [p, g, m, v, x]) => k.amsgrad(p!, g!, m!, v!, x!, 1, 0, 0.1, 0.9, 0.1, 0.7, 1e-8, -0.1),
  'amsgrad with l2': (k, [p, g, m, v, x]) =>
    k.amsgrad(p!, g!, m!, v!, x!, 1, 0.1, 0.1, 0.9, 0.1, 0.7, 0, -0.1),
  sgd: (k, [p, g]) => k.sgd(p!, g!, 0.01, -0.1),
  sgdMomentum: (k, [p, g, b]) => k.sgdMomentum(p!, g!, b!, 0.01, 0.9, 0.7, -0.1),
  sgdNesterov: (k, [p, g, b]) => k.sgdNesterov(p!, g!, b!, 0.01, 0.9, 1, -0.1),
  rmsprop: (k, [p, g, v]) => k.rmsprop(p!, g!, v!, 0.01, 0.99, 0.01, 1e-8, -0.1),
  rmspropMomentum: (k, [p, g, v, b]) => k.rmspropMomentum(p!, g!, v!, b!, 0, 0.9, 0.1, 1e-8, 0.9, -0.1),
  rmspropCentered: (k, [p, g, v, c]) => k.rmspropCentered(p!, g!, v!, c!, 0, 0.9, 0.1, 1e-8, -0.1),
  rmspropCenteredMomentum: (k, [p, g, v, c, b]) =>
    k.rmspropCenteredMomentum(p!, g!, v!, c!, b!, 0.1, 0.4, 0.6, 1e-8, 0.9, -0.1),
  polyak: (k, [p, g]) => k.polyak(p!, g!, 1 - 0.005, 0.005),
  scale: (k, [p]) => k.scale(p!, 0.1),
  clamp: (k, [p]) => k.clamp(p!, 0.3),
  sumSquares: (k, [p]) => k.sumSquares(p!),
  maxAbs: (k, [p]) => k.maxAbs(p!),
  finite: (k, [p]) => k.finite(p!),
}

/** Five arrays of `n` values; third and fourth are small second moments (kept >= 0), some so small that squares vanish. */
function values(n: number, make: (n: number) => Float32Array): Float32Array[] {
  const random = RandomStream.fromSeed(n)
  return Array.from({ length: 5 }, (_, j) => {
    const array = make(n)
    random.normal(array)
    if (j >= 2) for (let i = 0; i < n; i++) array[i] = array[i]! ** 2
    if (j >= 1) for (let i = 0; i < n; i += 5) array[i] = i % 10 === 0 ? 0 : array[i]! * 1e-38
    return array
  })
}

describe('kernels', () => {
  it('are chosen by where the arrays lie', () => {
    const [a, b] = allocateFloats([4, 4]) as [Float32Array, Float32Array]
    expect(kernelsFor(a, b)).not.toBe(portableKernels)
    expect(kernelsFor(a, b)).toBe(kernelsFor(b))
    expect(kernelsFor(a, new Float32Array(4))).toBe(portableKernels)
    expect(kernelsFor(new Float32Array(4), a)).toBe(portableKernels)
  })

  it('cover every name in the table', () => {
    const tested = new Set(Object.keys(CALLS).map((name) => name.split(' ')[0]))
    expect([...tested].sort()).toEqual(Object.keys(portableKernels).sort())
  })

  for (const [name, call] of Object.entries(CALLS)) {
    it(`${name}: WebAssembly equals plain TypeScript bit for bit, at every length and offset, and writes nothing else`, () => {
      for (const n of LENGTHS) {
        const fences: Float32Array[] = []
        const inChunk = values(n, (length) => {
          // One element before and one after, so that the array is not aligned and overruns are seen.
          const [fence] = allocateFloats([length + 2])
          fences.push(fence!.fill(77))
          return fence!.subarray(1, 1 + length)
        })
        const apart = values(n, (length) => new Float32Array(length))
        const [got, expected] = [
          call(kernelsFor(...(inChunk as [Float32Array])), inChunk),
          call(portableKernels, apart),
        ]
        if (expected !== undefined) expect(got).toBe(expected)
        for (let j = 0; j < 5; j++)
          expect(new Int32Array(inChunk[j]!.slice().buffer)).toEqual(new Int32Array(apart[j]!.buffer))
        expect(fences.every((fence) => fence[0] === 77 && fence[n + 1] === 77)).toBe(true)
      }
    })
  }

  it('find NaN and infinities wherever they are', () => {
    for (const kernels of [kernelsFor(allocateFloats([1])[0]!), portableKernels]) {
      for (const bad of [Number.NaN, Infinity, -Infinity]) {
        for (let i = 0; i < 7; i++) {
          const [x] = allocateFloats([7]) as [Float32Array]
          x[i] = bad
          expect(kernels.finite(x)).toBe(0)
          expect(kernels.maxAbs(x)).toBe(Math.abs(bad))
          expect(kernels.sumSquares(x)).toBe(bad * bad)
        }
      }
    }
  })

  it('let NaN through a clamp and through moments instead of hiding it', () => {
    for (const own of [false, true]) {
      const [p, g, m, v] = (
        own ? [1, 1, 1, 1].map(() => new Float32Array(5)) : allocateFloats([5, 5, 5, 5])
      ) as [Float32Array, Float32Array, Float32Array, Float32Array]
      g.fill(Number.NaN, 1, 2)
      g.fill(Number.NaN, 4)
      const kernels = kernelsFor(p, g, m, v)
      kernels.clamp(g, 1)
      kernels.adam(p, g, m, v, 1, 0, 0.1, 0.9, 0.1, 1, 1e-8, -1)
      for (const array of [g, m, v, p])
        expect(Array.from(array, Number.isNaN)).toEqual([false, true, false, false, true])
    }
  })

  it('flush moments that decay to subnormal numbers, which are slow, to zero', () => {
    for (const make of [
      (n: number) => allocateFloats([n, n, n, n]),
      (n: number) => [n, n, n, n].map((k) => new Float32Array(k)),
    ]) {
      const [p, g, m, v] = make(6) as [Float32Array, Float32Array, Float32Array, Float32Array]
      m.fill(1e-38)
      v.fill(1.2e-38)
      kernelsFor(p, g, m, v).adam(p, g, m, v, 1, 0, 0.1, 0.9, 0.1, 1, 1e-8, -1)
      expect(Array.from(m)).toEqual([0, 0, 0, 0, 0, 0])
      expect(Array.from(v)).toEqual([0, 0, 0, 0, 0, 0])
    }
  })
})
