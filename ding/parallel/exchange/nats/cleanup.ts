import type { JetStreamManager } from '@nats-io/jetstream'
import type { NatsConfig } from './config.js'
import { openConnection, type Report } from './connect.js'
import { type NatsModules, natsModules } from './modules.js'
import { runNames } from './names.js'
import { explained, hasCode, SERVER_CODES } from './persist.js'
import { ASIDE_HEADERS } from './queue.js'
import { streamWishes } from './streams.js'

/** What a run has on the server. */
export interface RunOnServer {
  readonly run: string
  readonly queue: { readonly messages: number; readonly bytes: number } | undefined
  /** Stream names, with their bytes. */
  readonly streams: readonly { readonly name: string; readonly bytes: number }[]
  /** Chunks that were set aside, oldest first. */
  readonly aside: readonly AsideChunk[]
}

export interface AsideChunk {
  readonly id: string
  readonly reason: string
  readonly deliveries: number
  readonly bytes: number
}

const NO_REPORT: Report = () => {}

async function withManager<T>(
  config: NatsConfig,
  act: (manager: JetStreamManager, modules: NatsModules) => Promise<T>,
): Promise<T> {
  const modules = await natsModules()
  const connection = await openConnection(config, 'ding nats', modules, NO_REPORT)
  try {
    const timeout = config.request_timeout_s * 1000
    return await act(
      await modules.jetstream.jetstreamManager(connection, { timeout, checkAPI: false }),
      modules,
    )
  } catch (error) {
    throw explained('looking at the run', error, modules)
  } finally {
    await connection.close()
  }
}

/**
 * What a run has on the server, without changing anything.
 * @throws ConfigError, ExchangeError as joining it would
 */
export function inspectRun(config: NatsConfig, run: string): Promise<RunOnServer> {
  return withManager(config, async (manager, modules) => {
    const names = runNames(config.prefix, config.run === '' ? run : config.run)
    const streams: { name: string; bytes: number }[] = []
    let queue: RunOnServer['queue']
    let aside: AsideChunk[] = []
    for (const { name } of streamWishes(names, config, modules)) {
      const state = await stateOf(manager, name, modules)
      if (state === undefined) continue
      streams.push({ name, bytes: state.bytes })
      if (name === names.queue) queue = { messages: state.messages, bytes: state.bytes }
      if (name === names.aside) aside = await readAside(manager, name, state)
    }
    return { run: names.run, queue, streams, aside }
  })
}

/**
 * Removes everything that a run has on the server: queued chunks, parameters, checkpoints. For runs that are over.
 * @returns the names of the streams that were removed
 */
export function cleanRun(config: NatsConfig, run: string): Promise<string[]> {
  return withManager(config, async (manager, modules) => {
    const names = runNames(config.prefix, config.run === '' ? run : config.run)
    const removed: string[] = []
    for (const { name } of streamWishes(names, config, modules)) {
      try {
        await manager.streams.delete(name)
        removed.push(name)
      } catch (error) {
        if (!hasCode(error, SERVER_CODES.missing, modules)) throw error
      }
    }
    return removed
  })
}

interface StreamNumbers {
  readonly messages: number
  readonly bytes: number
  readonly first_seq: number
  readonly last_seq: number
}

async function stateOf(
  manager: JetStreamManager,
  name: string,
  modules: NatsModules,
): Promise<StreamNumbers | undefined> {
  try {
    return (await manager.streams.info(name)).state
  } catch (error) {
    if (hasCode(error, SERVER_CODES.missing, modules)) return undefined
    throw error
  }
}

/** The latest hundred. */
async function readAside(
  manager: JetStreamManager,
  stream: string,
  state: StreamNumbers,
): Promise<AsideChunk[]> {
  const chunks: AsideChunk[] = []
  if (state.messages === 0) return chunks
  for (let seq = Math.max(state.first_seq, state.last_seq - 99); seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq })
    if (message === null) continue
    const { header, data } = message
    chunks.push({
      id: header.get(ASIDE_HEADERS.id),
      reason: decodeURIComponent(header.get(ASIDE_HEADERS.reason)),
      deliveries: Number(header.get(ASIDE_HEADERS.deliveries)),
      bytes: data.byteLength,
    })
  }
  return chunks
}
