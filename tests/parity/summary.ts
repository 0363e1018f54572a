import type { Comparison } from './compare.js'
import { type GoldenTensor, numbersOf } from './golden.js'

/** A tensor as golden files write large ones: its sums and its first entries. */
export interface Summary {
  readonly sum: number
  readonly abs_sum: number
  readonly first8: number[]
}

/**
 * Compares with a tensor, or with what a summary says of it; a sum is held to the digits of the sum of magnitudes.
 * @param least scale of entries at least, where the comparison's own is too small for what is known of the rounding
 */
export function checkTensor(
  to: Comparison,
  what: string,
  actual: ArrayLike<number> | undefined,
  expected: GoldenTensor | Summary,
  least?: number,
): void {
  if (actual === undefined) {
    to.check(what, actual, [])
    return
  }
  const scale = least === undefined ? [] : [least]
  const values = Array.from(actual)
  if (!('first8' in expected)) {
    to.check(what, [...values, ...scale], [...numbersOf(expected), ...scale])
    return
  }
  const { first8, abs_sum, sum } = expected
  const total = (of: readonly number[]) => of.reduce((all, value) => all + value, 0)
  to.check(`${what} first8`, [...values.slice(0, first8.length), ...scale], [...first8, ...scale])
  const of = Math.max(abs_sum, 0.01, (least ?? 0) * values.length)
  to.record(`${what} abs_sum`, Math.abs(total(values.map(Math.abs)) - abs_sum) / of)
  to.record(`${what} sum`, Math.abs(total(values) - sum) / of)
}
