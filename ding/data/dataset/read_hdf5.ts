import type { JsonValue } from '../../utils/index.js'
import { bothWarning, cutAt, readFlags, readFlat, rowBits } from './flat_rows.js'
import { Hdf5File } from './hdf5_file.js'
import { problem } from './problems.js'
import { envOfFileName, knownEpisodeSteps } from './scores.js'
import { type RawData, type Reader, type ReadOptions, ROW } from './types.js'

/** Opens a file for `read` and closes it again. */
export async function withHdf5<T>(path: string, read: (file: Hdf5File) => T): Promise<T> {
  const file = await Hdf5File.open(path)
  try {
    return read(file)
  } finally {
    file.close()
  }
}

const text = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** What a writer left behind when it was interrupted. */
export function unfinished(file: Hdf5File): string[] {
  return file.unfinished
    ? [
        'The file was being written when its writer was interrupted; it holds what had been written until then.',
      ]
    : []
}

/** `metadata/*` of D4RL files: single texts and numbers; whole networks lie there too and are passed over. */
function d4rlMetadata(file: Hdf5File): Record<string, JsonValue> {
  const entries = file
    .keys('metadata')
    .filter((key) => file.kind(`metadata/${key}`) === 'array' && file.shape(`metadata/${key}`).length === 0)
    .map((key) => [key, file.scalar(`metadata/${key}`)] as const)
    .filter(([, value]) => value !== undefined)
  return { ...file.attributes(), ...(Object.fromEntries(entries) as Record<string, JsonValue>) }
}

/**
 * D4RL's layout: `observations, actions, rewards, terminals`, perhaps `timeouts` and `next_observations`. Rows are
 * selected as its `qlearning_dataset` does, except that a row whose successor the file has is not skipped.
 */
export const readD4rl: Reader = (path, options) =>
  withHdf5(path, (file) => {
    const { rows, ...columns } = readFlat(
      file,
      { obs: 'observations', action: 'actions', reward: 'rewards', next_obs: 'next_observations' },
      options,
    )
    const terminals = readFlags(file, 'terminals', rows)
    const metadata = d4rlMetadata(file)
    const env_id = options.env_id ?? text(metadata['env_id']) ?? envOfFileName(path)
    const warnings = unfinished(file)
    let timeouts: Uint8Array | undefined
    if (file.has('timeouts')) timeouts = readFlags(file, 'timeouts', rows)
    else {
      const limit = options.max_episode_steps ?? knownEpisodeSteps(env_id)
      if (limit === undefined) {
        warnings.push(
          'The file has no "timeouts", and the step limit of its environment is not known: give max_episode_steps, or ' +
            'steps across episodes are taken for transitions.',
        )
      } else {
        timeouts = new Uint8Array(rows)
        cutAt(limit, (row) => terminals[row] === 1, timeouts)
      }
    }
    const { flags, both } = rowBits(terminals, timeouts)
    warnings.push(...bothWarning(both, 'terminals', 'timeouts'))
    return {
      ...columns,
      layout: 'd4rl',
      path,
      flags,
      keys: file.describe(),
      ...(env_id === undefined ? {} : { env_id }),
      metadata,
      warnings,
    }
  })

/**
 * d3rlpy 1.x, which AgileRL's examples use: `terminals` flags the last two rows of an episode, `episode_terminals` the
 * last one. Flagged by both: terminated. By `episode_terminals` alone: a time-out, whose successor is not in the file. By
 * `terminals` alone: an ordinary row. `agilerl_compat` takes `terminals` as it stands and cuts nowhere.
 */
export const readD3rlpy: Reader = (path, options) =>
  withHdf5(path, (file) => {
    const said = file.scalar('discrete_action')
    const { rows, ...columns } = readFlat(
      file,
      { obs: 'observations', action: 'actions', reward: 'rewards' },
      { strict: options.strict, ...(typeof said === 'boolean' ? { discrete: said } : {}) },
    )
    const terminals = readFlags(file, 'terminals', rows)
    const ends = readFlags(file, 'episode_terminals', rows)
    const flags = new Uint8Array(rows)
    let early = 0
    for (let row = 0; row < rows; row++) {
      const terminal = terminals[row] === 1
      const end = ends[row] === 1
      if (terminal && !end) early++
      const terminated = options.agilerl_compat ? terminal : terminal && end
      const cut = end && !terminal && !options.agilerl_compat
      flags[row] = (terminated ? ROW.terminated : 0) | (cut ? ROW.cut : 0) | (end ? ROW.end : 0)
    }
    const warnings = unfinished(file)
    if (early > 0) {
      const done = options.agilerl_compat
        ? 'they count as terminations, as asked'
        : 'they count as ordinary steps'
      warnings.push(
        `${early} rows have "terminals" set one step before the episode ends (double terminal flags): ${done}.`,
      )
    }
    return {
      ...columns,
      layout: 'd3rlpy',
      path,
      flags,
      keys: file.describe(),
      ...(options.env_id === null ? {} : { env_id: options.env_id }),
      metadata: {
        ...file.attributes(),
        ...(file.has('version') ? { version: file.scalar('version') ?? '' } : {}),
      },
      warnings,
    }
  })

/** The layout of DI-engine's demonstrations: `obs, next_obs, action, reward, done`. */
export const readDemo: Reader = (path, options: ReadOptions) =>
  withHdf5(path, (file): RawData => {
    const { rows, ...columns } = readFlat(
      file,
      { obs: 'obs', action: 'action', reward: 'reward', next_obs: 'next_obs' },
      options,
    )
    if (columns.next_obs === undefined) {
      throw problem(
        path,
        'it has no array "next_obs"',
        'The layout "hdf5" needs it: the rows may be in any order.',
      )
    }
    const truncated = file.has('truncated') ? readFlags(file, 'truncated', rows) : undefined
    const { flags, both } = rowBits(readFlags(file, 'done', rows), truncated)
    return {
      ...columns,
      layout: 'hdf5',
      path,
      flags,
      keys: file.describe(),
      ...(options.env_id === null ? {} : { env_id: options.env_id }),
      metadata: file.attributes(),
      warnings: [...unfinished(file), ...bothWarning(both, 'done', 'truncated')],
    }
  })
