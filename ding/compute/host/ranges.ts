/** Whether `b` begins in memory exactly where `a` ends. */
export function follows(a: Float32Array, b: Float32Array): boolean {
  return a.buffer === b.buffer && a.byteOffset + a.byteLength === b.byteOffset
}

/** Places `from` to `to` (exclusive) of some lists, whose arrays lie one after another, as one array per list. */
export interface Range {
  readonly from: number
  readonly to: number
  readonly arrays: readonly Float32Array[]
}

/**
 * Joins neighbours: the longest runs of places over which the arrays of every list lie one after another. For two lists
 * packed in the same order that is a single range. The lists have equal lengths, and arrays at one place equal sizes.
 */
export function mergeRanges(lists: readonly (readonly Float32Array[])[]): Range[] {
  const count = lists[0]?.length ?? 0
  const ranges: Range[] = []
  let from = 0
  for (let to = 1; to <= count; to++) {
    if (to < count && lists.every((list) => follows(list[to - 1]!, list[to]!))) continue
    ranges.push({ from, to, arrays: lists.map((list) => span(list[from]!, list[to - 1]!)) })
    from = to
  }
  return ranges
}

function span(first: Float32Array, last: Float32Array): Float32Array {
  if (first === last) return first
  const length = (last.byteOffset - first.byteOffset) / 4 + last.length
  return new Float32Array(first.buffer, first.byteOffset, length)
}
