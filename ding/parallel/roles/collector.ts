import { randomBytes } from 'node:crypto'
import { RandomTree } from '../../compute/index.js'
import type { CompiledConfig } from '../../config/index.js'
import type { Transition } from '../../data/index.js'
import { ROLES, type RunLimits, tellLimits } from '../../pipeline/index.js'
import type { CollectMode, Policy } from '../../policy/index.js'
import { SERIAL_COLLECTOR_REGISTRY } from '../../registry/index.js'
import { type BaseCollector, type CollectedStep, randomCollectMode } from '../../worker/index.js'
import { breathe } from '../breathe.js'
import { type ChunkHeader, chunkId, encodeChunk } from '../chunk.js'
import { type Cadence, cadenceOf, commanderConfig } from '../commander_config.js'
import type { Exchange, Parameters } from '../exchange/index.js'
import { Heartbeat } from '../heartbeat.js'
import { decodeState } from '../parameters.js'
import { patiently } from '../patience.js'
import { type RoleLogger, remoteLogger } from '../remote_logger.js'
import { type RoleStatus, TOPICS } from '../topics.js'
import type { ActAndObserve, GetParameters } from './interfaces.js'
import { composeRole, type ParameterMeta, type RoleContainer } from './parts.js'

export interface CollectorRoleOptions {
  /** Ends it in order: what it has collected is sent first. */
  readonly signal?: AbortSignal
  /** Which start of this collector it is; a random mark when left out, for those who join from anywhere. */
  readonly incarnation?: number | string
  readonly logger?: RoleLogger
  readonly exp_dir?: string
  /** Joining a run that is over, it waits for a learner that goes on; else it leaves again. */
  readonly waits_for_learner?: boolean
  /** It begins with parameters newer than this version, which an earlier start of the run left. */
  readonly after_version?: number
}

export interface CollectorReport {
  readonly member: string
  readonly env_steps: number
  readonly chunks: number
}

/** No chunk is larger: a NATS server takes messages of 1 MiB with their headers, unless told otherwise. */
const MAX_BYTES = 960 * 1024

/**
 * Collects for a run until it is over or `signal` is aborted: acts with the newest parameters, sends what it observes in chunks. It may join and leave
 * at any time. @param id its name in the run, such as 'collector0'
 */
export async function runCollector(
  exchange: Exchange,
  config: CompiledConfig,
  id: string,
  options: CollectorRoleOptions = {},
): Promise<CollectorReport> {
  const role = new CollectorRole(exchange, config, id, options)
  try {
    return await role.run()
  } finally {
    await role.close()
  }
}

class CollectorRole {
  private readonly member: string
  /** Its name in chunks: a resumed run counts its starts anew. */
  private sender = ''
  private readonly cadence: Cadence
  private readonly ended = new AbortController()
  private readonly heartbeat: Heartbeat
  private readonly logger: RoleLogger
  private readonly unsubscribe: () => void
  private parts: RoleContainer | undefined
  private policy!: Policy
  private worker!: BaseCollector & ActAndObserve
  private acting!: CollectMode & GetParameters
  private version = 0
  private meta!: ParameterMeta
  private state: RoleStatus['state'] = 'starting'
  private envSteps = 0
  /** Whether anything but the warm-up has been collected. */
  private acted = false
  /** Env steps since the parameters were taken over. */
  private sinceLoad = 0
  private sequence = 0
  private outbox: Transition[] = []
  private collects: number[] = []
  private oldest = 0
  private episodes: [number, number][] = []
  private rewards: [number, number, 0 | 1 | 2][][] = []
  private readonly lengths = new Map<number, number>()
  private unsentSteps = 0
  private sending: Promise<void> = Promise.resolve()
  /** Resolves some time after it was told to leave. */
  private readonly leaving: Promise<void>
  private readonly sendsRewards: boolean

  constructor(
    private readonly exchange: Exchange,
    private readonly config: CompiledConfig,
    private readonly id: string,
    private readonly options: CollectorRoleOptions,
  ) {
    const incarnation = options.incarnation ?? randomBytes(4).toString('hex')
    this.member = `${id}.${incarnation}`
    this.cadence = cadenceOf(config)
    this.logger = options.logger ?? remoteLogger(exchange)
    const { vec_normalize } = config.main_config.policy as unknown as {
      vec_normalize?: { norm_reward?: boolean }
    }
    this.sendsRewards = vec_normalize?.norm_reward === true
    let leave: () => void = () => undefined
    this.leaving = new Promise((resolve) => {
      leave = resolve
    })
    const end = () => {
      this.ended.abort()
      setTimeout(leave, LEAVE_MS).unref()
    }
    const over = () => {
      // Nobody learns from what is still to be sent.
      this.ended.abort()
      leave()
    }
    options.signal?.addEventListener('abort', end)
    if (options.signal?.aborted === true) end()
    this.unsubscribe = exchange.control.subscribe(TOPICS.stop, over)
    const { heartbeat_seconds } = commanderConfig(config)
    this.heartbeat = new Heartbeat(exchange.control, heartbeat_seconds, () => this.status())
  }

  async run(): Promise<CollectorReport> {
    this.heartbeat.start()
    const first = await this.firstParameters()
    if (first !== undefined) {
      await this.compose(decodeState(first.blob).meta as unknown as ParameterMeta)
      this.load(first)
      await this.warmUp()
      while (!this.over) await this.round()
      await this.flush(true)
      await this.sending
    }
    this.state = 'done'
    this.heartbeat.beat()
    return { member: this.member, env_steps: this.envSteps, chunks: this.sequence }
  }

  async close(): Promise<void> {
    this.heartbeat.stop()
    this.unsubscribe()
    await this.logger.flush()
    await this.parts?.close()
  }

  /** Where it waits for a learner, those of a run that was over before are left alone: the learner may go on. */
  private async firstParameters(): Promise<Parameters | undefined> {
    const { after_version = 0 } = this.options
    let first = await this.exchange.parameters.waitFor(after_version + 1, this.ended.signal)
    if (this.options.waits_for_learner !== true) return first
    while (first !== undefined && (decodeState(first.blob).meta as unknown as ParameterMeta).finished)
      first = await this.exchange.parameters.waitFor(first.version + 1, this.ended.signal)
    return first
  }

  private get over(): boolean {
    return this.ended.signal.aborted || this.meta.finished
  }

  /**
   * The seed that this start of the collector draws from. The first collector of a fresh run has the run's own, as the serial pipeline; any other, and
   * any later start, one of its own, so that no two play the same episodes.
   */
  private seed(session: number): number {
    const { seed } = this.config
    const incarnation = this.options.incarnation ?? this.member
    if (this.id === 'collector0' && incarnation === 0 && session === 0) return seed
    const name = `${this.id}/${incarnation}/${session}`
    return RandomTree.fromSeed(seed).branch('collectors').stream(name).nextUint32()
  }

  private async compose(meta: ParameterMeta): Promise<void> {
    const setting = {
      config: this.config,
      exp_dir: this.options.exp_dir ?? this.config.main_config.exp_name,
      logger: this.logger,
    }
    this.sender = `${this.member}.${meta.session}`
    this.parts = composeRole(setting, ['collect'], this.seed(meta.session))
    const { container } = this.parts
    this.policy = await container.getAsync(ROLES.policy)
    tellLimits(this.policy, meta.limits as RunLimits)
    this.acting = {
      ...this.policy.collect_mode,
      // The learner takes the statistics, from the chunks of all.
      observe: () => undefined,
      observe_step: () => undefined,
    }
    const env = await container.getAsync(ROLES.collector_env)
    this.policy.checkSpaces(env.observation_space, env.action_space)
    const { main_config, create_config } = this.config
    const kind = SERIAL_COLLECTOR_REGISTRY.get(create_config.collector.type)
    this.worker = new kind(main_config.policy.collect.collector as never, {
      env,
      policy: this.acting,
      // Collecting is reported by the learner, for all collectors together.
      logger: this.logger.component('collector'),
    })
    const buffer = await container.getAsync(ROLES.buffer)
    this.worker.episode_marks = buffer.episode_marks
    await container.unbindAsync(ROLES.buffer)
  }

  private load({ version, blob }: Parameters): void {
    const { tree, meta } = decodeState(blob)
    this.policy.loadActingState('collect', tree)
    this.meta = meta as unknown as ParameterMeta
    this.version = version
    this.sinceLoad = 0
  }

  /** Newer parameters, if there are any; in lock step the next ones, waiting for them. */
  private async refresh(): Promise<void> {
    if (!this.cadence.lock_step) {
      const looking = this.exchange.parameters.newest(this.version)
      const newer = await patiently(looking, this.ended.signal)
      if (newer !== undefined) this.load(newer)
      return
    }
    this.state = 'waiting'
    await this.sending
    const next = await this.exchange.parameters.waitFor(this.version + 1, this.ended.signal)
    this.state = 'working'
    if (next !== undefined) this.load(next)
  }

  private get progress() {
    return { env_step: this.meta.env_step + this.sinceLoad, train_iter: this.meta.train_iter }
  }

  private async round(): Promise<void> {
    if (this.acted) await this.refresh()
    if (this.over) return
    this.state = 'working'
    this.acted = true
    await this.collect(this.cadence.collect_count, true)
    await this.flush(false)
  }

  private async collect(count: number, record: boolean): Promise<number> {
    if (this.outbox.length === 0 && this.unsentSteps === 0) this.oldest = this.version
    const before = this.envSteps
    const rows = await this.worker.collect(count, {
      train_iter: this.meta.train_iter,
      policy_kwargs: this.policy.command_mode.get_setting_collect(this.progress),
      record: false,
      on_step: (step) => this.onStep(step, record),
    })
    for (const row of rows) this.outbox.push(row)
    this.collects.push(this.envSteps - before)
    return rows.length
  }

  private async onStep({ timesteps }: CollectedStep, record: boolean): Promise<boolean> {
    const rewards: [number, number, 0 | 1 | 2][] = []
    for (const key in timesteps) {
      const id = Number(key)
      const timestep = timesteps[id] as CollectedStep['timesteps'][number]
      const broken = timestep.info['abnormal'] === true
      if (this.sendsRewards) rewards.push([id, timestep.reward, broken ? 2 : timestep.done ? 1 : 0])
      const length = (this.lengths.get(id) ?? 0) + 1
      if (broken) {
        this.lengths.set(id, 0)
        continue
      }
      this.envSteps++
      this.unsentSteps++
      this.sinceLoad++
      this.lengths.set(id, timestep.done ? 0 : length)
      if (timestep.done && record) this.episodes.push([Number(timestep.info['eval_episode_return']), length])
    }
    if (this.sendsRewards) this.rewards.push(rewards)
    await breathe()
    return !this.ended.signal.aborted
  }

  /** Its share of the random actions that fill the buffer before anything is learned, as the serial pipeline's warm-up does. */
  private async warmUp(): Promise<void> {
    const { random_collect_size, transition_with_policy_data } = this.policy.cfg
    const share = Math.ceil(random_collect_size / commanderConfig(this.config).collector_num)
    const wanted = Math.min(share, this.meta.warmup_left)
    if (wanted === 0) return
    this.state = 'working'
    if (!transition_with_policy_data) {
      const { container } = this.parts as RoleContainer
      const random = (await container.getAsync(ROLES.random)).stream('random_collect')
      this.worker.reset_policy(randomCollectMode(this.acting, this.worker.action_space, random))
    }
    const episodes = this.worker.constructor as { readonly unit?: string }
    let rows = 0
    while (rows < wanted && !this.over)
      rows += await this.collect(episodes.unit === 'episode' ? 1 : wanted, false)
    this.worker.reset_policy(this.acting)
    await this.flush(true, true)
    await this.sending
  }

  /** Sends what has been collected, when it is enough for a chunk or `whatever` there is. One chunk is on its way at a time. */
  private async flush(whatever: boolean, warmup = false): Promise<void> {
    if (this.collects.length === 0 && this.outbox.length === 0) return
    const { chunk_collects, chunk_bytes } = commanderConfig(this.config)
    const enough = this.cadence.lock_step || this.collects.length >= chunk_collects
    const header = {
      collector: this.sender,
      policy_version: this.oldest,
      env_steps: this.unsentSteps,
      collects: this.collects,
      warmup,
      episodes: this.episodes,
      rewards: this.rewards,
    }
    if (!whatever && !enough && this.outbox.length < 16) return
    const whole = encodeChunk({ ...header, sequence: this.sequence }, this.outbox)
    if (!whatever && !enough && whole.byteLength < chunk_bytes) return
    const chunks = whole.byteLength <= MAX_BYTES ? [whole] : this.cut(header, whole.byteLength)
    this.outbox = []
    this.collects = []
    this.episodes = []
    this.rewards = []
    this.unsentSteps = 0
    for (const chunk of chunks) await this.send(chunk)
  }

  /** The rows in several chunks, the last of which says what belongs to all. */
  private cut(header: Omit<ChunkHeader, 'sequence'>, bytes: number): Uint8Array[] {
    const count = Math.ceil(bytes / MAX_BYTES)
    const rows = Math.max(1, Math.ceil(this.outbox.length / count))
    const chunks: Uint8Array[] = []
    const part = { ...header, env_steps: 0, collects: [], episodes: [], rewards: [] }
    for (let at = 0; at < this.outbox.length; at += rows) {
      const last = at + rows >= this.outbox.length
      const sequence = this.sequence + chunks.length
      chunks.push(encodeChunk({ ...(last ? header : part), sequence }, this.outbox.slice(at, at + rows)))
    }
    return chunks
  }

  private async send(chunk: Uint8Array): Promise<void> {
    const before = this.state
    this.state = 'waiting'
    await this.sending
    this.state = before
    const id = chunkId({ collector: this.sender, sequence: this.sequence++ })
    const sent = this.exchange.trajectories.publish(chunk, id)
    // A full queue must not keep a collector that is to leave.
    this.sending = Promise.race([sent, this.leaving])
    this.sending.catch(() => undefined)
  }

  private status(): RoleStatus {
    return {
      role: 'collector',
      member: this.member,
      state: this.state,
      progress: this.envSteps,
      version: this.version,
      details: { env_step: this.envSteps, chunks: this.sequence },
    }
  }
}

/** How long a collector that is told to leave waits for the queue to take its last chunk. */
const LEAVE_MS = 2000
