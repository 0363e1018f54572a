import type { NatsConnection } from '@nats-io/transport-node'
import { ExchangeError } from '../host.js'
import type { NatsConfig } from './config.js'
import type { NatsModules } from './modules.js'
import { Backoff, pause } from './persist.js'
import { securityOptions, serverAddresses } from './security.js'

/** Told when the server is lost and found again. */
export type Report = (message: string) => void

/** Seconds between signs of life, two of which may be missed: so long does it take to notice a link that is cut. */
const PING_MS = 5_000

/**
 * Waits between tries to reconnect: longer the longer the server has been away. It goes by time, since the client asks several times for each try. A
 * quarter is chance, so that the many roles of a run do not all come at once.
 */
class ReconnectDelay {
  #since: number | undefined

  next(): number {
    const now = performance.now()
    this.#since ??= now
    return Math.min(5_000, Math.max(100, (now - this.#since) / 2)) * (0.75 + Math.random() / 4)
  }

  reset(): void {
    this.#since = undefined
  }
}

/**
 * Connects; looks for the server for `connect_timeout_s`, then never gives up on it.
 * @throws ConfigError for wrong settings; ExchangeError when there is no server, or it does not let us in
 */
export async function openConnection(
  config: NatsConfig,
  name: string,
  modules: NatsModules,
  report: Report,
): Promise<NatsConnection> {
  const security = securityOptions(config, modules)
  const servers = serverAddresses(config.servers).map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  )
  const reconnect = new ReconnectDelay()
  const backoff = new Backoff(100, 2_000)
  const until = performance.now() + config.connect_timeout_s * 1000
  for (;;) {
    try {
      const connection = await modules.transport.connect({
        ...security,
        servers,
        name,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => reconnect.next(),
        pingInterval: PING_MS,
        maxPingOut: 2,
        timeout: Math.min(10_000, config.connect_timeout_s * 1000),
      })
      void watchConnection(connection, reconnect, report)
      return connection
    } catch (error) {
      const wait = backoff.next()
      if (!mayPass(error, modules) || performance.now() + wait > until)
        throw noConnection(error, servers, config, modules)
      await pause(wait, new AbortController().signal)
    }
  }
}

function mayPass(error: unknown, { transport }: NatsModules): boolean {
  const { errors } = transport
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return false
  if (error instanceof errors.InvalidArgumentError) return false
  return !/does not support 'tls'|certificate|unable to verify|self.signed|alert|wrong version/i.test(
    messageOf(error),
  )
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as { code?: unknown }).code
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}${typeof code === 'string' ? ` ${code}` : ''}`
}

function noConnection(
  error: unknown,
  servers: readonly string[],
  config: NatsConfig,
  { transport }: NatsModules,
): ExchangeError {
  const where = `exchange nats: ${servers.join(', ')}`
  const text = messageOf(error)
  const say = (message: string): ExchangeError => new ExchangeError(`${where}: ${message}`, { cause: error })
  if (
    error instanceof transport.errors.AuthorizationError ||
    error instanceof transport.errors.UserAuthenticationExpiredError
  ) {
    const way = (['user', 'token', 'nkey', 'creds_file'] as const).find((key) => config[key] !== '')
    const used = way === undefined ? 'no credentials were given' : `with exchange.${way}`
    return say(
      `the server does not let us in, ${used}. Set DING_NATS_USER and DING_NATS_PASSWORD, DING_NATS_TOKEN, DING_NATS_NKEY or DING_NATS_CREDS.`,
    )
  }
  if (/does not support 'tls'/.test(text))
    return say(
      'TLS is asked for (tls:// or exchange.tls), but the server has none. Give the server a certificate.',
    )
  if (/certificate|unable to verify|self.signed|alert/i.test(text))
    return say(
      `the TLS handshake failed: ${text}. exchange.tls.ca_file (DING_NATS_CA) names the authority that signed the server's certificate; ` +
        'cert_file and key_file are for servers that ask for a certificate.',
    )
  return say(
    `no NATS server there: ${text}. Start one (nats-server -js), or name it: exchange.servers, DING_NATS_URL, or --nats.`,
  )
}

/** Reports losses and returns of the server until the connection ends. */
async function watchConnection(
  connection: NatsConnection,
  delay: ReconnectDelay,
  report: Report,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect')
      report(`lost the NATS server ${status.server}; trying again until it is back`)
    else if (status.type === 'reconnect') {
      delay.reset()
      report(`the NATS server ${status.server} is back`)
    } else if (status.type === 'error') report(`the NATS server says: ${status.error.message}`)
    else if (status.type === 'slowConsumer') report('the NATS server sends faster than this role takes in')
  }
}
