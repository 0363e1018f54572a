import type { ConsumerConfig, JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import { ExchangeError } from '../host.js'
import type { NatsConfig } from './config.js'
import type { NatsModules } from './modules.js'
import type { RunNames } from './names.js'
import { hasCode, SERVER_CODES } from './persist.js'

const SECOND_NS = 1_000_000_000
/** Room for what was set aside; the oldest goes first, since it is kept for people to look at. */
const ASIDE_BYTES = 32 * 1024 * 1024

type StreamWish = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>

/** The streams of a run. */
export function streamWishes(names: RunNames, config: NatsConfig, modules: NatsModules): StreamWish[] {
  const { RetentionPolicy, DiscardPolicy, StorageType } = modules.jetstream
  const storage = config.storage === 'memory' ? StorageType.Memory : StorageType.File
  const common = { storage, num_replicas: config.num_replicas }
  const bucket = {
    ...common,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    allow_direct: true,
  }
  return [
    {
      ...common,
      name: names.queue,
      subjects: [names.queueSubject],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      max_msgs: config.queue_chunks,
      max_bytes: config.queue_bytes,
      duplicate_window: Math.round(config.duplicate_window_s * SECOND_NS),
    },
    {
      ...common,
      name: names.aside,
      subjects: [names.asideSubject],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_bytes: ASIDE_BYTES,
    },
    // What Kvm.create and Objm.create of the client would make, with the same check of settings as for the others.
    {
      ...bucket,
      name: `KV_${names.parameters}`,
      subjects: [`$KV.${names.parameters}.>`],
      max_msgs_per_subject: 1,
    },
    { ...bucket, name: `OBJ_${names.store}`, subjects: [`$O.${names.store}.C.>`, `$O.${names.store}.M.>`] },
  ]
}

/** The durable consumer that learners share. */
export function consumerWish(
  names: RunNames,
  config: NatsConfig,
  modules: NatsModules,
): Partial<ConsumerConfig> {
  const { AckPolicy, DeliverPolicy } = modules.jetstream
  return {
    durable_name: names.consumer,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: Math.round(config.ack_wait_s * SECOND_NS),
    max_deliver: -1,
    max_ack_pending: 1000,
  }
}

/**
 * Makes the streams that are missing. Several roles may do so at the same time.
 * @throws ExchangeError when one is there with other settings
 */
export async function ensureStreams(
  manager: JetStreamManager,
  wishes: readonly StreamWish[],
  modules: NatsModules,
): Promise<void> {
  for (const wish of wishes) await ensureStream(manager, wish, modules)
}

async function ensureStream(
  manager: JetStreamManager,
  wish: StreamWish,
  modules: NatsModules,
): Promise<void> {
  const seen = await settingsOf(manager, wish.name, modules)
  if (seen !== undefined) return compare(wish, seen)
  try {
    await manager.streams.add(wish)
  } catch (error) {
    if (!hasCode(error, SERVER_CODES.otherwise, modules)) throw error
    // Another role was faster.
    const made = await settingsOf(manager, wish.name, modules)
    if (made === undefined) throw error
    compare(wish, made)
  }
}

async function settingsOf(
  manager: JetStreamManager,
  name: string,
  modules: NatsModules,
): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config
  } catch (error) {
    if (hasCode(error, SERVER_CODES.missing, modules)) return undefined
    throw error
  }
}

function compare(wish: StreamWish, seen: StreamConfig): void {
  const differing = Object.entries(wish).filter(
    ([key, value]) => JSON.stringify(seen[key as keyof StreamConfig]) !== JSON.stringify(value),
  )
  if (differing.length === 0) return
  const list = differing.map(
    ([key, value]) => `${key} is ${show(seen[key as keyof StreamConfig])}, expected ${show(value)}`,
  )
  throw new ExchangeError(
    `exchange nats: the server has a stream ${wish.name} with other settings: ${list.join('; ')}. ` +
      'Either another run has this name (set exchange.run), or the config changed since the run began: ' +
      'use the old one, or remove what the old run left with `ding nats clean`.',
  )
}

function show(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value)
}
