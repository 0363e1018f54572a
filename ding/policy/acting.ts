import type { Tensor } from '@tensorflow/tfjs-core'
import type { Compute, Program, RandomStream } from '../compute/index.js'
import type { Obs } from '../envs/index.js'
import type { ObsTensor } from '../nn/index.js'
import { allocate, type HostTensor, isHostTensor } from '../utils/index.js'
import { stackObs } from './observations.js'
import type { ById, PolicyOutput } from './types.js'

/** Reads row `i` of an output of a program. */
type RowReader = (i: number) => unknown

/** Of a tensor [B]: numbers; of one [B, ...]: copies of its rows; of a list of [B]: one array of an entry each. */
function rowReader(tree: unknown): RowReader {
  if (isHostTensor(tree)) {
    const { data, shape } = tree
    if (shape.length === 1) return (i) => data[i]
    const width = data.length / (shape[0] ?? 1)
    return (i) => data.slice(i * width, (i + 1) * width)
  }
  if (Array.isArray(tree)) {
    const columns = tree.every((entry) => isHostTensor(entry) && entry.shape.length === 1)
      ? (tree as HostTensor[])
      : []
    const [first] = columns
    if (first === undefined) {
      const readers = tree.map(rowReader)
      return (i) => readers.map((read) => read(i))
    }
    return (i) => {
      const row = allocate(first.dtype, columns.length)
      for (let k = 0; k < columns.length; k++) row[k] = columns[k]?.data[i] as number
      return row
    }
  }
  if (typeof tree === 'object' && tree !== null) {
    const readers = Object.entries(tree).map(([key, value]) => [key, rowReader(value)] as const)
    return (i) => {
      const record: Record<string, unknown> = {}
      for (const [key, read] of readers) record[key] = read(i)
      return record
    }
  }
  return () => tree
}

/** What an acting program computes: at least `action`, from `obs` [n, ...] and per-environment settings [n]. */
export type ActFunction = (inputs: {
  obs: ObsTensor
  settings: Record<string, Tensor>
}) => Record<string, unknown>

/**
 * Runs an acting program over whichever environments ask: stacks their observations, pads to the largest number of
 * environments seen (so that the program is compiled once), runs, and splits the outputs by environment id. An action of
 * several discrete choices comes out as one Int32Array.
 */
export class Actor {
  private readonly program: Program<
    { obs: ObsTensor; settings: Record<string, Tensor> },
    Record<string, unknown>
  >
  private capacity = 0

  constructor(compute: Compute, name: string, random: RandomStream, act: ActFunction) {
    this.program = compute.program(name, act, { random })
  }

  /** @param settings numbers for all environments, or records by environment id. */
  async forward(
    data: ById<Obs>,
    settings: Record<string, number | ById<number>> = {},
  ): Promise<ById<PolicyOutput>> {
    const ids = Object.keys(data) as unknown as number[]
    if (ids.length === 0) return {}
    this.capacity = Math.max(this.capacity, ids.length)
    const columns: Record<string, HostTensor> = {}
    for (const name of Object.keys(settings)) columns[name] = this.column(settings[name] ?? 0, ids)
    const obs = stackObs(
      ids.map((id) => data[id] as Obs),
      this.capacity,
    )
    const read = rowReader(await this.program.run({ obs, settings: columns }))
    const result: ById<PolicyOutput> = {}
    for (let i = 0; i < ids.length; i++) result[ids[i] as number] = read(i) as PolicyOutput
    return result
  }

  private column(value: number | ById<number>, ids: readonly number[]): HostTensor {
    const data = new Float32Array(this.capacity)
    if (typeof value === 'number') data.fill(value, 0, ids.length)
    else for (let i = 0; i < ids.length; i++) data[i] = value[ids[i] as number] ?? 0
    return { dtype: 'float32', shape: [this.capacity], data }
  }
}
