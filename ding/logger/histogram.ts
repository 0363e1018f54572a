/** Rows of [left edge, right edge, count]. */
export type Buckets = readonly (readonly [number, number, number])[]

/**
 * TensorBoard's histogram: `count` buckets of equal width from the smallest to the largest finite value; one bucket of
 * width 1 around it when all values are equal; none for no values. The largest value belongs to the last bucket.
 */
export function histogramBuckets(values: ArrayLike<number>, count = 30): Buckets {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let finite = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    finite++
    if (value < low) low = value
    if (value > high) high = value
  }
  if (finite === 0) return []
  if (low === high) return [[low - 0.5, low + 0.5, finite]]
  const width = (high - low) / count
  const counts = new Float64Array(count)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (Number.isFinite(value)) counts[Math.min(count - 1, Math.floor((value - low) / width))]!++
  }
  const edge = (i: number) => (i === count ? high : low + i * width)
  return Array.from(counts, (n, i) => [edge(i), edge(i + 1), n])
}
