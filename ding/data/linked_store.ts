import type { HostTensor, StateTree } from '../utils/index.js'
import { CheckpointError, DingError, setOwn } from '../utils/index.js'
import { batchSize, transitionAt } from './batch.js'
import { ColumnStore, emptyRows } from './column_store.js'
import { type Column, type ColumnGroup, checkTransition, inferLayout, type Layout } from './columns.js'
import { copyValue, hashOf, sameBits, writeValue } from './obs_value.js'
import { intTensor, readInts, readRecord } from './state_fields.js'
import type { Storage } from './storage.js'
import type { Batch, Transition, TransitionValue } from './types.js'

const NONE: ReadonlySet<string> = new Set()
const APART = -1
const KEPT_SIZES = 4

/**
 * Columns without one for `next_obs`: that of a row is kept as the `obs` of a later row (or of itself) that is the same, bit
 * for bit, and by itself only as long as there is none. In a ring a later row outlives the earlier one, so such a link never
 * breaks. By itself stay the latest row of each environment, and the last one of each episode, whose next observation
 * nothing follows. Rows are found by what they hold, never by their order, so neither episodes, nor several environments, nor
 * n-step returns need any care, and a coincidence does no harm.
 */
export class LinkedStore implements Storage {
  readonly #columns: ColumnStore
  readonly #skipped: ReadonlySet<string>
  /** The row whose `obs` is the next observation of a row; APART where that is kept by itself. */
  readonly #next: Int32Array
  readonly #apart = new Map<number, TransitionValue>()
  /** Rows of #apart by the hash of their next observation. */
  readonly #waiting = new Map<number, Set<number>>()
  readonly #batches = new Map<number, HostTensor | Batch>()
  #nextLayout: Layout | undefined

  constructor(
    readonly capacity: number,
    readonly name: string,
    skipped: ReadonlySet<string> = NONE,
  ) {
    this.#skipped = new Set([...skipped, 'next_obs'])
    this.#columns = new ColumnStore(capacity, name, this.#skipped)
    this.#next = new Int32Array(capacity).fill(APART)
  }

  get layout(): Layout | undefined {
    const own = this.#columns.layout
    const next = this.#nextLayout
    if (own === undefined || next === undefined) return undefined
    const children = new Map([...own.root.children, ...next.root.children])
    return { root: { ...own.root, children }, columns: [...own.columns, ...next.columns] }
  }

  check(transitions: readonly Transition[]): void {
    const [first] = transitions
    if (first === undefined) return
    const layout = this.#columns.layout ?? inferLayout(this.name, first, this.#skipped)
    const obs = layout.root.children.get('obs')
    if (obs === undefined) {
      throw new DingError(
        `${this.name}: optimize_memory_usage needs transitions with obs and next_obs, but "obs" is missing. Set it to false.`,
      )
    }
    const next = this.#nextLayout ?? asNextObs(obs)
    for (const [i, { next_obs }] of transitions.entries()) {
      const part: Transition = next_obs === undefined ? {} : { next_obs }
      checkTransition(this.name, `transition ${i} of this push`, next, part, NONE)
    }
    this.#columns.check(transitions)
    this.#nextLayout = next
  }

  write(row: number, transition: Transition): void {
    this.#forget(row)
    this.#columns.write(row, transition)
    const node = this.#obsNode
    const obs = transition['obs']!
    const next_obs = transition['next_obs']!
    this.#claim(node, hashOf(node, obs), obs, row)
    if (sameBits(node, obs, next_obs)) this.#next[row] = row
    else this.#keepApart(node, row, copyValue(next_obs))
  }

  gather(rows: Int32Array): Batch {
    const batch = this.#columns.gather(rows)
    const known = this.#batches.get(rows.length)
    const next_obs = this.#nextPart([], rows, known)
    if (known === undefined) {
      if (this.#batches.size >= KEPT_SIZES) this.#batches.delete(this.#batches.keys().next().value!)
      this.#batches.set(rows.length, next_obs)
    }
    setOwn(batch, 'next_obs', next_obs)
    return batch
  }

  part(path: readonly string[], rows: Int32Array): HostTensor | Batch {
    const [first, ...rest] = path
    if (first === undefined)
      return { ...(this.#columns.part([], rows) as Batch), next_obs: this.#nextPart([], rows) }
    return first === 'next_obs' ? this.#nextPart(rest, rows) : this.#columns.part(path, rows)
  }

  reader(key: string): ((row: number) => number) | undefined {
    return this.#columns.reader(key)
  }

  reset(): void {
    this.#columns.reset()
    this.#next.fill(APART)
    this.#apart.clear()
    this.#waiting.clear()
    this.#batches.clear()
    this.#nextLayout = undefined
  }

  get bytes(): number {
    const node = this.#columns.layout?.root.children.get('obs')
    const each = node === undefined ? 0 : bytesOf(node)
    return this.#columns.bytes + this.#next.byteLength + this.#apart.size * each
  }

  view(rows: number): Batch {
    const layout = this.#columns.layout
    if (layout === undefined) return {}
    const apart = [...this.#apart.keys()].sort((a, b) => a - b)
    const values = emptyRows(asNextObs(this.#obsNode).root, apart.length)
    for (const [i, row] of apart.entries())
      writeValue(this.#obsNode, values['next_obs']!, i, this.#apart.get(row)!)
    return {
      columns: this.#columns.view(rows),
      next_row: intTensor(this.#next.subarray(0, rows)),
      apart_row: intTensor(Int32Array.from(apart)),
      ...(apart.length > 0 && { apart: values }),
    }
  }

  restore(state: StateTree, rows: number): void {
    if (Object.keys(state).length === 0) {
      this.reset()
      return
    }
    if (!('next_row' in state)) {
      throw new CheckpointError(
        `${this.name}: the saved state is of a buffer without optimize_memory_usage. Resume without it, or use save_data and load_data.`,
      )
    }
    const next = readInts(state, 'next_row')
    const apart = readInts(state, 'apart_row')
    const values = apart.length > 0 ? (readRecord(state, 'apart') as Batch) : {}
    const linked = next.reduce((count, row) => count + (row === APART ? 0 : 1), 0)
    const consistent =
      next.length === rows &&
      next.every((row) => row >= APART && row < rows) &&
      apart.every((row) => next[row] === APART) &&
      new Set(apart).size + linked === rows &&
      (apart.length === 0 || batchSize(values) === apart.length)
    if (!consistent)
      throw new CheckpointError(`${this.name}: the saved rows and their next observations do not match.`)
    this.#columns.restore(readRecord(state, 'columns'), rows)
    this.#next.fill(APART)
    this.#next.set(next)
    this.#apart.clear()
    this.#waiting.clear()
    this.#batches.clear()
    const node = this.#obsNode
    this.#nextLayout = asNextObs(node)
    for (const [i, row] of apart.entries())
      this.#keepApart(node, row, copyValue(transitionAt(values, i)['next_obs']!))
  }

  /** The form of an observation; there once something was checked. */
  get #obsNode(): Column | ColumnGroup {
    return this.#columns.layout!.root.children.get('obs')!
  }

  #nextPart(path: readonly string[], rows: Int32Array, target?: HostTensor | Batch): HostTensor | Batch {
    // Rows kept apart are read from themselves first, and overwritten.
    const from = rows.map((row) => (this.#next[row] === APART ? row : this.#next[row]!))
    const part = this.#columns.part(['obs', ...path], from, target)
    let node = this.#obsNode
    for (const key of path) node = (node as ColumnGroup).children.get(key)!
    for (let i = 0; i < rows.length; i++) {
      if (this.#next[rows[i]!] !== APART) continue
      let value = this.#apart.get(rows[i]!)!
      for (const key of path) value = (value as Transition)[key]!
      writeValue(node, part, i, value)
    }
    return part
  }

  #keepApart(node: Column | ColumnGroup, row: number, next_obs: TransitionValue): void {
    this.#next[row] = APART
    this.#apart.set(row, next_obs)
    const hash = hashOf(node, next_obs)
    const waiting = this.#waiting.get(hash)
    if (waiting === undefined) this.#waiting.set(hash, new Set([row]))
    else waiting.add(row)
  }

  /** The rows whose next observation is the `obs` that row `row` now holds are linked to it. */
  #claim(node: Column | ColumnGroup, hash: number, obs: TransitionValue, row: number): void {
    const waiting = this.#waiting.get(hash)
    if (waiting === undefined) return
    for (const earlier of waiting) {
      if (!sameBits(node, this.#apart.get(earlier)!, obs)) continue
      this.#next[earlier] = row
      this.#apart.delete(earlier)
      waiting.delete(earlier)
    }
    if (waiting.size === 0) this.#waiting.delete(hash)
  }

  /** Row `row` is about to be overwritten. Nothing is linked to it: what was, was older. */
  #forget(row: number): void {
    const next_obs = this.#apart.get(row)
    if (next_obs === undefined) return
    const hash = hashOf(this.#obsNode, next_obs)
    const waiting = this.#waiting.get(hash)!
    waiting.delete(row)
    if (waiting.size === 0) this.#waiting.delete(hash)
    this.#apart.delete(row)
  }
}

/** The layout of a record {next_obs} whose entry has the form of `obs`. */
function asNextObs(obs: Column | ColumnGroup): Layout {
  const columns: Column[] = []
  const renamed = (node: Column | ColumnGroup): Column | ColumnGroup => {
    const path = node.path.replace(/^obs/, 'next_obs')
    if (node.kind === 'column') {
      const column = { ...node, path, index: columns.length }
      columns.push(column)
      return column
    }
    const children = new Map([...node.children].map(([key, child]) => [key, renamed(child)]))
    return { ...node, path, children }
  }
  const root: ColumnGroup = { kind: 'group', path: '', children: new Map([['next_obs', renamed(obs)]]) }
  return { root, columns }
}

/** Bytes of one value kept apart. */
function bytesOf(node: Column | ColumnGroup): number {
  if (node.kind === 'column') return node.width * (node.dtype === 'float32' || node.dtype === 'int32' ? 4 : 1)
  return [...node.children.values()].reduce((sum, child) => sum + bytesOf(child), 0)
}
