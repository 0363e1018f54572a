import type { Parameter } from '../parameter.js'
import { allocateFloats, sameSpan, sliceView } from './memory.js'
import { follows } from './ranges.js'

/**
 * The values of a list of parameters in one contiguous array, and their gradients in another: what makes copying, saving,
 * target updates and optimizer steps single passes. Parameters lie in list order without gaps.
 */
export class ParameterArena {
  private constructor(
    readonly parameters: readonly Parameter[],
    /** All values, in order. A live view. */
    readonly data: Float32Array,
    /** All gradients, in order. A live view. */
    readonly grad: Float32Array,
  ) {}

  get size(): number {
    return this.data.length
  }

  /**
   * Moves the parameters' values and gradients into one arena. Parameters that already lie one after another in this
   * order (the same list packed before, or a run of it) stay where they are. Views taken from `parameter.data` or `.grad`
   * before a move no longer follow the parameter. A parameter listed twice is packed once.
   */
  static pack(parameters: Iterable<Parameter>): ParameterArena {
    const list = [...new Set(parameters)]
    const total = list.reduce((sum, parameter) => sum + parameter.size, 0)
    const [first] = list
    if (first !== undefined && isPacked(list)) {
      return new ParameterArena(list, sliceView(first.data, 0, total), sliceView(first.grad, 0, total))
    }
    const [data, grad] = allocateFloats([total, total]) as [Float32Array, Float32Array]
    let start = 0
    for (const parameter of list) {
      const { size } = parameter
      parameter.moveTo(sliceView(data, start, size), sliceView(grad, start, size))
      start += size
    }
    return new ParameterArena(list, data, grad)
  }
}

function isPacked(list: readonly Parameter[]): boolean {
  return list.every((parameter, i) => {
    const previous = list[i - 1] ?? parameter
    if (!sameSpan(previous.data, parameter.data) || !sameSpan(previous.data, parameter.grad)) return false
    return (
      previous === parameter ||
      (follows(previous.data, parameter.data) && follows(previous.grad, parameter.grad))
    )
  })
}
