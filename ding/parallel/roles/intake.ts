import type { ReplayBuffer, Transition } from '../../data/index.js'
import type { EnvTimestep, Obs } from '../../envs/index.js'
import type { CollectMode } from '../../policy/index.js'
import type { JsonRecord, StateTree } from '../../utils/index.js'
import { CollectStatistics } from '../../worker/index.js'
import { type Chunk, type ChunkHeader, decodeChunk } from '../chunk.js'
import type { Cadence } from '../commander_config.js'
import type { Delivery } from '../exchange/index.js'
import type { Journal } from '../journal.js'
import { SampleRate } from '../rate.js'
import type { RoleLogger } from '../remote_logger.js'
import { SeenChunks } from '../seen.js'

export interface IntakeOptions {
  readonly buffer: ReplayBuffer
  /** Undefined where no run state is saved: chunks are then acknowledged at once. */
  readonly journal: Journal | undefined
  readonly cadence: Cadence
  readonly max_staleness: number | null
  readonly logger: RoleLogger
  /** Where running statistics of observations and rewards are kept. */
  readonly observe: Pick<CollectMode, 'observe' | 'observe_step'>
  readonly normalises: { readonly obs: boolean; readonly reward: boolean }
}

/** What became of a delivery. */
export type IntakeOutcome = 'accepted' | 'accepted_part' | 'duplicate' | 'stale' | 'set_aside'

/** Environments of different collectors have numbers this far apart. */
const ENV_NUMBERS = 65536

/**
 * Takes chunks into the replay buffer, each exactly once: in the buffer, then in the journal, then, when the journal is on the disk, acknowledged. Chunks that
 * cannot be used are set aside and do not stop the run.
 */
export class Intake {
  env_step = 0
  readonly rate: SampleRate
  readonly seen = new SeenChunks()
  readonly statistics = new CollectStatistics()
  /** Counts for the status. */
  readonly counts = {
    transitions: 0,
    warmup_transitions: 0,
    chunks: 0,
    duplicates: 0,
    stale_chunks: 0,
    stale_transitions: 0,
    set_aside: 0,
  }
  /** Versions between a chunk's parameters and the newest, of the last chunk. */
  staleness = 0
  private readonly numbers = new Map<string, number>()
  private unacknowledged: Delivery[] = []
  private acknowledging: Promise<void> = Promise.resolve()
  private failure: unknown

  constructor(private readonly options: IntakeOptions) {
    this.rate = new SampleRate(options.cadence.limits)
  }

  /** @param version the newest of the parameters @throws whatever the journal or the exchange failed with */
  async take(delivery: Delivery, version: number): Promise<IntakeOutcome> {
    if (this.failure !== undefined) throw this.failure
    let chunk: Chunk
    try {
      chunk = decodeChunk(delivery.chunk)
    } catch (cause) {
      return this.setAside(delivery, (cause as Error).message)
    }
    const { header } = chunk
    if (this.seen.has(header.collector, header.sequence)) {
      this.counts.duplicates++
      this.acknowledge(delivery)
      return 'duplicate'
    }
    this.staleness = Math.max(0, version - header.policy_version)
    const { max_staleness } = this.options
    if (max_staleness !== null && this.staleness > max_staleness && !header.warmup) {
      this.drop(header, chunk.rows)
      const text = JSON.stringify({ ...header, rewards: [], rows: chunk.rows })
      this.options.journal?.append('dropped', Buffer.from(text, 'utf8'))
      this.acknowledge(delivery)
      return 'stale'
    }
    try {
      this.store(chunk)
    } catch (cause) {
      return this.setAside(delivery, (cause as Error).message)
    }
    this.options.journal?.append('chunk', delivery.chunk)
    this.acknowledge(delivery)
    return header.collects.length === 0 || header.warmup ? 'accepted_part' : 'accepted'
  }

  /** Takes in again what the journal holds of the time since the run state was saved. */
  replay(kind: 'chunk' | 'dropped', bytes: Uint8Array): void {
    if (kind === 'chunk') {
      const chunk = decodeChunk(bytes)
      if (!this.seen.has(chunk.header.collector, chunk.header.sequence)) this.store(chunk)
      return
    }
    const header = JSON.parse(Buffer.from(bytes).toString('utf8')) as ChunkHeader & { rows: number }
    if (!this.seen.has(header.collector, header.sequence)) this.drop(header, header.rows)
  }

  /** Resolves when everything taken in is on the disk and acknowledged. */
  async settle(): Promise<void> {
    while (this.unacknowledged.length > 0) {
      this.startAcknowledging()
      await this.acknowledging
      if (this.failure !== undefined) throw this.failure
    }
    await this.acknowledging
    if (this.failure !== undefined) throw this.failure
  }

  /** Rows sampled per transition that was collected after the warm-up. */
  get samplesPerInsert(): number {
    const { transitions, warmup_transitions } = this.counts
    return this.rate.samples / Math.max(1, transitions - warmup_transitions)
  }

  private store(chunk: Chunk): void {
    const { header } = chunk
    const { buffer, cadence, normalises, observe } = this.options
    const rows = chunk.transitions()
    const base = this.numberOf(header.collector) * ENV_NUMBERS
    if (buffer.episode_marks !== undefined) for (const row of rows) renumber(row, base)
    const env_step = this.env_step + header.env_steps
    buffer.push(rows, { cur_collector_envstep: header.warmup ? 0 : env_step })
    if (normalises.obs && rows.length > 0)
      observe.observe?.(Object.fromEntries(rows.map((row, i) => [i, row['obs'] as Obs])))
    if (normalises.reward) for (const step of header.rewards) observe.observe_step?.(stepOf(step, base))
    this.seen.add(header.collector, header.sequence)
    this.env_step = env_step
    this.counts.chunks++
    this.counts.transitions += rows.length
    if (header.warmup) this.counts.warmup_transitions += rows.length
    this.rate.insert(cadence.worth({ rows: rows.length, collects: header.collects, warmup: header.warmup }))
    this.statistics.total_envstep = env_step
    if (!header.warmup) this.statistics.addCollect(header.env_steps, rows.length, 0)
    for (const [episode_return, length] of header.episodes) this.statistics.addEpisode(episode_return, length)
  }

  private drop(header: ChunkHeader, rows: number): void {
    this.seen.add(header.collector, header.sequence)
    this.env_step += header.env_steps
    this.statistics.total_envstep = this.env_step
    this.counts.stale_chunks++
    this.counts.stale_transitions += rows
    for (const [episode_return, length] of header.episodes) this.statistics.addEpisode(episode_return, length)
    this.options.logger.root.info(
      `A chunk of ${header.collector} (${rows} transitions) is ${this.staleness} versions old and is dropped; so far ` +
        `${this.counts.stale_transitions} transitions were.`,
      { console: false },
    )
  }

  private async setAside(delivery: Delivery, reason: string): Promise<IntakeOutcome> {
    this.counts.set_aside++
    this.options.logger.root.warn(`The chunk ${delivery.id} is set aside: ${reason}`)
    await delivery.setAside(reason)
    return 'set_aside'
  }

  private numberOf(collector: string): number {
    let number = this.numbers.get(collector)
    if (number === undefined) {
      number = this.numbers.size
      this.numbers.set(collector, number)
    }
    return number
  }

  private acknowledge(delivery: Delivery): void {
    this.unacknowledged.push(delivery)
    this.startAcknowledging()
  }

  private acknowledgingNow = false

  private startAcknowledging(): void {
    if (this.acknowledgingNow) return
    this.acknowledgingNow = true
    this.acknowledging = this.acknowledgeAll().catch((error: unknown) => {
      this.failure = error
    })
  }

  /** Those that came while the disk was busy share the next sync. */
  private async acknowledgeAll(): Promise<void> {
    try {
      while (this.unacknowledged.length > 0) {
        const deliveries = this.unacknowledged.splice(0)
        await this.options.journal?.durable()
        await Promise.all(deliveries.map((delivery) => delivery.ack()))
      }
    } finally {
      this.acknowledgingNow = false
    }
  }

  state_dict(): StateTree {
    return {
      env_step: this.env_step,
      rate: this.rate.state_dict(),
      seen: this.seen.state_dict(),
      statistics: this.statistics.state_dict(),
      counts: { ...this.counts },
      numbers: Object.fromEntries(this.numbers),
    }
  }

  load_state_dict(state: StateTree): void {
    this.env_step = state['env_step'] as number
    this.rate.load_state_dict(state['rate'] as JsonRecord)
    this.seen.load_state_dict(state['seen'] as JsonRecord)
    this.statistics.load_state_dict(state['statistics'] as StateTree)
    Object.assign(this.counts, state['counts'])
    this.numbers.clear()
    for (const [name, number] of Object.entries(state['numbers'] as Record<string, number>))
      this.numbers.set(name, number)
  }
}

function renumber(row: Transition, base: number): void {
  const mark = row['episode'] as Transition | undefined
  if (mark !== undefined) mark['env_id'] = Number(mark['env_id']) + base
}

/** A step as running statistics of rewards take it in. */
function stepOf(step: ChunkHeader['rewards'][number], base: number): Record<number, EnvTimestep<Obs>> {
  return Object.fromEntries(
    step.map(([env, reward, end]) => [
      base + env,
      {
        obs: 0,
        reward,
        terminated: end === 1,
        truncated: false,
        done: end === 1,
        info: end === 2 ? { abnormal: true } : {},
      },
    ]),
  )
}
