import { setTimeout as delay } from 'node:timers/promises'
import { ExchangeError } from '../host.js'
import type { NatsModules } from './modules.js'

/** Waits between tries: `first` ms, then twice as long each time up to `most`, with a quarter of chance in it so that many roles spread out. */
export class Backoff {
  #tries = 0
  constructor(
    private readonly first: number,
    private readonly most: number,
  ) {}

  next(): number {
    const full = Math.min(this.most, this.first * 2 ** this.#tries)
    this.#tries = Math.min(this.#tries + 1, 30)
    return full * (0.75 + 0.25 * Math.random())
  }

  reset(): void {
    this.#tries = 0
  }
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await delay(ms, undefined, { signal }).catch(() => {})
}

/** The codes of the server that ding acts upon. */
export const SERVER_CODES = {
  /** The stream is full, by bytes or by messages. */
  full: [10077],
  /** The stream, bucket or consumer is gone. */
  missing: [10014, 10059],
  /** JetStream is off, on the server or for this account. */
  disabled: [10039, 10076],
  /** A cluster without a leader at the moment, a stream that is not up yet. */
  passing: [10008, 10009, 10118],
  /** A stream of the name exists and is set otherwise. */
  otherwise: [10058],
  /** The disk or memory that the server may use does not suffice. */
  noRoom: [10023, 10028, 10047],
  tooFewServers: [10005, 10074],
  /** Another writer was first. */
  overtaken: [10071],
} as const

/** The number by which the server says what is wrong, or undefined for errors of another kind. */
export function serverCode(
  error: unknown,
  { jetstream }: Pick<NatsModules, 'jetstream'>,
): number | undefined {
  return error instanceof jetstream.JetStreamApiError ? error.code : undefined
}

export function hasCode(error: unknown, codes: readonly number[], modules: NatsModules): boolean {
  const code = serverCode(error, modules)
  return code !== undefined && codes.includes(code)
}

/** Whether an error goes away by itself: the server is unreachable, restarting, or electing a leader. */
export function isPassing(error: unknown, modules: NatsModules): boolean {
  const { errors } = modules.transport
  if (hasCode(error, [...SERVER_CODES.passing, 503], modules)) return true
  const all = [error, ...(error instanceof Error ? [error.cause] : [])]
  return all.some(
    (one) =>
      one instanceof errors.TimeoutError ||
      one instanceof errors.NoRespondersError ||
      one instanceof errors.ConnectionError ||
      (one instanceof errors.RequestError && !(one.cause instanceof errors.PermissionViolationError)) ||
      (one instanceof modules.jetstream.JetStreamError &&
        /heartbeats missed|no responders|timeout/i.test(one.message)),
  )
}

/** Whether a stream or consumer is not there; for reads past the server's administration that shows as nobody listening. */
function isMissing(error: unknown, modules: NatsModules): boolean {
  const { NoRespondersError } = modules.transport.errors
  if (hasCode(error, SERVER_CODES.missing, modules)) return true
  return (
    error instanceof NoRespondersError || (error instanceof Error && error.cause instanceof NoRespondersError)
  )
}

/** What tries over and over needs to know of the member that it works for. */
export interface Lasting {
  readonly modules: NatsModules
  /** Aborted when the member leaves, or cannot stay. */
  readonly closing: AbortSignal
  /** Why the member cannot stay: undefined while it can, or when it left by itself. */
  readonly failure: () => ExchangeError | undefined
  /** Makes streams again that are gone from the server, as after a restart with memory storage. */
  readonly restore: () => Promise<void>
}

/** @throws ExchangeError once the member has left or cannot stay */
export function assertOpen(lasting: Lasting, what: string): void {
  const failure = lasting.failure()
  if (failure !== undefined) throw failure
  if (lasting.closing.aborted) throw new ExchangeError(`exchange nats: ${what} after it was closed.`)
}

/**
 * Does `act` until it succeeds, waiting out every loss of the server. It must bear being done twice: an answer can get lost.
 * @throws ExchangeError when the exchange closes first, or for an error that no waiting mends
 */
export async function persist<T>(lasting: Lasting, what: string, act: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(50, 5_000)
  for (;;) {
    assertOpen(lasting, what)
    try {
      return await act()
    } catch (error) {
      assertOpen(lasting, what)
      if (isMissing(error, lasting.modules)) await lasting.restore()
      else if (!isPassing(error, lasting.modules)) throw explained(what, error, lasting.modules)
      await pause(backoff.next(), lasting.closing)
    }
  }
}

/** An error of the client or server in words of ours. */
export function explained(what: string, error: unknown, modules: NatsModules): ExchangeError {
  if (error instanceof ExchangeError) return error
  const code = serverCode(error, modules)
  const message = error instanceof Error ? error.message : String(error)
  return new ExchangeError(
    `exchange nats: ${what} failed: ${message}${code === undefined ? '' : ` (server code ${code})`}.${mend(code, error, modules)}`,
    { cause: error },
  )
}

function mend(code: number | undefined, error: unknown, { transport }: NatsModules): string {
  const has = (codes: readonly number[]): boolean => code !== undefined && codes.includes(code)
  if (has(SERVER_CODES.disabled))
    return ' Start the server with JetStream (nats-server -js), and allow it for this account.'
  if (has(SERVER_CODES.noRoom))
    return ' Give the server more room (max_file_store, max_memory_store, account limits) or lower exchange.queue_bytes.'
  if (has(SERVER_CODES.tooFewServers))
    return ' exchange.num_replicas needs a cluster of at least as many servers.'
  const all = [error, ...(error instanceof Error ? [error.cause] : [])]
  return all.some((one) => one instanceof transport.errors.PermissionViolationError)
    ? ' The server does not permit it to this user: see "Securing it" in docs/guides.'
    : ''
}
