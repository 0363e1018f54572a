import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Compute, createCompute, type Policy } from 'ding'
import { bcqLearner } from './bcq_bench.js'
import { continuousBatch } from './continuous_batch.js'
import { cqlLearner } from './cql_bench.js'
import { crossqLearner } from './crossq_bench.js'
import { type Figure, median } from './measure.js'
import { redqLearner } from './redq_bench.js'
import { sacAndTd3 } from './sac_bench.js'

/** Updates before the first that counts; then so many blocks of so many. Even numbers, because TD3's actor moves at every second. */
const WARMUP = 10
const BLOCKS = 5
const PER_BLOCK = 10
/** Updates that are profiled. */
const UPDATES = 40

const PRODUCTS = new Set(['FusedGemm', 'FusedMatMul', 'Gemm', 'MatMul'])

/** What a learner is measured with. */
const LEARNERS: Readonly<Record<string, (compute: Compute) => Policy>> = {
  sac_256_256_batch_256: (compute) => sacAndTd3(compute).sac_256_256_batch_256,
  td3_400_300_batch_256: (compute) => sacAndTd3(compute).td3_400_300_batch_256,
  crossq_critic_step: (compute) => crossqLearner(compute, 1e9),
  crossq_critic_and_actor_step: (compute) => crossqLearner(compute, 1),
  redq_critic_step: (compute) => redqLearner(compute, 1e9),
  redq_critic_and_actor_step: (compute) => redqLearner(compute, 1),
  cql_256x3_batch_256: (compute) => cqlLearner(compute, {}),
  bcq_gated_batch_256: (compute) => bcqLearner(compute, 'gated'),
  bcq_concat_batch_256: (compute) => bcqLearner(compute, 'concat'),
}

interface Session {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void
  endProfiling(): void
}

interface Binding {
  InferenceSession: new () => Session
}

/** Microseconds per update, and what the products multiply and add in it. */
interface NodeTimes {
  readonly products: number
  readonly nodes: number
  readonly flop: number
}

type Shapes = readonly Record<string, readonly number[]>[]

/** One line of ONNX Runtime's profile. */
interface Event {
  readonly cat: string
  readonly name: string
  /** Microseconds. */
  readonly dur: number
  readonly args: {
    readonly op_name?: string
    readonly input_type_shape?: Shapes
    readonly output_type_shape?: Shapes
  }
}

/**
 * Share of the time that goes into matrix products, in percent: of the programs, and of the whole update's processor time, optimizers and
 * random numbers included; how much the products have to do, and at what rate they do it. Times of nodes are from ONNX Runtime's profile; the
 * update is one without it.
 */
export async function profileFigures(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, learner] of Object.entries(LEARNERS)) {
    const times = await profiled(learner)
    const updates = await updateTimes(learner)
    const figure = (what: string, unit: Figure['unit'], values: readonly number[]): Figure => {
      const [value, min, max] = [median(values), Math.min(...values), Math.max(...values)]
      return { name: `${what}_${name}`, unit, value, min, max }
    }
    const { products, nodes, flop } = times
    const ofUpdates = updates.map((time) => (100 * products) / time)
    figures.push(
      figure('products_of_program', '%', [(100 * products) / nodes]),
      figure('products_of_update', '%', ofUpdates),
      figure('products', 'GFLOP', [flop / 1e9]),
      figure('products_rate', 'GFLOP/s', [flop / products / 1e3]),
    )
  }
  return figures
}

/** Microseconds of processor time of an update, one for each block of updates. */
async function updateTimes(learner: (compute: Compute) => Policy): Promise<number[]> {
  const compute = await createCompute()
  const { forward } = learner(compute).learn_mode
  const batch = continuousBatch(256, 17, 6)
  for (let i = 0; i < WARMUP; i++) await forward(batch)
  const blocks: number[] = []
  for (let block = 0; block < BLOCKS; block++) {
    const start = process.cpuUsage()
    for (let i = 0; i < PER_BLOCK; i++) await forward(batch)
    const { user, system } = process.cpuUsage(start)
    blocks.push((user + system) / PER_BLOCK)
  }
  await compute.dispose()
  return blocks
}

/** What an update's nodes take, from a learner whose sessions are profiled. */
async function profiled(learner: (compute: Compute) => Policy): Promise<NodeTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'ding-profile-'))
  const { sessions, stop } = profileSessions(folder)
  const compute = await createCompute()
  try {
    const { forward } = learner(compute).learn_mode
    const batch = continuousBatch(256, 17, 6)
    for (let i = 0; i < UPDATES; i++) await forward(batch)
    for (const session of sessions) session.endProfiling()
    const times = readdirSync(folder).map((file) => timesIn(join(folder, file)))
    const sum = (of: keyof NodeTimes) => times.reduce((total, time) => total + time[of], 0)
    return { products: sum('products'), nodes: sum('nodes'), flop: sum('flop') }
  } finally {
    stop()
    await compute.dispose()
    rmSync(folder, { recursive: true })
  }
}

/** Has every session that is made from now on write a profile into `folder`, until `stop` is called. */
function profileSessions(folder: string): { sessions: Session[]; stop: () => void } {
  const require = createRequire(import.meta.url)
  const { binding } = require('onnxruntime-node/dist/binding.js') as { binding: Binding }
  const Native = binding.InferenceSession
  const sessions: Session[] = []
  binding.InferenceSession = class extends Native {
    override loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void {
      const profileFilePrefix = join(folder, `${sessions.push(this)}`)
      super.loadModel(buffer, offset, length, { ...options, enableProfiling: true, profileFilePrefix })
    }
  }
  return {
    sessions,
    stop: () => {
      binding.InferenceSession = Native
    },
  }
}

/** Microseconds per update in one session: the median of each node over its runs, times its runs per update. */
function timesIn(file: string): NodeTimes {
  const events = JSON.parse(readFileSync(file, 'utf8')) as Event[]
  const runs = new Map<string, { durations: number[]; flop: number }>()
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue
    const node = runs.get(name) ?? { durations: [], flop: isProduct(args) ? flopOf(args) : 0 }
    node.durations.push(dur)
    runs.set(name, node)
  }
  let [products, nodes, total] = [0, 0, 0]
  for (const { durations, flop } of runs.values()) {
    const perUpdate = durations.length / UPDATES
    const time = median(durations) * perUpdate
    nodes += time
    if (flop === 0) continue
    products += time
    total += flop * perUpdate
  }
  return { products, nodes, flop: total }
}

/** Multiplications and additions of a product [M, K] x [K, N], transposed or not: the sizes of the three matrices are MK, KN and MN. */
function flopOf({ input_type_shape = [], output_type_shape = [] }: Event['args']): number {
  const sizes = [input_type_shape[0], input_type_shape[1], output_type_shape[0]].map((shape) =>
    (Object.values(shape ?? {})[0] ?? [0]).reduce((size, n) => size * n, 1),
  )
  return 2 * Math.sqrt(sizes.reduce((product, size) => product * size, 1))
}

/** Sums of columns are products with a row of ones: they count as sums. */
function isProduct({ op_name = '', input_type_shape = [] }: Event['args']): boolean {
  const left = Object.values(input_type_shape[0] ?? {})[0] ?? []
  return PRODUCTS.has(op_name) && left.length > 1 && left.at(-2) !== 1
}
