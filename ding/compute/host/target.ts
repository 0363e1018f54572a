import { UsageError } from '../../utils/index.js'
import type { Parameter } from '../parameter.js'
import { kernelsFor } from './kernels.js'
import { mergeRanges } from './ranges.js'

/** Values of target and source side by side, neighbours joined. @throws UsageError when the lists do not match. */
function pairs(what: string, target: readonly Parameter[], source: readonly Parameter[]) {
  if (target.length !== source.length) {
    throw new UsageError(`${what}: the target has ${target.length} parameters, the source ${source.length}.`)
  }
  target.forEach((parameter, i) => {
    const other = source[i]!
    if (parameter.shape.join() !== other.shape.join()) {
      throw new UsageError(
        `${what}: parameter ${i} is "${parameter.name}" of shape [${parameter.shape}] in the target, but ` +
          `"${other.name}" of shape [${other.shape}] in the source. Both must come from models of one architecture.`,
      )
    }
  })
  const lists = [target.map((parameter) => parameter.data), source.map((parameter) => parameter.data)]
  return mergeRanges(lists).map((range) => range.arrays as [Float32Array, Float32Array])
}

/** Copies the source's values into the target, by position. One memory copy when both are packed. */
export function assignParameters(target: readonly Parameter[], source: readonly Parameter[]): void {
  for (const [to, from] of pairs('assignParameters', target, source)) to.set(from)
}

/**
 * Moves the target towards the source: t = (1 - theta) t + theta s, each product and the sum rounded to float32.
 * @throws UsageError unless 0 <= theta <= 1.
 */
export function polyakUpdate(
  target: readonly Parameter[],
  source: readonly Parameter[],
  theta: number,
): void {
  if (!(theta >= 0 && theta <= 1)) throw new UsageError(`polyakUpdate needs theta in [0, 1], got ${theta}.`)
  for (const [to, from] of pairs('polyakUpdate', target, source)) {
    kernelsFor(to, from).polyak(to, from, 1 - theta, theta)
  }
}
