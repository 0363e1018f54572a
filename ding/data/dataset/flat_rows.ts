import type { HostTensor } from '../../utils/index.js'
import type { Batch } from '../types.js'
import type { Hdf5File } from './hdf5_file.js'
import { actions, checkRows, type FileColumn, flagsOf, observations, problem, rewards } from './problems.js'
import { type KeyInfo, type RawData, ROW } from './types.js'

/** Number of rows of an observation, which may be a record. */
export function rowsOf(tree: HostTensor | Batch): number {
  let node: HostTensor | Batch | undefined = tree
  while (node !== undefined && !isLeaf(node)) node = Object.values(node)[0]
  return (node as HostTensor | undefined)?.shape[0] ?? 0
}

export function isLeaf(tree: HostTensor | Batch): tree is HostTensor {
  return ArrayBuffer.isView((tree as { data?: unknown }).data)
}

/** Every array of an observation, with its key. */
export function leavesOf(tree: HostTensor | Batch, key = ''): { key: string; tensor: HostTensor }[] {
  if (isLeaf(tree)) return [{ key, tensor: tree }]
  return Object.entries(tree).flatMap(([name, child]) =>
    leavesOf(child, key === '' ? name : `${key}/${name}`),
  )
}

/** Reads an observation: an array, or a group of them (a record). */
export function readObservations(file: Hdf5File, key: string, strict: boolean): HostTensor | Batch {
  if (file.kind(key) !== 'group') return observations(file.read(key), strict)
  const names = file.keys(key)
  if (names.length === 0)
    throw problem(file.path, `the group "${key}" is empty`, 'It should hold the observations.')
  return Object.fromEntries(names.map((name) => [name, readObservations(file, `${key}/${name}`, strict)]))
}

/** Where a layout keeps its columns. */
export interface FlatKeys {
  readonly obs: string
  readonly action: string
  readonly reward: string
  readonly next_obs?: string
}

/** The columns that all flat layouts have. @throws DatasetError when one is missing or they differ in length. */
export function readFlat(
  file: Hdf5File,
  keys: FlatKeys,
  options: { readonly strict: boolean; readonly discrete?: boolean },
): Pick<RawData, 'obs' | 'next_obs' | 'action' | 'reward'> & { readonly rows: number } {
  const obs = readObservations(file, keys.obs, options.strict)
  const action = actions(file.read(keys.action), options.strict, options.discrete)
  const reward = rewards(file.read(keys.reward), options.strict)
  const columns = leavesOf(obs, keys.obs).map(({ key, tensor }) => ({ key, rows: tensor.shape[0] ?? 0 }))
  columns.push({ key: keys.action, rows: action.shape[0] ?? 0 }, { key: keys.reward, rows: reward.shape[0]! })
  const next_obs =
    keys.next_obs !== undefined && file.has(keys.next_obs)
      ? readObservations(file, keys.next_obs, options.strict)
      : undefined
  if (next_obs !== undefined) {
    for (const { key, tensor } of leavesOf(next_obs, keys.next_obs))
      columns.push({ key, rows: tensor.shape[0] ?? 0 })
  }
  const rows = checkRows(file.path, columns)
  return next_obs === undefined ? { obs, action, reward, rows } : { obs, next_obs, action, reward, rows }
}

/** A column of flags that must have `rows` rows. */
export function readFlags(file: Hdf5File, key: string, rows: number): Uint8Array {
  const flags = flagsOf(file.read(key))
  checkRows(file.path, [
    { key: 'the columns before it', rows },
    { key, rows: flags.length },
  ])
  return flags
}

/** Marks where an episode reaches `limit` steps without having ended (D4RL: `episode_step == max_episode_steps - 1`). */
export function cutAt(limit: number, ended: (row: number) => boolean, cuts: Uint8Array): void {
  let steps = 0
  for (let row = 0; row < cuts.length; row++) {
    steps++
    if (steps === limit) cuts[row] = 1
    if (steps === limit || ended(row)) steps = 0
  }
}

/** Row bits from flags; a row that both terminated and timed out counts as timed out. */
export function rowBits(
  terminated: Uint8Array,
  cut: Uint8Array | undefined,
): { flags: Uint8Array; both: number } {
  const flags = new Uint8Array(terminated.length)
  let both = 0
  for (let row = 0; row < flags.length; row++) {
    if (cut?.[row] === 1) {
      flags[row] = ROW.cut | ROW.end
      if (terminated[row] === 1) both++
    } else if (terminated[row] === 1) flags[row] = ROW.terminated | ROW.end
  }
  return { flags, both }
}

/** The warning about rows that {@link rowBits} found flagged twice. */
export function bothWarning(both: number, terminal: string, timeout: string): string[] {
  if (both === 0) return []
  return [
    `${both} rows are flagged both "${terminal}" and "${timeout}"; they count as time-outs, never as terminations.`,
  ]
}

/** What `ding dataset info` lists of an array that is not in an HDF5 file. */
export function keyInfo(key: string, { shape, dtype }: HostTensor): KeyInfo {
  return { key, shape, dtype }
}

/** A tensor of a safetensors file or of JSON lines as a column of a file. */
export function asColumn(path: string, key: string, tensor: HostTensor): FileColumn {
  return { path, key, shape: tensor.shape, data: tensor.data }
}
