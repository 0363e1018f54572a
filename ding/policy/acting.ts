import type { Tensor } from '@tensorflow/tfjs-core'
import type { Compute, HostTree, Program, RandomStream } from '../compute/index.js'
import type { Obs } from '../envs/index.js'
import type { ObsTensor } from '../nn/index.js'
import { allocate, type DType, type HostTensor, isHostTensor, NumericError, type TypedArray } from '../utils/index.js'
import type { ById, PolicyOutput } from './types.js'

type Row = TypedArray | HostTensor | number

function isRow(value: unknown): value is Row {
  return typeof value === 'number' || ArrayBuffer.isView(value) || isHostTensor(value)
}

function rowSpec(value: Row): { dtype: DType; shape: readonly number[]; data: ArrayLike<number> } {
  if (typeof value === 'number') return { dtype: 'float32', shape: [], data: [value] }
  if (isHostTensor(value)) return value
  const dtype: DType = value instanceof Float32Array ? 'float32' : value instanceof Int32Array ? 'int32' : 'uint8'
  return { dtype, shape: [value.length], data: value }
}

/** Stacks observations along a new batch axis, padded with zero rows to `capacity`. @throws NumericError on unequal shapes. */
export function stackObs(rows: readonly Obs[], capacity = rows.length): HostTree {
  const first = rows[0]
  if (first === undefined) throw new NumericError('Cannot stack an empty list of observations.')
  if (isRow(first)) {
    const spec = rowSpec(first)
    const size = spec.data.length
    const data = allocate(spec.dtype, size * capacity)
    for (let i = 0; i < rows.length; i++) {
      const row = rowSpec(rows[i] as Row).data
      if (row.length !== size) {
        throw new NumericError(`Observations of one batch differ in size: row 0 has ${size} values, row ${i} has ${row.length}.`)
      }
      data.set(row, i * size)
    }
    return { dtype: spec.dtype, shape: [capacity, ...spec.shape], data }
  }
  const tree: { [key: string]: HostTree } = {}
  for (const key of Object.keys(first)) {
    tree[key] = stackObs(
      rows.map((row) => (row as Record<string, Obs>)[key] as Obs),
      capacity,
    )
  }
  return tree
}

/** Row `i` of a batched host tensor: a number for shape [B], otherwise a copy of the row. */
function rowOf(batch: HostTensor, i: number): number | TypedArray {
  const width = batch.data.length / (batch.shape[0] ?? 1)
  if (batch.shape.length === 1) return batch.data[i] as number
  return batch.data.slice(i * width, (i + 1) * width)
}

function unstack(tree: unknown, i: number): unknown {
  if (isHostTensor(tree)) return rowOf(tree, i)
  if (Array.isArray(tree)) return tree.map((t) => unstack(t, i))
  if (typeof tree === 'object' && tree !== null) {
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, unstack(v, i)]))
  }
  return tree
}

/**
 * Runs an acting program over whichever environments ask: stacks their observations, pads to the largest number of
 * environments seen (so that the program is compiled once), runs, and splits the outputs by environment id.
 */
export class Actor {
  private readonly program: Program<{ obs: ObsTensor; settings: Record<string, Tensor> }, Record<string, unknown>>
  private capacity = 0

  /** @param act output record with at least `action`, computed from `obs` [n, ...] and per-environment settings [n]. */
  constructor(
    compute: Compute,
    name: string,
    random: RandomStream,
    act: (inputs: { obs: ObsTensor; settings: Record<string, Tensor> }) => Record<string, unknown>,
  ) {
    this.program = compute.program(name, act, { random })
  }

  /** @param settings numbers for all environments, or records by environment id. */
  async forward(data: ById<Obs>, settings: Record<string, number | ById<number>> = {}): Promise<ById<PolicyOutput>> {
    const ids = Object.keys(data).map(Number)
    if (ids.length === 0) return {}
    this.capacity = Math.max(this.capacity, ids.length)
    const rows: Record<string, HostTensor> = {}
    for (const [name, value] of Object.entries(settings)) {
      const column = new Float32Array(this.capacity)
      for (let i = 0; i < ids.length; i++) column[i] = typeof value === 'number' ? value : (value[ids[i] as number] ?? 0)
      rows[name] = { dtype: 'float32', shape: [this.capacity], data: column }
    }
    const obs = stackObs(
      ids.map((id) => data[id] as Obs),
      this.capacity,
    )
    const out = await this.program.run({ obs, settings: rows })
    const result: ById<PolicyOutput> = {}
    for (let i = 0; i < ids.length; i++) result[ids[i] as number] = unstack(out, i) as PolicyOutput
    return result
  }
}
