import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Dtype, File, type Group, type GuessableDataTypes, ready } from 'h5wasm/node'
import { afterAll } from 'vitest'
import { RandomStream } from '../../../../ding/compute/index.js'
import {
  type Batch,
  createDataset,
  type DatasetConfig,
  type OfflineDataset,
} from '../../../../ding/data/index.js'
import { MemoryLogger } from '../../../../ding/logger/index.js'
import type { HostTensor } from '../../../../ding/utils/index.js'

/** A folder that goes away after the tests of the file. */
export function scratch(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'ding-dataset-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}

export interface FixtureArray {
  readonly data: GuessableDataTypes
  readonly shape?: number[]
  readonly dtype?: Dtype
}

/** Writes an HDF5 file by the library alone, not by the code under test. Names may have slashes. */
export async function hdf5(
  path: string,
  arrays: Readonly<Record<string, FixtureArray>>,
  attributes: Readonly<Record<string, string | number>> = {},
): Promise<string> {
  await ready
  const file = new File(path, 'w')
  for (const [name, { data, shape, dtype }] of Object.entries(arrays)) {
    const parts = name.split('/')
    let group: Group = file
    for (const part of parts.slice(0, -1)) {
      group = group.keys().includes(part) ? (group.get(part) as Group) : group.create_group(part)
    }
    group.create_dataset({ name: parts.at(-1)!, data, ...(shape && { shape }), ...(dtype && { dtype }) })
  }
  for (const [name, value] of Object.entries(attributes)) file.create_attribute(name, value)
  file.close()
  return path
}

const bytes = (values: ArrayLike<number>): FixtureArray => ({ data: Uint8Array.from(values), dtype: '<B' })

/** Row i has the observation (i, i + 0.5), the action i % 2 and the reward i. */
export function rows(count: number): Record<'obs' | 'next_obs' | 'action' | 'reward', FixtureArray> {
  const index = Array.from({ length: count }, (_, i) => i)
  return {
    obs: { data: Float32Array.from(index.flatMap((i) => [i, i + 0.5])), shape: [count, 2] },
    next_obs: { data: Float32Array.from(index.flatMap((i) => [i + 1, i + 1.5])), shape: [count, 2] },
    action: { data: Int32Array.from(index, (i) => i % 2) },
    reward: { data: Float32Array.from(index) },
  }
}

const at = (count: number, set: readonly number[]): FixtureArray =>
  bytes(Array.from({ length: count }, (_, i) => (set.includes(i) ? 1 : 0)))

/** A D4RL file of `count` rows with the given rows flagged. */
export function d4rl(
  path: string,
  count: number,
  flags: { terminals?: number[]; timeouts?: number[] | null },
  more: Readonly<Record<string, FixtureArray>> = {},
): Promise<string> {
  const { obs, action, reward } = rows(count)
  const { terminals = [], timeouts = [] } = flags
  return hdf5(path, {
    observations: obs,
    actions: action,
    rewards: reward,
    terminals: at(count, terminals),
    ...(timeouts === null ? {} : { timeouts: at(count, timeouts) }),
    ...more,
  })
}

/** A d3rlpy file of `count` rows. */
export function d3rlpy(path: string, count: number, terminals: number[], ends: number[]): Promise<string> {
  const { obs, action, reward } = rows(count)
  return hdf5(path, {
    observations: obs,
    actions: action,
    rewards: reward,
    terminals: { data: Float32Array.from({ length: count }, (_, i) => Number(terminals.includes(i))) },
    episode_terminals: { data: Float32Array.from({ length: count }, (_, i) => Number(ends.includes(i))) },
  })
}

export { at as flagged }

/** Loads a file with seed 0 and single steps, if nothing else is said. */
export async function load(
  data_path: string,
  cfg: Partial<DatasetConfig> = {},
  seed = 0,
  nstep = 1,
): Promise<{ dataset: OfflineDataset; random: RandomStream; logger: MemoryLogger }> {
  const random = RandomStream.fromSeed(seed)
  const logger = new MemoryLogger()
  return { dataset: await createDataset({ data_path, ...cfg }, { random, logger, nstep }), random, logger }
}

export const column = (batch: Batch, key: string): HostTensor => batch[key] as HostTensor

/** First entries of the observations of a batch: the row numbers of the fixtures. */
export function firsts(batch: Batch, key = 'obs'): number[] {
  const { data, shape } = column(batch, key)
  const width = data.length / shape[0]!
  return Array.from({ length: shape[0]! }, (_, i) => data[i * width]!)
}

export const values = (batch: Batch, key: string): number[] => Array.from(column(batch, key).data)
