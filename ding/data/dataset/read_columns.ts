import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import {
  DingError,
  type HostTensor,
  isHostTensor,
  type JsonValue,
  loadState,
  readSafetensors,
  setOwn,
} from '../../utils/index.js'
import { collate } from '../batch.js'
import type { Batch, Transition, TransitionValue } from '../types.js'
import { readStart } from './file_start.js'
import { asColumn, bothWarning, keyInfo, leavesOf, rowBits } from './flat_rows.js'
import { actions, checkFinite, checkRows, discounts, flagsOf, problem, rewards } from './problems.js'
import { ofSeveralSteps } from './statistics.js'
import { ambiguous, sameNumbers, standardName } from './synonyms.js'
import type { KeyInfo, RawData, Reader, ReadOptions } from './types.js'

/** Makes data of named columns. @throws DatasetError naming what is missing, does not fit or is there twice and differs. */
function fromColumns(
  layout: string,
  path: string,
  given: { readonly [key: string]: HostTensor | Batch },
  options: ReadOptions,
  more: { readonly keys: readonly KeyInfo[]; readonly metadata: Readonly<Record<string, JsonValue>> },
): RawData {
  const named = new Map<string, { readonly key: string; readonly value: HostTensor | Batch }>()
  for (const [key, value] of Object.entries(given)) {
    const name = standardName(key)
    const known = named.get(name)
    if (known !== undefined && !sameNumbers(known.value, value)) throw ambiguous(path, known.key, key)
    named.set(name, { key, value })
  }
  const take = (name: string): HostTensor | Batch => {
    const found = named.get(name)
    if (found !== undefined) return found.value
    throw problem(
      path,
      `it has no column "${name}"`,
      `There are: ${Object.keys(given).slice(0, 12).join(', ') || 'none'}. Expected obs, action, reward, done, and next_obs or truncated.`,
    )
  }
  const array = (name: string) => {
    const value = take(name)
    if (!isHostTensor(value))
      throw problem(path, `"${name}" is a record`, 'Only observations may be records of arrays.')
    return asColumn(path, named.get(name)!.key, value)
  }
  const obs = take('obs')
  const next_obs = named.has('next_obs') ? take('next_obs') : undefined
  const action = actions(array('action'), options.strict)
  const reward = rewards(array('reward'), options.strict)
  const value_gamma = named.has('value_gamma') ? discounts(array('value_gamma'), options.strict) : undefined
  const terminated = flagsOf(array('done'))
  const truncated = named.has('truncated') ? flagsOf(array('truncated')) : undefined
  const observed = [
    ...leavesOf(obs, 'obs'),
    ...(next_obs === undefined ? [] : leavesOf(next_obs, 'next_obs')),
  ]
  checkRows(path, [
    ...observed.map(({ key, tensor }) => ({ key, rows: tensor.shape[0] ?? 0 })),
    { key: 'action', rows: action.shape[0]! },
    { key: 'reward', rows: reward.shape[0]! },
    { key: 'done', rows: terminated.length },
    ...(value_gamma === undefined ? [] : [{ key: 'value_gamma', rows: value_gamma.shape[0]! }]),
    ...(truncated === undefined ? [] : [{ key: 'truncated', rows: truncated.length }]),
  ])
  for (const { key, tensor } of observed) {
    if (options.strict && tensor.data instanceof Float32Array)
      checkFinite(path, key, tensor.shape, tensor.data)
  }
  const { flags, both } = rowBits(terminated, truncated)
  const warnings = bothWarning(both, 'done', 'truncated')
  if (next_obs === undefined && truncated === undefined) {
    warnings.push(
      'There is neither "next_obs" nor "truncated": steps across time-outs are taken for transitions.',
    )
  }
  return {
    layout,
    path,
    obs,
    ...(next_obs === undefined ? {} : { next_obs }),
    action,
    reward,
    ...(value_gamma !== undefined && ofSeveralSteps({ reward }) ? { value_gamma } : {}),
    flags,
    ...(options.env_id === null ? {} : { env_id: options.env_id }),
    ...more,
    warnings,
  }
}

/** Tensors named `a/b` as a record `{a: {b}}`. */
function nest(tensors: Readonly<Record<string, HostTensor>>): Batch {
  const root: Batch = {}
  for (const [name, tensor] of Object.entries(tensors)) {
    const keys = name.split('/')
    let at = root
    for (const key of keys.slice(0, -1)) {
      const next = at[key]
      if (next === undefined || isHostTensor(next)) setOwn(at, key, {})
      at = at[key] as Batch
    }
    setOwn(at, keys.at(-1)!, tensor)
  }
  return root
}

/** What a buffer's `save_data` wrote, or plain columns (`obs, action, reward, done, next_obs`, perhaps `truncated`). */
export const readSafetensorsData: Reader = async (path, options) => {
  readStart(path, 8)
  try {
    const { tensors, metadata } = readSafetensors(path)
    const keys = Object.entries(tensors).map(([key, tensor]) => keyInfo(key, tensor))
    if (metadata['format'] === undefined)
      return fromColumns('safetensors', path, nest(tensors), options, { keys, metadata })
    const { tree, meta } = loadState(path)
    if (meta['kind'] !== 'replay data') {
      throw problem(path, 'it is a saved state, but no replay data', 'Give a file that save_data wrote.')
    }
    return fromColumns('safetensors', path, tree['data'] as Batch, options, { keys, metadata: meta })
  } catch (cause) {
    if (cause instanceof DingError && cause.name === 'CheckpointError')
      throw problem(path, cause.message, 'The layout "safetensors" was asked for or found.', cause)
    throw cause
  }
}

/** A JSON value as part of a transition: lists of numbers become arrays, nested lists keep their shape. */
function transitionValue(value: unknown, fail: (what: string) => Error): TransitionValue {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) {
    const shape: number[] = []
    for (let at: unknown = value; Array.isArray(at); at = at[0]) shape.push(at.length)
    const flat = value.flat(Number.POSITIVE_INFINITY) as unknown[]
    if (flat.some((item) => typeof item !== 'number') || flat.length !== shape.reduce((a, b) => a * b, 1))
      throw fail('a list with something else than numbers in it, or with parts of different lengths')
    return { dtype: 'float32', shape, data: Float32Array.from(flat as number[]) }
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, transitionValue(item, fail)]))
  }
  throw fail(value === null ? 'null' : `a ${typeof value}`)
}

/** Flags as booleans, whichever of true/false and 1/0 the file has, so that all lines agree. */
function lineTransition(path: string, line: number, text: string): Transition {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch (cause) {
    throw problem(
      path,
      `line ${line} is not JSON: ${(cause as Error).message}`,
      'Expected a record {obs, action, reward, done, ...} on each line; the last one may have been cut off.',
      cause,
    )
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw problem(path, `line ${line} is not a record`, 'Expected {obs, action, reward, done, ...}.')
  const transition: Transition = {}
  const keys = new Map<string, string>()
  for (const [key, value] of Object.entries(record)) {
    const name = standardName(key)
    const given = transitionValue(value, (what) =>
      problem(
        path,
        `"${key}" of line ${line} is ${what}`,
        'Expected numbers, true/false, lists of numbers or records of these.',
      ),
    )
    const made = name === 'done' || name === 'truncated' ? Number(given) : given
    const known = keys.get(name)
    if (known !== undefined && !sameNumbers(transition[name], made))
      throw ambiguous(path, known, key, ` of line ${line}`)
    keys.set(name, key)
    setOwn(transition, name, made)
  }
  return transition
}

/** One transition a line: `{"obs": [...], "action": 1, "reward": 0.5, "next_obs": [...], "done": false}`. */
export const readJsonl: Reader = async (path, options) => {
  readStart(path, 1)
  const lines: number[] = []
  const transitions: Transition[] = []
  let line = 0
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++
    if (text.trim() === '') continue
    lines.push(line)
    transitions.push(lineTransition(path, line, text))
  }
  if (transitions.length === 0)
    throw problem(path, 'it has no line with a transition', 'The file holds no data; record it again.')
  // A plain number is a discrete action; if any is not whole, all are continuous.
  if (transitions.some(({ action }) => typeof action === 'number' && !Number.isInteger(action))) {
    for (const transition of transitions) {
      if (typeof transition['action'] === 'number')
        transition['action'] = Float32Array.of(transition['action'])
    }
  }
  let batch: Batch
  try {
    batch = collate(transitions)
  } catch (cause) {
    const message = (cause as Error).message.replace(
      /transition (\d+) of this push/,
      (_, i) => `line ${lines[Number(i)]}`,
    )
    throw problem(
      path,
      message.replace(/^collate: /, ''),
      'All lines must have the same keys, shapes and types.',
      cause,
    )
  }
  const keys = leavesOf(batch).map(({ key, tensor }) => keyInfo(key, tensor))
  return fromColumns('jsonl', path, batch, options, { keys, metadata: {} })
}
