import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { allocate, type HostTensor, type JsonValue, sizeOf } from '../../utils/index.js'
import type { Batch } from '../types.js'
import { isLeaf, leavesOf, readObservations } from './flat_rows.js'
import type { Hdf5File } from './hdf5_file.js'
import { actions, checkRows, type FileColumn, flagsOf, problem, rewards } from './problems.js'
import { unfinished, withHdf5 } from './read_hdf5.js'
import { type RawData, type Reader, ROW } from './types.js'

/** The file of a Minari dataset, given it or one of the folders around it. */
export function minariFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return path
  const found = [join(path, 'main_data.hdf5'), join(path, 'data', 'main_data.hdf5')].find((file) =>
    existsSync(file),
  )
  if (found === undefined) {
    throw problem(path, 'the folder has no main_data.hdf5', 'Give the folder of a Minari dataset, or a file.')
  }
  return found
}

/** Numbers of the groups `episode_<i>`, ascending. */
export function episodeNumbers(keys: readonly string[]): number[] {
  return keys
    .map((key) => /^episode_(\d+)$/.exec(key)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

/** Minari writes what older versions kept as attributes into metadata.json beside the file. */
function metadataBeside(path: string): Record<string, JsonValue> {
  const file = join(dirname(path), 'metadata.json')
  if (!existsSync(file)) return {}
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, JsonValue>
  } catch (cause) {
    throw problem(
      path,
      `metadata.json beside it is damaged: ${(cause as Error).message}`,
      'Mend or remove it.',
      cause,
    )
  }
}

function envIdOf(metadata: Readonly<Record<string, JsonValue>>): string | undefined {
  const spec = metadata['env_spec']
  if (typeof spec !== 'string') return undefined
  try {
    const { id } = JSON.parse(spec) as { id?: unknown }
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

/** A column of all rows, to be filled episode by episode. */
function growable(first: HostTensor, rows: number): HostTensor {
  const shape = [rows, ...first.shape.slice(1)]
  return { dtype: first.dtype, shape, data: allocate(first.dtype, sizeOf(shape)) }
}

function growableTree(first: HostTensor | Batch, rows: number): HostTensor | Batch {
  if (isLeaf(first)) return growable(first, rows)
  return Object.fromEntries(Object.entries(first).map(([key, child]) => [key, growableTree(child, rows)]))
}

const joined = (group: string, key: string): string => (key === '' ? group : `${group}/${key}`)

/** Copies an episode's rows behind those before it. @throws DatasetError when its rows have another shape. */
function place(path: string, key: string, part: HostTensor, whole: HostTensor, row: number): void {
  if (part.dtype !== whole.dtype || part.shape.slice(1).join() !== whole.shape.slice(1).join()) {
    throw problem(
      path,
      `"${key}" has rows of ${part.dtype} [${part.shape.slice(1).join(', ')}], expected ${whole.dtype} ` +
        `[${whole.shape.slice(1).join(', ')}] as in the first episode`,
      'All episodes must come from the same environment.',
    )
  }
  whole.data.set(part.data, row * sizeOf(whole.shape.slice(1)))
}

interface Columns {
  readonly obs: HostTensor | Batch
  readonly action: HostTensor
  readonly reward: HostTensor<Float32Array>
}

function readActions(file: Hdf5File, key: string, strict: boolean): HostTensor {
  if (file.kind(key) === 'group') {
    throw problem(file.path, `"${key}" is a record of arrays`, 'Only single arrays are supported as actions.')
  }
  return actions(file.read(key), strict)
}

/** Steps of an episode by its actions. @throws DatasetError when the arrays of the episode do not fit together. */
function checkEpisode(file: Hdf5File, group: string, part: Columns, flags: readonly FileColumn[]): number {
  const steps = checkRows(file.path, [
    { key: `${group}/actions`, rows: part.action.shape[0] ?? 0 },
    { key: `${group}/rewards`, rows: part.reward.shape[0] ?? 0 },
    ...flags.map(({ key, data }) => ({ key, rows: data.length })),
  ])
  for (const { key, tensor } of leavesOf(part.obs)) {
    if (tensor.shape[0] === steps + 1) continue
    throw problem(
      file.path,
      `"${joined(`${group}/observations`, key)}" has ${tensor.shape[0]} rows, expected ${steps + 1}: one more than ` +
        `"${group}/actions"`,
      'An episode holds the observation after its last step too; record it again.',
    )
  }
  return steps
}

/** Minari's layout: a group an episode, whose observations are one more than its steps, so no row lacks a successor. */
export const readMinari: Reader = (path, options) =>
  withHdf5(minariFile(path), (file): RawData => {
    const episodes = episodeNumbers(file.keys()).filter((i) => isWhole(file, `episode_${i}`))
    if (episodes.length === 0) {
      throw problem(file.path, 'it has no groups "episode_<i>"', 'Name its layout as data_type.')
    }
    let frames = 0
    for (const i of episodes) frames += (file.shape(`episode_${i}/rewards`)[0] ?? 0) + 1
    const flags = new Uint8Array(frames)
    let whole: Columns | undefined
    let row = 0
    for (const i of episodes) {
      const group = `episode_${i}`
      const part: Columns = {
        obs: readObservations(file, `${group}/observations`, options.strict),
        action: readActions(file, `${group}/actions`, options.strict),
        reward: rewards(file.read(`${group}/rewards`), options.strict),
      }
      const ends = [file.read(`${group}/terminations`), file.read(`${group}/truncations`)] as const
      const steps = checkEpisode(file, group, part, ends)
      whole ??= {
        obs: growableTree(part.obs, frames),
        action: growable(part.action, frames),
        reward: growable(part.reward, frames) as HostTensor<Float32Array>,
      }
      const wholes = new Map(leavesOf(whole.obs).map(({ key, tensor }) => [key, tensor]))
      for (const { key, tensor } of leavesOf(part.obs)) {
        const to = wholes.get(key)
        const name = joined(`${group}/observations`, key)
        if (to === undefined)
          throw problem(file.path, `"${name}" is not in the first episode`, 'Record all episodes alike.')
        place(file.path, name, tensor, to, row)
      }
      place(file.path, `${group}/actions`, part.action, whole.action, row)
      place(file.path, `${group}/rewards`, part.reward, whole.reward, row)
      mark(flags, row, steps, flagsOf(ends[0]))
      row += steps + 1
    }
    const metadata = { ...file.attributes(), ...metadataBeside(file.path) }
    const env_id = options.env_id ?? envIdOf(metadata)
    const keys = file.describe()
    return {
      ...whole!,
      layout: 'minari',
      path: file.path,
      flags,
      keys: keys.filter(({ key }) => key.startsWith(`episode_${episodes[0]}/`)),
      ...(env_id === undefined ? {} : { env_id }),
      metadata,
      warnings: unfinished(file),
    }
  })

/** The last episode of an interrupted writer may lack arrays; anywhere else that is an error. */
function isWhole(file: Hdf5File, group: string): boolean {
  return !file.unfinished || file.has(`${group}/truncations`)
}

/** Row bits of an episode: its last step ends it, terminated or not; one observation follows. */
function mark(flags: Uint8Array, first: number, steps: number, terminated: Uint8Array): void {
  for (let step = 0; step < steps; step++) if (terminated[step] === 1) flags[first + step] = ROW.terminated
  flags[first + steps - 1]! |= ROW.end | (terminated[steps - 1] === 1 ? 0 : ROW.cut)
  flags[first + steps] = ROW.frame
}
