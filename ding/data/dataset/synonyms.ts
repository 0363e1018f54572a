import { type DatasetError, isHostTensor, type TypedArray } from '../../utils/index.js'
import { problem } from './problems.js'

/** Other names that columns go by, D4RL's and Minari's. */
const SYNONYMS: Readonly<Record<string, string>> = {
  observations: 'obs',
  observation: 'obs',
  next_observations: 'next_obs',
  next_observation: 'next_obs',
  actions: 'action',
  rewards: 'reward',
  terminals: 'done',
  terminations: 'done',
  terminated: 'done',
  dones: 'done',
  timeouts: 'truncated',
  truncations: 'truncated',
}

/** Our name of a column. */
export function standardName(key: string): string {
  return SYNONYMS[key] ?? key
}

/** Whether two columns, or two values of them, hold the same numbers, of whatever element type; true is 1. */
export function sameNumbers(a: unknown, b: unknown): boolean {
  if (isHostTensor(a) && isHostTensor(b)) return sameNumbers(a.data, b.data)
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const [x, y] = [a as TypedArray, b as TypedArray]
    return x.length === y.length && x.every((value, i) => value === y[i])
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number(a) === Number(b)
  if (isHostTensor(a) || isHostTensor(b) || ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) return false
  const parts = Object.entries(a)
  return (
    parts.length === Object.keys(b).length &&
    parts.every(
      ([key, part]) => Object.hasOwn(b, key) && sameNumbers(part, (b as Record<string, unknown>)[key]),
    )
  )
}

/** The complaint about two columns of one meaning that differ. @param where as in ' of line 3' */
export function ambiguous(path: string, first: string, second: string, where = ''): DatasetError {
  const name = standardName(first)
  return problem(
    path,
    `"${first}" and "${second}"${where} both stand for "${name}", but differ`,
    name === 'done'
      ? 'Leave out the one that is true at time-outs too: "done" here means terminated, and time-outs belong in "truncated".'
      : 'Leave one of them out.',
  )
}
