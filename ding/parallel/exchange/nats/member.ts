import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { ExchangeError } from '../host.js'
import type { NatsConfig } from './config.js'
import { openConnection, type Report } from './connect.js'
import { type NatsModules, natsModules } from './modules.js'
import { type RunNames, runNames } from './names.js'
import { explained, type Lasting, persist } from './persist.js'
import { ensureStreams, streamWishes } from './streams.js'

/** What the parts of one member's exchange share: the connection, the names, and whether it is still open. */
export class NatsMember implements Lasting {
  readonly #closing = new AbortController()
  #failure: ExchangeError | undefined
  #restoring: Promise<void> | undefined
  /** What is there before {@link restore} made an empty stream in its place, put again by those who own it. */
  readonly #refills: (() => Promise<void>)[] = []

  private constructor(
    readonly config: NatsConfig,
    readonly names: RunNames,
    readonly modules: NatsModules,
    readonly connection: NatsConnection,
    readonly client: JetStreamClient,
    readonly manager: JetStreamManager,
  ) {
    void connection.closed().then((error) => this.#ended(error))
  }

  /**
   * Connects and makes the streams of the run, where they are not there yet.
   * @throws ConfigError, ExchangeError
   */
  static async join(config: NatsConfig, run: string, report: Report): Promise<NatsMember> {
    const names = runNames(config.prefix, config.run === '' ? run : config.run)
    const modules = await natsModules()
    const connection = await openConnection(config, `ding ${names.run} ${process.pid}`, modules, report)
    const timeout = config.request_timeout_s * 1000
    try {
      const manager = await modules.jetstream.jetstreamManager(connection, { timeout, checkAPI: false })
      const client = modules.jetstream.jetstream(connection, { timeout })
      const member = new NatsMember(config, names, modules, connection, client, manager)
      await member.#enter()
      return member
    } catch (error) {
      await connection.close()
      throw explained('joining the run', error, modules)
    }
  }

  get closing(): AbortSignal {
    return this.#closing.signal
  }

  readonly failure = (): ExchangeError | undefined => this.#failure

  /** Has `refill` called when streams had to be made anew. */
  onRestore(refill: () => Promise<void>): void {
    this.#refills.push(refill)
  }

  readonly restore = (): Promise<void> => {
    this.#restoring ??= (async () => {
      try {
        await ensureStreams(this.manager, streamWishes(this.names, this.config, this.modules), this.modules)
        for (const refill of this.#refills) await refill()
      } catch {
        // The server went again: whoever needs the streams comes back here.
      } finally {
        this.#restoring = undefined
      }
    })()
    return this.#restoring
  }

  /** Does it until it succeeds. @throws ExchangeError once closed, or for an error that no waiting mends */
  lasting<T>(what: string, act: () => Promise<T>): Promise<T> {
    return persist(this, what, act)
  }

  /** One request, answered or rejected within `request_timeout_s`. */
  ask(subject: string, payload: Uint8Array | string): Promise<Msg> {
    return this.connection.request(subject, payload, { timeout: this.config.request_timeout_s * 1000 })
  }

  /** Leaves; what is on its way out is sent first, for a moment, if there is a server. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    if (this.connection.isClosed()) return
    const moment = new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())
    await Promise.race([this.connection.flush().catch(() => {}), moment])
    await this.connection.close()
  }

  async #enter(): Promise<void> {
    const { info } = this.connection
    if (info?.headers !== true)
      throw new ExchangeError(
        `exchange nats: the server ${info?.version ?? ''} is too old: 2.9 or newer is needed.`,
      )
    if (info.jetstream !== true) {
      throw new ExchangeError(
        `exchange nats: the server ${info.server_name} has JetStream switched off. Start it with nats-server -js, or with a jetstream block in its config.`,
      )
    }
    await this.lasting('making the streams of the run', () =>
      ensureStreams(this.manager, streamWishes(this.names, this.config, this.modules), this.modules),
    )
  }

  #ended(error: unknown): void {
    if (this.#closing.signal.aborted) return
    this.#failure = new ExchangeError(
      `exchange nats: the connection ended and cannot be had again: ${error instanceof Error ? error.message : 'closed by the server'}.`,
      { cause: error },
    )
    this.#closing.abort()
  }
}
