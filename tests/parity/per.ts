import { defaultsOf } from '../../ding/config/index.js'
import {
  AdvancedReplayBuffer,
  type Batch,
  type BufferRandom,
  copyBatch,
  DequeBuffer,
  MinSegmentTree,
  type PriorityIndex,
  SumSegmentTree,
  type TrackedRing,
} from '../../ding/data/index.js'
import { PRIORITY_EPS } from '../../ding/data/priority_index.js'
import { type HostTensor, unpackFloat64 } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { isGoldenTensor, isRecord, numberAt, numbersOf } from './golden.js'
import { attempt } from './outcome.js'
import type { CaseResult, FileResult } from './types.js'

type Golden = Record<string, unknown>

/** Trees are float64 on both sides; importance weights are float32 on ours. */
const TOLERANCE = 2e-7

function recordsOf(value: unknown): Golden[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

/** Stands in for the run's random stream: hands out the recorded uniforms, and complains when they run out. */
class RecordedRandom implements BufferRandom {
  #draws: number[] = []

  load(uniforms: unknown): void {
    if (!isGoldenTensor(uniforms)) throw new Error('A sample event has no recorded uniforms.')
    this.#draws = [...uniforms.data]
  }

  nextFloat(): number {
    const draw = this.#draws.shift()
    if (draw === undefined) throw new Error('More uniforms were drawn than the case recorded.')
    return draw
  }

  subset(): never {
    throw new Error('Prioritised sampling drew a subset.')
  }

  nextInt(): never {
    throw new Error('Prioritised sampling drew an integer.')
  }

  integers(): never {
    throw new Error('Prioritised sampling drew integers.')
  }
}

/** null stands for "no entry": NaN in our arrays. */
function withoutEntry(values: unknown): unknown {
  return Array.isArray(values) ? values.map((value: unknown) => value ?? Number.NaN) : values
}

function treeCase(golden: Golden, index: number): CaseResult {
  const capacity = numberAt(golden, 'capacity')
  const comparison = new Comparison(`#${index} segment_tree capacity=${capacity}`, TOLERANCE)
  const leaves = numbersOf(golden['leaves'])
  const sum = new SumSegmentTree(capacity)
  const min = new MinSegmentTree(capacity)
  for (const [leaf, value] of leaves.entries()) {
    sum.set(leaf, value)
    min.set(leaf, value)
  }
  comparison.check('nodes', sum.nodes, golden['sum_tree'])
  const loaded = new SumSegmentTree(capacity)
  loaded.load(Float64Array.from(leaves))
  comparison.check('nodes after load', loaded.nodes, golden['sum_tree'])
  const rows = (key: string): number[][] => (Array.isArray(golden[key]) ? (golden[key] as number[][]) : [])
  for (const [start, end, value] of rows('sum_reduce'))
    comparison.check('sum_reduce', sum.reduce(start, end), value)
  // JSON has no infinity, the least of no entries.
  for (const [start, end, value] of rows('min_reduce'))
    comparison.check('min_reduce', min.reduce(start, end), value ?? Number.POSITIVE_INFINITY)
  for (const [mass, leaf] of rows('find_prefixsum')) comparison.check('find_prefixsum', sum.find(mass!), leaf)
  return comparison.result()
}

function column(batch: Batch, key: string): ArrayLike<number> {
  return (batch[key] as HostTensor).data
}

/** Replays the events of one buffer; what is common to both kinds. */
function replay(
  golden: Golden,
  comparison: Comparison,
  buffer: TrackedRing,
  random: RecordedRandom,
  sample: (event: Golden) => Batch | null,
  names: { readonly rows: string; readonly weights: string },
  state: (expected: Golden, at: string) => void,
): CaseResult {
  let pushed = 0
  // What is reported is of the transitions that were sampled, which may have been overwritten since.
  const sampled = new Map<number, number>()
  const idsNow = () => unpackFloat64(buffer.state_dict().ids)
  for (const [i, event] of recordsOf(golden['events']).entries()) {
    const op = String(event['op'])
    const at = `event ${i} (${op})`
    if (op === 'push') {
      const priorities = 'priorities' in event ? (event['priorities'] as unknown[]) : [event['priority']]
      buffer.push(
        priorities.map((p) => ({ id: pushed++, ...(typeof p === 'number' ? { priority: p } : {}) })),
      )
    } else if (op === 'sample') {
      const refused = event['ids'] === null
      if (!refused) random.load(event['uniforms'])
      const ids = idsNow()
      const drawn = sample(event)
      if (refused) {
        comparison.record(`${at} is refused`, drawn === null ? 0 : Number.POSITIVE_INFINITY)
        if (isRecord(event['state'])) state(event['state'], at)
        continue
      }
      if (drawn === null) throw new Error(`${at} was refused.`)
      const batch = copyBatch(drawn)
      for (const row of Array.from(column(batch, 'replay_buffer_idx'))) sampled.set(row, ids[row]!)
      comparison.check(`${at} ids`, column(batch, 'id'), event['ids'])
      comparison.check(`${at} rows`, column(batch, 'replay_buffer_idx'), event[names.rows])
      comparison.check(`${at} IS`, column(batch, 'IS'), event[names.weights])
      if ('use' in event) comparison.check(`${at} use`, column(batch, 'use'), event['use'])
    } else if (op !== 'update') {
      throw new Error(`No handler for ${at}.`)
    } else {
      const rows = event[names.rows] as number[]
      const ids = idsNow()
      buffer.update({
        replay_buffer_idx: rows,
        replay_unique_id: rows.map((row) => sampled.get(row) ?? ids[row]!),
        priority: event['priority'] as number[],
      })
    }
    if (isRecord(event['state'])) state(event['state'], at)
  }
  return comparison.result()
}

function checkTrees(
  comparison: Comparison,
  at: string,
  index: PriorityIndex,
  leaves: unknown,
  expected: Golden,
): void {
  const { sum, min } = index
  comparison.check(`${at} leaves`, sum.nodes.subarray(sum.capacity, sum.capacity + index.capacity), leaves)
  comparison.check(`${at} sum_root`, sum.root, expected['sum_root'])
  comparison.check(`${at} min_root`, min.root, expected['min_root'] ?? Number.POSITIVE_INFINITY)
  comparison.check(`${at} max_priority`, index.maximum, expected['max_priority'])
}

/** Settings that our buffers have not, or not by another value than DI-engine's own. */
function checkSettings(golden: Golden): void {
  const { eps = PRIORITY_EPS, max_staleness = null, IS_weight = true } = golden
  if (eps !== PRIORITY_EPS) throw new Error(`Our eps is ${PRIORITY_EPS}, the case has ${String(eps)}.`)
  if (max_staleness !== null && max_staleness !== undefined)
    throw new Error('No handler for max_staleness: the case does not say when its data were collected.')
  if (IS_weight !== true) throw new Error('No handler for IS_weight false.')
}

/** The rows of a recorded slice; negative numbers count from the end. */
function rangeOf(range: unknown, size: number): [number, number] | undefined {
  if (!Array.isArray(range)) return undefined
  const [start, end] = range.map((at: unknown, i) => {
    const row = typeof at === 'number' ? at : i === 0 ? 0 : size
    return row < 0 ? row + size : row
  })
  return [start!, end!]
}

function advancedCase(golden: Golden): CaseResult {
  checkSettings(golden)
  const random = new RecordedRandom()
  const maxUse = golden['max_use']
  const buffer = new AdvancedReplayBuffer(
    {
      ...defaultsOf(AdvancedReplayBuffer.config),
      replay_buffer_size: numberAt(golden, 'replay_buffer_size'),
      alpha: numberAt(golden, 'alpha'),
      beta: numberAt(golden, 'beta'),
      anneal_step: numberAt(golden, 'anneal_step'),
      max_use: typeof maxUse === 'number' ? maxUse : Number.POSITIVE_INFINITY,
    },
    { random },
  )
  const comparison = new Comparison(`advanced_replay_buffer ${String(golden['name'])}`, TOLERANCE)
  const sample = (event: Golden): Batch | null => {
    const before = buffer.priorities.priorities.slice()
    const range = rangeOf(event['sample_range'], numberAt(golden, 'replay_buffer_size'))
    const batch = buffer.sample(numberAt(event, 'size'), 0, range)
    if (batch !== null) {
      const rows = Array.from(column(batch, 'replay_buffer_idx'), (row) => before[row]!)
      comparison.check('priority of the samples', rows, event['priority'])
    }
    return batch
  }
  return replay(
    golden,
    comparison,
    buffer,
    random,
    sample,
    { rows: 'buffer_idx', weights: 'IS' },
    (expected, at) => {
      const index = buffer.priorities
      checkTrees(comparison, at, index, expected['sum_tree_leaves'], expected)
      comparison.check(`${at} valid_count`, buffer.count(), expected['valid_count'])
      comparison.check(`${at} push_count`, buffer.push_count, expected['push_count'])
      comparison.check(`${at} tail`, buffer.state_dict().tail, expected['tail'])
      comparison.check(`${at} beta`, index.beta, expected['beta'])
      comparison.check(`${at} priorities`, index.priorities, withoutEntry(expected['priorities']))
    },
  )
}

function dequeCase(golden: Golden): CaseResult {
  checkSettings(golden)
  const random = new RecordedRandom()
  const buffer = new DequeBuffer(
    {
      ...defaultsOf(DequeBuffer.config),
      replay_buffer_size: numberAt(golden, 'size'),
      priority: true,
      priority_IS_weight: true,
      priority_power_factor: numberAt(golden, 'priority_power_factor'),
      IS_weight_power_factor: numberAt(golden, 'IS_weight_power_factor'),
      IS_weight_anneal_train_iter: numberAt(golden, 'anneal_train_iter'),
    },
    { random },
  )
  const comparison = new Comparison('priority_experience_replay', TOLERANCE)
  const names = { rows: 'priority_idx', weights: 'priority_IS' }
  const sample = (event: Golden) => buffer.sample(numberAt(event, 'size'), 0)
  return replay(golden, comparison, buffer, random, sample, names, (expected, at) => {
    const index = buffer.priorities!
    checkTrees(comparison, at, index, expected['leaves'], expected)
    comparison.check(`${at} pivot`, buffer.state_dict().tail, expected['pivot'])
    comparison.check(`${at} IS_power`, index.beta, expected['IS_power'])
  })
}

/** Whether a file holds cases of prioritised replay. */
export function hasPerCases(json: unknown): boolean {
  return (
    isRecord(json) &&
    ['segment_tree', 'advanced_replay_buffer', 'priority_experience_replay'].some((key) => key in json)
  )
}

/** Runs a file of segment trees, `advanced` buffers and PriorityExperienceReplay, with its recorded draws. */
export async function perCases(json: unknown, _fileName: string): Promise<FileResult> {
  if (!isRecord(json) || !hasPerCases(json)) return { skipped: 'no prioritised replay in this file' }
  const cases: CaseResult[] = []
  for (const [i, tree] of recordsOf(json['segment_tree']).entries()) {
    cases.push(await attempt(`#${i} segment_tree`, () => treeCase(tree, i)))
  }
  for (const golden of recordsOf(json['advanced_replay_buffer'])) {
    cases.push(await attempt(`advanced_replay_buffer ${String(golden['name'])}`, () => advancedCase(golden)))
  }
  const per = json['priority_experience_replay']
  for (const golden of Array.isArray(per) ? recordsOf(per) : [per].filter(isRecord)) {
    cases.push(await attempt('priority_experience_replay', () => dequeCase(golden)))
  }
  return { cases }
}
