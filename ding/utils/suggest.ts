/** Edit distance with transpositions (optimal string alignment), for "did you mean". */
function editDistance(a: string, b: string): number {
  const rows = a.length + 1
  const cols = b.length + 1
  const d = new Uint16Array(rows * cols)
  for (let i = 0; i < rows; i++) d[i * cols] = i
  for (let j = 0; j < cols; j++) d[j] = j
  for (let i = 1; i < rows; i++) {
    for (let j = 1; j < cols; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(
        d[(i - 1) * cols + j]! + 1,
        d[i * cols + j - 1]! + 1,
        d[(i - 1) * cols + j - 1]! + cost,
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, d[(i - 2) * cols + j - 2]! + 1)
      }
      d[i * cols + j] = best
    }
  }
  return d[rows * cols - 1]!
}

/** The known names closest to `name`, nearest first: within a third of its length in edits, or containing it. */
export function nearest(name: string, known: Iterable<string>, most = 3): string[] {
  const wanted = name.toLowerCase()
  const scored: [number, string][] = []
  for (const candidate of known) {
    const other = candidate.toLowerCase()
    const distance = editDistance(wanted, other)
    const contains = wanted.length > 2 && (other.includes(wanted) || wanted.includes(other))
    if (distance <= Math.max(2, Math.floor(wanted.length / 3)) || contains) scored.push([distance, candidate])
  }
  return scored
    .sort((x, y) => x[0] - y[0] || x[1].localeCompare(y[1]))
    .slice(0, most)
    .map(([, candidate]) => candidate)
}

/** ` Did you mean "x"?`, ` Did you mean "x" or "y"?`, or nothing, ready to append to a message. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const close = nearest(name, known)
  return close.length === 0 ? '' : ` Did you mean ${close.map((c) => `"${c}"`).join(' or ')}?`
}
