import { basename } from 'node:path'
import { type HostTensor, isHostTensor, sizeOf } from '../../utils/index.js'
import { readDataset } from './datasets.js'
import { leavesOf } from './flat_rows.js'
import { linkRows } from './links.js'
import { allFinite } from './problems.js'
import { D4RL_REFERENCE_SCORES, normalised_score } from './scores.js'
import { type Episodes, episodesOf, momentsOf, ofSeveralSteps, statisticsOf } from './statistics.js'
import { type DatasetStatistics, type RawData, ROW, type ValueSummary } from './types.js'

export interface DescribeOptions {
  /** The layout, if it is not to be found out. */
  readonly data_type?: string
  /** The environment, for its reference scores, if the file does not say. */
  readonly env_id?: string
  readonly max_episode_steps?: number
}

/** A number in at most six digits. */
const show = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value)

const list = (values: ArrayLike<number>, most = 8): string => {
  const shown = Array.from({ length: Math.min(values.length, most) }, (_, i) => show(values[i]!))
  return `[${shown.join(', ')}${values.length > most ? `, ... ${values.length} in all` : ''}]`
}

const summary = ({ mean, std, min, max }: ValueSummary): string =>
  `mean ${show(mean)}, std ${show(std)}, from ${show(min)} to ${show(max)}`

/** Columns aligned. */
function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) ?? []
  return rows.map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')}`.trimEnd())
}

/** NaN and infinities of a column, as a warning. */
function notFinite(key: string, { data, shape }: HostTensor): string[] {
  if (!(data instanceof Float32Array) || allFinite(data)) return []
  let count = 0
  let first = -1
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue
    if (count++ === 0) first = i
  }
  const row = Math.floor(first / Math.max(1, sizeOf(shape.slice(1))))
  return [
    `${key}: ${count} values are NaN or infinite, the first in row ${row}. Training refuses such a file.`,
  ]
}

function constants(key: string, column: HostTensor, rows: Int32Array): string[] {
  if (column.dtype === 'uint8' || rows.length < 2) return []
  const flat = Array.from(momentsOf(column, rows).std.entries())
    .filter(([, std]) => std === 0)
    .map(([i]) => i)
  if (flat.length === 0) return []
  const width = sizeOf(column.shape.slice(1))
  if (width === 1) return [`${key}: all rows have the same value.`]
  return [`${key}: entries ${list(flat)} of ${width} have the same value in all rows.`]
}

function warningsOf(
  raw: RawData,
  rows: Int32Array,
  statistics: DatasetStatistics,
  episodes: Episodes,
): string[] {
  const observed = leavesOf(raw.obs, 'observations')
  const warnings = [
    ...raw.warnings,
    ...observed.flatMap(({ key, tensor }) => notFinite(key, tensor)),
    ...notFinite('actions', raw.action),
    ...notFinite('rewards', raw.reward),
    ...observed.flatMap(({ key, tensor }) => constants(key, tensor, rows)),
    ...constants('actions', raw.action, rows),
  ]
  if (statistics.rewards.min === statistics.rewards.max)
    warnings.push(`rewards: all are ${show(statistics.rewards.min)}.`)
  if (episodes.pieces > 1)
    warnings.push(
      `${episodes.pieces} pieces begin or end in the middle of an episode; their returns are not counted.`,
    )
  if (!ofSeveralSteps(raw) && statistics.terminations + statistics.timeouts === 0)
    warnings.push('No row ends an episode: every row is taken to be followed by the next.')
  return warnings
}

function actionLines(raw: RawData, { action_bounds: { min, max } }: DatasetStatistics): string {
  if (raw.action.dtype !== 'int32')
    return `continuous, ${sizeOf(raw.action.shape.slice(1))} entries, from ${list(min)} to ${list(max)}`
  return min.length === 1
    ? `discrete, from ${min[0]} to ${max[0]}`
    : `discrete, ${min.length} entries, from ${list(min)} to ${list(max)}`
}

/**
 * What is in a dataset file, as text for a person: layout, arrays, transitions, episodes and returns, bounds, and what
 * looks wrong.
 * @throws DatasetError when the file cannot be read at all; NaN in it is only reported.
 */
export async function describeDataset(path: string, options: DescribeOptions = {}): Promise<string> {
  const { data_type = 'auto', env_id = null, max_episode_steps = null } = options
  const raw = await readDataset(path, data_type, false, { env_id, max_episode_steps })
  const links = linkRows(raw)
  const episodes = episodesOf(raw, links.continues)
  const statistics = statisticsOf(raw, links, episodes)
  const steps = raw.flags.filter((bits) => (bits & ROW.frame) === 0).length
  const { size } = statistics
  const { returns, lengths, rewards, mean, std } = statistics
  const facts: [string, string][] = [
    ['file', basename(raw.path)],
    ['layout', raw.layout],
    ['environment', raw.env_id ?? 'not named in the file'],
    [
      'transitions',
      size === steps ? `${size}, all rows` : `${size} of ${steps} rows (the others have no successor)`,
    ],
  ]
  if (ofSeveralSteps(raw))
    facts.push(['episodes', `not known: rewards of ${raw.reward.shape[1]} steps a row`])
  else {
    facts.push(
      [
        'episodes',
        `${episodes.returns.length} whole${episodes.pieces > 0 ? `, ${episodes.pieces} pieces` : ''}`,
      ],
      ['ended by', `${statistics.terminations} terminations, ${statistics.timeouts} time-outs or cuts`],
    )
  }
  if (episodes.returns.length > 0) {
    facts.push(['return', summary(returns)], ['length', summary(lengths)])
    if (raw.env_id !== undefined && D4RL_REFERENCE_SCORES.has(raw.env_id)) {
      const score = (value: number): string => show(normalised_score(raw.env_id!, value))
      facts.push([
        'normalised',
        `mean ${score(returns.mean)}, from ${score(returns.min)} to ${score(returns.max)}`,
      ])
    }
  }
  facts.push(['reward', summary(rewards)], ['action', actionLines(raw, statistics)])
  for (const { key, tensor } of leavesOf(raw.obs, 'observation'))
    facts.push([key, `${tensor.dtype} [${tensor.shape.slice(1).join(', ')}]`])
  if (mean !== undefined && std !== undefined && isHostTensor(raw.obs))
    facts.push(['  mean', list(mean)], ['  std + 1e-3', list(std)])
  for (const [name, value] of Object.entries(raw.metadata)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    facts.push([name, text.length > 80 ? `${text.slice(0, 77)}...` : text])
  }
  const keys = raw.keys.map(({ key, shape, dtype }) => [key, `[${shape.join(', ')}]`, dtype])
  const warnings = warningsOf(raw, links.rows, statistics, episodes)
  return `${[
    ...table(facts),
    '',
    raw.layout === 'minari' ? 'arrays of the first episode' : 'arrays',
    ...table(keys, '  '),
    '',
    ...(warnings.length === 0
      ? ['Nothing looks wrong.']
      : ['look at', ...warnings.map((line) => `  ${line}`)]),
  ].join('\n')}\n`
}
