import { readFileSync } from 'node:fs'
import type { Authenticator, NodeConnectionOptions } from '@nats-io/transport-node'
import { REDACTED } from '../../../config/index.js'
import { ConfigError } from '../../../utils/index.js'
import type { NatsConfig } from './config.js'
import type { NatsModules } from './modules.js'

const SCHEMES = new Set(['nats:', 'tls:'])
const VARIABLE: Readonly<Record<string, string>> = {
  user: 'DING_NATS_USER',
  password: 'DING_NATS_PASSWORD',
  token: 'DING_NATS_TOKEN',
  nkey: 'DING_NATS_NKEY',
}

/** One address, taken apart. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/**
 * The addresses of `servers`.
 * @throws ConfigError for an address that cannot be used, or that holds a user name: addresses are shown in logs
 */
export function serverAddresses(servers: readonly string[]): ServerAddress[] {
  if (servers.length === 0)
    throw new ConfigError('exchange.servers: empty. Name at least one server, as in nats://127.0.0.1:4222.', {
      path: 'servers',
    })
  return servers.map(addressOf)
}

function addressOf(text: string): ServerAddress {
  const full = text.includes('://') ? text : `nats://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || !SCHEMES.has(url.protocol) || url.hostname === '' || !/^\/?$/.test(url.pathname)) {
    const shown = url === undefined || url.username === '' ? `"${text}"` : 'an address with a user name'
    throw new ConfigError(
      `exchange.servers: ${shown} is no address of a NATS server, such as nats://host:4222.`,
      {
        path: 'servers',
      },
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConfigError(
      `exchange.servers: the address of ${url.host} holds a user name. Addresses are shown in logs and saved: ` +
        'give it as DING_NATS_USER and DING_NATS_PASSWORD (or DING_NATS_TOKEN).',
      { path: 'servers' },
    )
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 4222 : Number(url.port),
    tls: url.protocol === 'tls:',
  }
}

/** Whether packets to this host stay on this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** The TLS options, or undefined when nothing asks for TLS. */
function tlsOptions(config: NatsConfig, addresses: readonly ServerAddress[]): NodeConnectionOptions['tls'] {
  const { ca_file, cert_file, key_file, handshake_first } = config.tls
  if ((cert_file === '') !== (key_file === '')) {
    throw new ConfigError(
      `exchange.tls: ${cert_file === '' ? 'key_file without cert_file' : 'cert_file without key_file'}. Give both.`,
      { path: 'tls' },
    )
  }
  const asked = ca_file !== '' || cert_file !== '' || handshake_first || addresses.some(({ tls }) => tls)
  if (!asked) return undefined
  for (const [key, file] of Object.entries({ ca_file, cert_file, key_file }))
    if (file !== '') readGiven(`tls.${key}`, file)
  return {
    ...(ca_file === '' ? {} : { caFile: ca_file }),
    ...(cert_file === '' ? {} : { certFile: cert_file, keyFile: key_file }),
    ...(handshake_first ? { handshakeFirst: true } : {}),
  }
}

function readGiven(key: string, file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`exchange.${key}: cannot be read: ${reason}`, { cause, path: key })
  }
}

/**
 * How to get in, and how safely.
 * @throws ConfigError for contradicting or unreadable credentials, and where parameters would cross a network in the clear
 */
export function securityOptions(
  config: NatsConfig,
  { transport }: Pick<NatsModules, 'transport'>,
): Pick<NodeConnectionOptions, 'tls' | 'user' | 'pass' | 'token' | 'authenticator' | 'ignoreClusterUpdates'> {
  const addresses = serverAddresses(config.servers)
  const tls = tlsOptions(config, addresses)
  const open = addresses.find(({ host }) => !isLoopback(host))
  if (tls === undefined && open !== undefined && !config.allow_insecure) {
    throw new ConfigError(
      `exchange.servers: ${open.host} is another machine, and without TLS everybody on the way reads (and can change) parameters and ` +
        'experience. Use tls:// and exchange.tls.ca_file (DING_NATS_CA), or, in a network that you trust, exchange.allow_insecure: true ' +
        '(DING_NATS_ALLOW_INSECURE=true).',
      { path: 'allow_insecure' },
    )
  }
  return {
    ...credentials(config, transport),
    ...(tls === undefined ? {} : { tls }),
    // A server on this machine could name others of its cluster, and without TLS those are not to be used unasked.
    ignoreClusterUpdates: tls === undefined && !config.allow_insecure,
  }
}

function credentials(
  config: NatsConfig,
  transport: NatsModules['transport'],
): Pick<NodeConnectionOptions, 'user' | 'pass' | 'token' | 'authenticator'> {
  const { user, password, token, nkey, creds_file } = config
  for (const [key, value] of Object.entries({ user, password, token, nkey })) {
    if (value === REDACTED)
      throw new ConfigError(
        `exchange.${key}: "${REDACTED}" stands for a secret that is not saved. Set ${VARIABLE[key]}.`,
        { path: key },
      )
  }
  const given = Object.entries({ user, token, nkey, creds_file }).filter(([, value]) => value !== '')
  if (given.length > 1) {
    const names = given.map(([key]) => key).join(' and ')
    throw new ConfigError(`exchange: ${names} are given; one way in is enough. Leave the others empty.`, {
      path: given[0]![0],
    })
  }
  if (password !== '' && user === '')
    throw new ConfigError('exchange.password: given without exchange.user (DING_NATS_USER).', {
      path: 'password',
    })
  if (user !== '') return { user, pass: password }
  if (token !== '') return { token }
  if (nkey !== '')
    return { authenticator: seeded(() => transport.nkeyAuthenticator(Buffer.from(nkey)), 'nkey') }
  if (creds_file === '') return {}
  const creds = readGiven('creds_file', creds_file)
  return { authenticator: seeded(() => transport.credsAuthenticator(creds), 'creds_file') }
}

/** The authenticator, tried once so that a malformed secret is told now and by its key; its text is kept out of the message. */
function seeded(make: () => Authenticator, key: string): Authenticator {
  try {
    const authenticator = make()
    authenticator('nonce')
    return authenticator
  } catch {
    throw new ConfigError(
      `exchange.${key}: is not ${key === 'nkey' ? 'the seed of a user nkey (SU...)' : 'a credentials file as nsc writes it'}.`,
      { path: key },
    )
  }
}
