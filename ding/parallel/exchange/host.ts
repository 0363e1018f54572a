import { DingError } from '../../utils/index.js'
import type { Exchange } from './types.js'

/** An exchange lost its other end, was used after its close, or gave no answer in time. */
export class ExchangeError extends DingError {}

/** What a host gives to a worker thread of the same run, with which {@link ExchangeClass.join} gets in. */
export interface Ticket {
  /** Plain data and ports: it is posted to the worker. */
  readonly data: unknown
  /** What of it is handed over rather than copied. */
  readonly transfer: readonly import('node:worker_threads').TransferListItem[]
}

/** The exchange of one run as the process sees that starts the run, or a role of it. */
export interface ExchangeHost {
  /** Joins from this thread. Every call gives a member of its own. */
  connect(): Promise<Exchange>
  /** For one worker thread of this process. */
  ticket(): Ticket
  /** After the members have left. Safe to call twice. */
  close(): Promise<void>
}

/** Which run it is, for exchanges that carry several. */
export interface RunIdentity {
  /** The base name of the experiment folder. */
  readonly run: string
}

/** What EXCHANGE_REGISTRY holds. Its `config` describes the keys of `policy.other.exchange` (also given as `create_config.exchange`). */
export interface ExchangeClass {
  new (cfg: never, identity: RunIdentity): ExchangeHost
  readonly config?: unknown
  /** Whether roles on other machines can join, with nothing but the config. */
  readonly reaches_machines?: boolean
  /** Joins with what {@link ExchangeHost.ticket} gave, from another thread. */
  join(ticket: unknown): Promise<Exchange>
}

declare module '../../registry/index.js' {
  interface RegistryTypes {
    exchange: ExchangeClass
  }
}
