import { statSync } from 'node:fs'
import { isHdf5Start, readStart } from './file_start.js'
import { problem } from './problems.js'
import { withHdf5 } from './read_hdf5.js'
import { episodeNumbers } from './read_minari.js'

const LAYOUTS = 'd4rl, minari, hdf5, d3rlpy, safetensors, jsonl'

function layoutOfKeys(path: string, keys: readonly string[]): string {
  const has = (...names: string[]): boolean => names.every((name) => keys.includes(name))
  if (episodeNumbers(keys).length > 0) return 'minari'
  if (has('observations', 'actions', 'rewards', 'terminals', 'episode_terminals')) return 'd3rlpy'
  if (has('observations', 'actions', 'rewards', 'terminals')) return 'd4rl'
  if (has('obs', 'action', 'reward')) return 'hdf5'
  throw problem(
    path,
    `its layout is not known; it has the keys ${keys.slice(0, 12).join(', ') || '(none)'}`,
    `Known layouts: ${LAYOUTS}. Name one as data_type to learn what it lacks, or convert the file.`,
  )
}

/** The layout of a dataset, from its content. @throws DatasetError when it is none that is known. */
export async function detectLayout(path: string): Promise<string> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'minari'
  const { start } = readStart(path, 8192)
  if (isHdf5Start(start)) return withHdf5(path, (file) => layoutOfKeys(path, file.keys()))
  // Safetensors: the length of a JSON header in 8 bytes, then the header.
  if (start.length > 8 && start[8] === 0x7b && start.readUInt32LE(4) === 0) return 'safetensors'
  if (/^\s*\{/.test(start.toString('utf8'))) return 'jsonl'
  const pickle = start[0] === 0x80 && (start[1] ?? 0) <= 5
  throw problem(
    path,
    pickle
      ? 'it is a Python pickle, which is code as much as data and is not read'
      : 'it is no dataset that is known',
    pickle ? 'Save it as HDF5 from Python.' : `Known layouts: ${LAYOUTS}.`,
  )
}
