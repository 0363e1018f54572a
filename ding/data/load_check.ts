import { CheckpointError } from '../utils/index.js'
import { type Column, inferLayout, type Layout } from './columns.js'
import type { Transition } from './types.js'

const NONE: ReadonlySet<string> = new Set()

function spell({ dtype, shape }: Column): string {
  return `${dtype} [${shape.join(', ')}]`
}

/** How columns differ from those expected, in words. */
function differences(given: readonly Column[], expected: readonly Column[]): string[] {
  const found = new Map(given.map((column) => [column.path, column]))
  const words: string[] = []
  for (const column of expected) {
    const other = found.get(column.path)
    found.delete(column.path)
    if (other === undefined) words.push(`"${column.path}" is not in the file, here it is ${spell(column)}`)
    else if (spell(other) !== spell(column))
      words.push(`"${column.path}" is ${spell(other)} in the file, ${spell(column)} here`)
  }
  for (const column of found.values()) words.push(`"${column.path}" is in the file, here there is none`)
  return words
}

/**
 * Checks the columns of a file before a buffer gives up what it holds for them.
 * @param owner the file and the buffer, for the message
 * @param held the buffer's own columns, once it knows them
 * @param like a transition such as will be pushed
 * @throws CheckpointError naming what differs
 */
export function checkColumns(owner: string, file: Layout, held?: Layout, like?: Transition): void {
  const odd = new Set(held === undefined ? [] : differences(file.columns, held.columns))
  if (like !== undefined) {
    const { columns } = inferLayout(owner, like, NONE)
    for (const text of differences(file.columns, columns)) odd.add(text)
  }
  if (odd.size === 0) return
  throw new CheckpointError(
    `${owner}: ${[...odd].join('; ')}. It was written for another environment or another policy. The buffer is as it was.`,
  )
}
