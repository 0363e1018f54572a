import { numbersOf } from './golden.js'
import type { CaseResult } from './types.js'

/**
 * The rule for float32 results: the largest difference within one tensor, relative to its scale, must stay within 1e-5.
 * The scale is the largest expected magnitude in that tensor, but at least 0.01, so that sums which cancel are not held to
 * digits that float32 does not have. Integers and flags come out exact or far off, and need no rule of their own.
 */
export const FLOAT32_TOLERANCE = 1e-5

export const SMALLEST_SCALE = 0.01

/** Largest |actual - expected| over the scale. Infinite when lengths differ or where just one of the two is finite. */
export function relativeError(actual: unknown, expected: unknown): number {
  const a = numbersOf(actual)
  const e = numbersOf(expected)
  if (a.length !== e.length) return Number.POSITIVE_INFINITY
  let scale = SMALLEST_SCALE
  let worst = 0
  for (let i = 0; i < e.length; i++) {
    if (Object.is(a[i], e[i]) || a[i] === e[i]) continue
    const difference = Math.abs(a[i]! - e[i]!)
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY
    worst = Math.max(worst, difference)
  }
  for (const value of e) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
  return worst / scale
}

/** Collects named errors of one case and keeps the worst. */
export class Comparison {
  #worst = 0
  #where = ''
  #count = 0

  constructor(
    readonly name: string,
    readonly tolerance = FLOAT32_TOLERANCE,
  ) {}

  /** Compares a part of the case; `what` is named when it turns out the worst. */
  check(what: string, actual: unknown, expected: unknown): void {
    this.record(what, actual === undefined ? Number.POSITIVE_INFINITY : relativeError(actual, expected))
  }

  record(what: string, error: number): void {
    this.#count++
    if (error > this.#worst || Number.isNaN(error)) {
      this.#worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
      this.#where = what
    }
  }

  /** A case without a single comparison is a failure: it would pass whatever the code does. */
  result(detail?: string): CaseResult {
    const pass = this.#count > 0 && this.#worst <= this.tolerance
    const worst = this.#count === 0 ? 'nothing was compared' : this.#where && `worst in ${this.#where}`
    return {
      name: this.name,
      maxError: this.#count === 0 ? Number.POSITIVE_INFINITY : this.#worst,
      tolerance: this.tolerance,
      pass,
      detail: [detail, worst].filter(Boolean).join('; ') || undefined,
    }
  }
}
