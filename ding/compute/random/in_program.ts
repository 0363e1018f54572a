import type { Tensor } from '@tensorflow/tfjs-core'
import { UsageError } from '../../utils/index.js'
import type { Draw } from '../scope.js'
import { currentScope } from '../scope.js'

function draw(request: Draw): Tensor {
  return currentScope(`random.${request.kind}`).draw(request)
}

/**
 * Randomness inside programs. Each call declares a program input that the host fills before every run, in call order,
 * from the program's own random stream; run eagerly, it draws at once. tfjs' own random functions cannot be used: their
 * numbers would be fixed when the program is compiled.
 */
export const random = {
  /** Standard normal numbers, float32. */
  normal(shape: readonly number[]): Tensor {
    return draw({ kind: 'normal', shape })
  },

  /** Uniform numbers in [0, 1), float32. */
  uniform(shape: readonly number[]): Tensor {
    return draw({ kind: 'uniform', shape })
  },

  /** Uniform integers in [low, high), int32. */
  integers(shape: readonly number[], low: number, high: number): Tensor {
    if (!(Number.isInteger(low) && Number.isInteger(high) && low < high)) {
      throw new UsageError(`random.integers needs integers low < high, got ${low} and ${high}.`)
    }
    return draw({ kind: 'integers', shape, low, high })
  },

  /** The numbers 0 ... n - 1 in random order, int32 [n]. */
  permutation(n: number): Tensor {
    return draw({ kind: 'permutation', n })
  },

  /** `k` distinct numbers of 0 ... n - 1, int32 [k]. */
  subset(n: number, k: number): Tensor {
    if (k > n) throw new UsageError(`random.subset cannot take ${k} of ${n}.`)
    return draw({ kind: 'subset', n, k })
  },
} as const
