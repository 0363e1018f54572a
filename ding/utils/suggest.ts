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

/** How many edits a name may be away from what was meant: none with one letter, one with up to four, then two or a third. */
function editsAllowed(length: number): number {
  if (length < 2) return 0
  return length < 5 ? 1 : Math.max(2, Math.floor(length / 3))
}

/** Whether the known name has the wanted one in it, or makes up most of it. */
function contains(known: string, wanted: string): boolean {
  return (
    (wanted.length > 2 && known.includes(wanted)) ||
    (2 * known.length > wanted.length && wanted.includes(known))
  )
}

/**
 * The known names closest to `name`, nearest first: few edits away for its length, or one containing the other.
 * What is no text (a key that was left out) is close to nothing.
 */
export function nearest(name: unknown, known: Iterable<string>, most = 3): string[] {
  if (typeof name !== 'string') return []
  const wanted = name.toLowerCase()
  const scored: [number, string][] = []
  for (const candidate of known) {
    const other = candidate.toLowerCase()
    const distance = editDistance(wanted, other)
    if (distance <= editsAllowed(wanted.length) || contains(other, wanted)) scored.push([distance, candidate])
  }
  return scored
    .sort((x, y) => x[0] - y[0] || x[1].localeCompare(y[1]))
    .slice(0, most)
    .map(([, candidate]) => candidate)
}

/** ` Did you mean "x"?`, ` Did you mean "x" or "y"?`, or nothing, ready to append to a message. */
export function didYouMean(name: unknown, known: Iterable<string>): string {
  const close = nearest(name, known)
  return close.length === 0 ? '' : ` Did you mean ${close.map((c) => `"${c}"`).join(' or ')}?`
}
