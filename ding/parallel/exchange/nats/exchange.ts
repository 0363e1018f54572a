import { EXCHANGE_REGISTRY } from '../../../registry/index.js'
import type { ExchangeHost, RunIdentity, Ticket } from '../host.js'
import type { Exchange } from '../types.js'
import { type NatsConfig, natsSchema } from './config.js'
import type { Report } from './connect.js'
import { NatsControl } from './control.js'
import { NatsMember } from './member.js'
import { NatsParameters } from './parameters.js'
import { NatsQueue } from './queue.js'
import { NatsStore } from './store.js'

/** One member of a run on NATS JetStream, in this thread. */
export class NatsExchange implements Exchange {
  readonly kind = 'nats'
  readonly trajectories: NatsQueue
  readonly parameters: NatsParameters
  readonly control: NatsControl
  readonly store: NatsStore

  private constructor(
    private readonly member: NatsMember,
    report: Report,
  ) {
    this.trajectories = new NatsQueue(member, report)
    this.parameters = new NatsParameters(member)
    this.control = new NatsControl(member, report)
    this.store = new NatsStore(member)
  }

  /**
   * @param run name of the run, where the config gives none
   * @throws ConfigError for wrong settings or where parameters would cross a network in the clear; ExchangeError when the server is not there, does
   *   not let us in, has no JetStream, or has streams of that name with other settings
   */
  static async open(
    config: NatsConfig,
    run: string,
    report: Report = toStandardError,
  ): Promise<NatsExchange> {
    return new NatsExchange(await NatsMember.join(config, run, report), report)
  }

  async close(): Promise<void> {
    if (this.member.closing.aborted) return
    this.trajectories.release()
    await this.member.close()
  }
}

/** Losses of the server are told wherever a role runs; it may be a container with nothing but its output. */
function toStandardError(message: string): void {
  process.stderr.write(`exchange nats: ${message}\n`)
}

interface NatsTicket {
  readonly config: NatsConfig
  readonly run: string
}

/** Roles anywhere, joined by a NATS server with JetStream. */
@EXCHANGE_REGISTRY.register('nats')
export class NatsExchangeHost implements ExchangeHost {
  static readonly config = natsSchema
  static readonly reaches_machines = true

  constructor(
    private readonly config: NatsConfig,
    private readonly identity: RunIdentity,
  ) {}

  static join(ticket: unknown): Promise<Exchange> {
    const { config, run } = ticket as NatsTicket
    return NatsExchange.open(config, run)
  }

  connect(): Promise<Exchange> {
    return NatsExchange.open(this.config, this.identity.run)
  }

  ticket(): Ticket {
    const data: NatsTicket = { config: structuredClone(this.config), run: this.identity.run }
    return { data, transfer: [] }
  }

  /** The run stays on the server, for roles elsewhere and for the next start; `ding nats clean` removes it. */
  async close(): Promise<void> {}
}
