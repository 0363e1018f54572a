import { type HostTensor, sizeOf } from '../../utils/index.js'
import type { Batch } from '../types.js'
import { leavesOf } from './flat_rows.js'
import { problem } from './problems.js'
import { type RawData, ROW } from './types.js'

/**
 * Which rows are transitions, and where each one's successor is. A successor that is the next row's observation, as nearly
 * all are, is not stored again; the others (`extra`) lie behind the rows of the file.
 */
export interface Links {
  /** Rows of the file that are transitions. */
  readonly rows: Int32Array
  /** For each of them, the row of its successor. */
  readonly next: Int32Array
  /** Rows of `next_obs` that have to be stored, in the order in which they follow the last row. */
  readonly extra: Int32Array
  /** For each row of the file, whether the next row goes on where it led to. */
  readonly continues: (row: number) => boolean
}

/** Whether two rows of a column are the same, bit for bit except that 0 is -0. */
function rowsEqual(a: HostTensor, rowA: number, b: HostTensor, rowB: number, width: number): boolean {
  const x = a.data
  const y = b.data
  for (let i = rowA * width, j = rowB * width, end = i + width; i < end; i++, j++) {
    if (x[i] !== y[j]) return false
  }
  return true
}

/** The column of `next_obs` for each one of `obs`. @throws DatasetError when they are not of the same kind. */
export function successorsOf(
  path: string,
  obs: HostTensor | Batch,
  next_obs: HostTensor | Batch,
): HostTensor[] {
  const successors = new Map(leavesOf(next_obs).map(({ key, tensor }) => [key, tensor]))
  return leavesOf(obs).map(({ key, tensor }) => {
    const successor = successors.get(key)
    const spell = ({ dtype, shape }: HostTensor): string => `${dtype} [${shape.slice(1).join(', ')}]`
    if (successor !== undefined && spell(successor) === spell(tensor)) return successor
    throw problem(
      path,
      `its next observations${key === '' ? '' : ` "${key}"`} have rows of ` +
        `${successor === undefined ? 'nothing' : spell(successor)}, expected ${spell(tensor)} as the observations`,
      'Store both alike.',
    )
  })
}

/** Whether row + 1 of `obs` is row `row` of `next_obs`. */
function sameAsNext(
  path: string,
  obs: HostTensor | Batch,
  next_obs: HostTensor | Batch,
  rows: number,
): (row: number) => boolean {
  const successors = successorsOf(path, obs, next_obs)
  const pairs = leavesOf(obs).map(({ tensor }, i) => ({
    tensor,
    successor: successors[i]!,
    width: sizeOf(tensor.shape.slice(1)),
  }))
  return (row) =>
    row + 1 < rows &&
    pairs.every(({ tensor, successor, width }) => rowsEqual(successor, row, tensor, row + 1, width))
}

/** Links the rows of a file. Rows without a successor are left out: D4RL's `qlearning_dataset`. */
export function linkRows({ path, flags, obs, next_obs }: RawData): Links {
  const count = flags.length
  const rows = new Int32Array(count)
  const next = new Int32Array(count)
  let kept = 0
  if (next_obs === undefined) {
    const isFrame = (row: number): boolean => (flags[row]! & ROW.frame) !== 0
    for (let row = 0; row + 1 < count; row++) {
      if (isFrame(row) || ((flags[row]! & ROW.cut) !== 0 && !isFrame(row + 1))) continue
      rows[kept] = row
      next[kept++] = row + 1
    }
    return {
      rows: rows.slice(0, kept),
      next: next.slice(0, kept),
      extra: new Int32Array(0),
      continues: (row) => row + 1 < count,
    }
  }
  const shared = sameAsNext(path, obs, next_obs, count)
  const follows = new Uint8Array(count)
  const extra = new Int32Array(count)
  let extras = 0
  for (let row = 0; row < count; row++) {
    rows[row] = row
    if (shared(row)) {
      follows[row] = 1
      next[row] = row + 1
    } else {
      next[row] = count + extras
      extra[extras++] = row
    }
  }
  return { rows, next, extra: extra.slice(0, extras), continues: (row) => follows[row] === 1 }
}

/** The first `most` transitions, or the last ones. */
export function limitLinks(links: Links, most: number | null, last: boolean): Links {
  if (most === null || links.rows.length <= most) return links
  const from = last ? links.rows.length - most : 0
  return {
    ...links,
    rows: links.rows.slice(from, from + most),
    next: links.next.slice(from, from + most),
  }
}

/** Links by stored rows: only rows `first` to `last` (not included) of the file and the extra ones that are needed. */
export interface StoredLinks extends Pick<Links, 'rows' | 'extra'> {
  /** Absent when each row's successor is the next row, as in most files. */
  readonly next?: Int32Array
  readonly first: number
  readonly last: number
}

/** Counts rows from the first one that has to be stored. `count`: rows of the file. */
export function storeLinks({ rows, next, extra }: Links, count: number): StoredLinks {
  const first = rows[0]!
  let last = rows.at(-1)! + 1
  let extraFirst = extra.length
  let extraLast = 0
  for (const row of next) {
    if (row < count) last = Math.max(last, row + 1)
    else {
      extraFirst = Math.min(extraFirst, row - count)
      extraLast = Math.max(extraLast, row - count + 1)
    }
  }
  const adjacent = next.every((row, i) => row === rows[i]! + 1)
  const stored = (row: number): number =>
    row < count ? row - first : last - first + row - count - extraFirst
  return {
    rows: rows.map((row) => row - first),
    ...(adjacent ? {} : { next: next.map(stored) }),
    extra: extra.slice(extraFirst, Math.max(extraFirst, extraLast)),
    first,
    last,
  }
}
