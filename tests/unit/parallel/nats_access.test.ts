import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nkeys } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type CompiledConfig,
  compile_config,
  defaultsOf,
  explain,
  shownConfig,
} from '../../../ding/config/index.js'
import '../../../ding/index.js'
import { type NatsConfig, NatsExchange, natsSchema } from '../../../ding/parallel/exchange/index.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'
import { freePort, NatsServer, NO_NATS_SERVER, natsTitle } from './nats_server.js'

function configOf(url: string, more: Partial<NatsConfig> = {}): NatsConfig {
  return {
    ...defaultsOf(natsSchema),
    servers: [url],
    connect_timeout_s: 2,
    queue_bytes: 1024 * 1024,
    ...more,
  }
}

const NO_TLS = defaultsOf(natsSchema).tls

/** The message that joining fails with. */
async function refusal(config: NatsConfig): Promise<string> {
  try {
    const exchange = await NatsExchange.open(config, 'access', () => {})
    await exchange.close()
    return 'let in'
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

describe('settings of the exchange nats', () => {
  it('refuse to send parameters in the clear to another machine unless told so', async () => {
    for (const url of [
      'nats://192.0.2.1:4222',
      'nats://nats.example:4222',
      '192.0.2.1',
      'nats://[2001:db8::1]:4222',
    ]) {
      const said = await refusal(configOf(url))
      expect(said).toMatch(/^ConfigError: .*in the clear|^ConfigError: .*without TLS/)
      expect(said).toContain('allow_insecure')
    }
    const mixed = await refusal(
      configOf('nats://127.0.0.1:1', { servers: ['nats://127.0.0.1:1', 'nats://192.0.2.1:4222'] }),
    )
    expect(mixed).toContain('192.0.2.1')
  })

  it('take no user names in addresses, and do not repeat them', async () => {
    const said = await refusal(configOf('nats://someone:hunter2@127.0.0.1:4222'))
    expect(said).toMatch(/^ConfigError: .*DING_NATS_USER/)
    expect(said).not.toContain('hunter2')
    expect(said).not.toContain('someone')
    expect(await refusal(configOf('http://127.0.0.1:4222'))).toMatch(/^ConfigError: .*no address/)
    expect(await refusal(configOf('x', { servers: [] }))).toMatch(/^ConfigError: .*empty/)
  })

  it('take one way in, complete and readable, and tell no secret', async () => {
    const at = 'nats://127.0.0.1:1'
    const cases: [Partial<NatsConfig>, RegExp][] = [
      [{ user: 'a', token: 'hunter2' }, /user and token/],
      [{ password: 'hunter2' }, /without exchange\.user/],
      [{ nkey: 'hunter2' }, /exchange\.nkey: is not the seed/],
      [{ creds_file: 'no/such.creds' }, /creds_file: cannot be read/],
      [{ tls: { ...NO_TLS, cert_file: 'x' } }, /cert_file without key_file/],
      [{ tls: { ...NO_TLS, ca_file: 'no/such.pem' } }, /ca_file: cannot be read/],
      [{ user: 'a', password: '***' }, /not saved\. Set DING_NATS_PASSWORD/],
      [{ run: '...' }, /no letter or digit/],
    ]
    for (const [more, expected] of cases) {
      const said = await refusal(configOf(at, more))
      expect(said).toMatch(/^ConfigError/)
      expect(said).toMatch(expected)
      expect(said).not.toContain('hunter2')
    }
  })

  it('say so when no server is there', async () => {
    const port = await freePort()
    const said = await refusal(configOf(`nats://127.0.0.1:${port}`, { connect_timeout_s: 0.3 }))
    expect(said).toMatch(/^ExchangeError: .*no NATS server there.*nats-server -js/)
    expect(said).toContain(`127.0.0.1:${port}`)
  })
})

describe('secrets', () => {
  const main = (exchange: object): object => {
    const [config] = smallDqn({ other: { replay_buffer: { replay_buffer_size: 500 }, exchange } })
    return config
  }
  const create = { ...smallDqn()[1], exchange: { type: 'nats' } }
  const of = (config: CompiledConfig): NatsConfig =>
    config.main_config.policy.other['exchange'] as unknown as NatsConfig

  it('of the config and of the environment reach the exchange, and no file or listing of the config', async () => {
    const work_dir = temporaryFolder()
    const settings = { work_dir, env: { DING_NATS_TOKEN: 'hunter2', DING_NATS_URL: 'tls://a:1,tls://b:2' } }
    const config = await compile_config(main({ user: 'ann', password: 'correct horse' }), create, settings)
    expect(of(config)).toMatchObject({
      user: 'ann',
      password: 'correct horse',
      token: 'hunter2',
      servers: ['tls://a:1', 'tls://b:2'],
    })
    const path = join(work_dir, config.main_config.exp_name, 'total_config.json')
    const saved = readFileSync(path, 'utf8')
    expect(saved).not.toMatch(/correct horse|hunter2/)
    expect(saved).toContain('"password": "***"')
    expect(JSON.stringify(shownConfig(config))).not.toMatch(/correct horse|hunter2/)
    // The config itself is as it was, and an empty secret stays empty.
    expect(of(config).password).toBe('correct horse')
    expect(saved).toContain('"nkey": ""')
    const rows = await explain(path, { env: { DING_NATS_TOKEN: 'hunter2' } })
    expect(JSON.stringify(rows)).not.toMatch(/hunter2/)
    expect(rows.find((row) => row.path.endsWith('exchange.token'))?.value).toBe('***')
  })

  it('that a saved config lacks are asked for by name', async () => {
    const config = await compile_config(main({ user: 'ann', password: '***' }), create, {
      save: false,
      env: {},
    })
    expect(await refusal({ ...of(config), servers: ['nats://127.0.0.1:1'] })).toMatch(/DING_NATS_PASSWORD/)
  })

  it('and the client of NATS are not loaded by those who do not use them', () => {
    const folder = fileURLToPath(new URL('../../../ding/parallel/exchange/nats/', import.meta.url))
    let found = 0
    for (const name of readdirSync(folder)) {
      const source = readFileSync(join(folder, name), 'utf8')
      // Over as many lines as they take; what loads at once is `import ... from`, `import '...'` and `export ... from`.
      const loading = source.matchAll(/^(?:im|ex)port\s(?:[^'"`;]*\sfrom\s+)?(['"])@nats-io[^'"]*\1/gm)
      for (const [statement] of loading) {
        expect(statement, name).toMatch(/^(?:im|ex)port\s+type\s/)
        found++
      }
    }
    expect(found).toBeGreaterThan(0)
  })
})

describe.skipIf(NO_NATS_SERVER !== '')(natsTitle('a real server'), () => {
  let folder: string
  const servers: NatsServer[] = []

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ding-access-'))
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function serve(config: string, jetstream = true): Promise<NatsServer> {
    const server = await NatsServer.start({ config, jetstream })
    servers.push(server)
    return server
  }

  it('lets in by user and password, by token and by nkey, and no one else', async () => {
    const pair = nkeys.createUser()
    const seed = new TextDecoder().decode(pair.getSeed())
    const byUser = await serve('authorization { user: ann, password: "correct horse" }')
    expect(await refusal(configOf(byUser.url, { user: 'ann', password: 'correct horse' }))).toBe('let in')
    for (const wrong of [{}, { user: 'ann', password: 'hunter2' }, { token: 'hunter2' }, { nkey: seed }]) {
      const said = await refusal(configOf(byUser.url, wrong))
      expect(said).toMatch(/^ExchangeError: .*does not let us in/)
      expect(said).not.toContain('hunter2')
      expect(said).not.toContain(seed)
    }
    const byToken = await serve('authorization { token: "s3cret" }')
    expect(await refusal(configOf(byToken.url, { token: 's3cret' }))).toBe('let in')
    expect(await refusal(configOf(byToken.url, { token: 'other' }))).toMatch(/does not let us in/)
    const byNkey = await serve(`authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`)
    expect(await refusal(configOf(byNkey.url, { nkey: seed }))).toBe('let in')
    expect(await refusal(configOf(byNkey.url))).toMatch(/does not let us in/)
  })

  it('lets in by a credentials file', async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
    const limits = {
      conn: -1,
      leaf: -1,
      imports: -1,
      exports: -1,
      wildcards: true,
      subs: -1,
      data: -1,
      payload: -1,
    }
    const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
    const operatorJwt = jwt(operator, operator.getPublicKey(), { type: 'operator', version: 2 })
    const accountJwt = jwt(operator, account.getPublicKey(), {
      type: 'account',
      version: 2,
      limits: { ...limits, ...storage },
    })
    const userJwt = jwt(account, user.getPublicKey(), {
      type: 'user',
      version: 2,
      pub: {},
      sub: {},
      subs: -1,
      data: -1,
      payload: -1,
    })
    const system = nkeys.createAccount()
    const systemJwt = jwt(operator, system.getPublicKey(), { type: 'account', version: 2, limits })
    const [id, systemId] = [account.getPublicKey(), system.getPublicKey()]
    const server = await serve(
      `operator: ${operatorJwt}\nresolver: MEMORY\nsystem_account: ${systemId}\n` +
        `resolver_preload: { ${id}: ${accountJwt}, ${systemId}: ${systemJwt} }`,
    )
    const file = join(folder, 'ann.creds')
    const seed = new TextDecoder().decode(user.getSeed())
    writeFileSync(
      file,
      `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
    )
    expect(await refusal(configOf(server.url, { creds_file: file }))).toBe('let in')
    expect(await refusal(configOf(server.url))).toMatch(/does not let us in/)
    writeFileSync(file, 'no credentials')
    expect(await refusal(configOf(server.url, { creds_file: file }))).toMatch(
      /^ConfigError: .*creds_file: is not/,
    )
  })

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)(
    'speaks TLS, with a certificate of the client where asked, and is refused with another authority',
    async () => {
      const [ca, other] = [authority(folder, 'ca'), authority(folder, 'other')]
      const host = signed(folder, ca, 'server')
      const client = signed(folder, ca, 'client')
      const tls = `cert_file: "${host.cert}", key_file: "${host.key}", ca_file: "${ca.cert}"`
      const server = await serve(`tls { ${tls} }`)
      const url = server.url.replace('nats:', 'tls:')
      expect(await refusal(configOf(url, { tls: { ...NO_TLS, ca_file: ca.cert } }))).toBe('let in')
      expect(await refusal(configOf(url))).toMatch(/TLS handshake failed.*ca_file/)
      expect(await refusal(configOf(url, { tls: { ...NO_TLS, ca_file: other.cert } }))).toMatch(
        /TLS handshake failed/,
      )
      const strict = await serve(`tls { ${tls}, verify: true }`)
      const strictUrl = strict.url.replace('nats:', 'tls:')
      const withCert = { ...NO_TLS, ca_file: ca.cert, cert_file: client.cert, key_file: client.key }
      expect(await refusal(configOf(strictUrl, { tls: withCert }))).toBe('let in')
      expect(await refusal(configOf(strictUrl, { tls: { ...NO_TLS, ca_file: ca.cert } }))).toMatch(
        /^ExchangeError/,
      )
      const plain = await serve('')
      expect(await refusal(configOf(plain.url.replace('nats:', 'tls:')))).toMatch(/server has none/)
    },
  )

  it('without JetStream, or with streams of that name set otherwise, is told by name', async () => {
    const bare = await serve('', false)
    expect(await refusal(configOf(bare.url))).toMatch(/^ExchangeError: .*JetStream switched off.*-js/)
    const server = await serve('')
    expect(await refusal(configOf(server.url))).toBe('let in')
    expect(await refusal(configOf(server.url))).toBe('let in')
    const said = await refusal(configOf(server.url, { queue_bytes: 2 * 1024 * 1024 }))
    expect(said).toMatch(/ding-access-queue.*max_bytes is 1048576, expected 2097152.*ding nats clean/)
    expect(await refusal(configOf(server.url, { run: 'big', queue_bytes: 1e12 }))).toMatch(/more room/)
    expect(await refusal(configOf(server.url, { run: 'three', num_replicas: 3 }))).toMatch(
      /num_replicas needs a cluster/,
    )
  })

  it('keeps runs apart that have other names', async () => {
    const server = await serve('')
    const [one, two] = [await open(server, 'one'), await open(server, 'two')]
    await one.trajectories.publish(Uint8Array.of(1), 'c-0')
    await one.parameters.publish({ version: 1, blob: Uint8Array.of(1) })
    expect(await two.trajectories.depth()).toEqual({ messages: 0, bytes: 0 })
    expect(await two.parameters.newest()).toBeUndefined()
    await one.close()
    await two.close()
  })

  it('that takes smaller messages, or a queue smaller than the chunk, is told at once', async () => {
    const server = await serve('max_payload: 100000')
    const exchange = await open(server, 'small')
    await expect(exchange.trajectories.publish(new Uint8Array(120_000), 'c-0')).rejects.toThrow(/max_payload/)
    await exchange.parameters.publish({ version: 1, blob: new Uint8Array(1_000_000).fill(7) })
    expect((await exchange.parameters.newest())?.blob.every((byte) => byte === 7)).toBe(true)
    await exchange.store.put('x', new Uint8Array(500_000).fill(3))
    expect((await exchange.store.get('x'))?.byteLength).toBe(500_000)
    await exchange.close()
    const tiny = await NatsExchange.open(configOf(server.url, { queue_bytes: 50_000 }), 'tiny', () => {})
    await expect(tiny.trajectories.publish(new Uint8Array(60_000), 'c-0')).rejects.toThrow(/queue_bytes/)
    await tiny.close()
  })

  it('that does not permit a thing is told by what it was', async () => {
    const server = await serve(
      'authorization { users: [ { user: ann, password: x, permissions: { publish: { deny: ["ding.*.queue"] } } } ] }',
    )
    const exchange = await NatsExchange.open(
      configOf(server.url, { user: 'ann', password: 'x', request_timeout_s: 1 }),
      'denied',
      () => {},
    )
    await expect(exchange.trajectories.publish(Uint8Array.of(1), 'c-0')).rejects.toThrow(/not permit/)
    await exchange.close()
  })

  function open(server: NatsServer, run: string): Promise<NatsExchange> {
    return NatsExchange.open(configOf(server.url), run, () => {})
  }
})

/** A JSON web token of NATS, signed by `signer`. */
function jwt(signer: ReturnType<typeof nkeys.createUser>, subject: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    jti: subject,
    iat: 1_700_000_000,
    iss: signer.getPublicKey(),
    name: 'test',
    sub: subject,
    nats,
  }
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${text}.${Buffer.from(signer.sign(new TextEncoder().encode(text))).toString('base64url')}`
}

interface KeyFiles {
  readonly cert: string
  readonly key: string
}

function authority(folder: string, name: string): KeyFiles {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  openssl('req', '-x509', ...newKey(files.key), '-days', '30', '-subj', `/CN=${name}`, '-out', files.cert)
  return files
}

function signed(folder: string, ca: KeyFiles, name: string): KeyFiles {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const [request, extension] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
  writeFileSync(extension, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  openssl('req', ...newKey(files.key), '-subj', `/CN=${name}`, '-out', request)
  const by = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-extfile', extension]
  openssl('x509', '-req', '-in', request, ...by, '-days', '30', '-out', files.cert)
  return files
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file]
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}
