import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Where tests need a real server and there is none: they are skipped, and this says so. */
export const NO_NATS_SERVER =
  spawnSync('nats-server', ['--version']).status === 0
    ? ''
    : 'nats-server is not on the PATH (Debian: apt-get install nats-server)'

/** The name of a block of tests on a real server, with the reason where they are skipped. */
export function natsTitle(title: string): string {
  return NO_NATS_SERVER === '' ? title : `${title} [skipped: ${NO_NATS_SERVER}]`
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export interface NatsServerOptions {
  /** Further lines of the server's config file. */
  readonly config?: string
  readonly jetstream?: boolean
  /** Files beside the config, by name. */
  readonly files?: Readonly<Record<string, string>>
  readonly host?: string
  /** Of the server; those of a cluster differ. */
  readonly name?: string
}

/** A `nats-server` with a store of its own; it can be killed and comes back with the same port and store. */
export class NatsServer {
  readonly url: string
  #child: ChildProcess | undefined
  #log = ''

  private constructor(
    readonly folder: string,
    readonly host: string,
    readonly port: number,
  ) {
    this.url = `nats://${host}:${port}`
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const { config = '', jetstream = true, host = '127.0.0.1', files = {}, name = 'test' } = options
    const folder = mkdtempSync(join(tmpdir(), 'ding-nats-'))
    const server = new NatsServer(folder, host, await freePort())
    for (const [name, text] of Object.entries(files)) server.write(name, text)
    const store = jetstream
      ? `jetstream { store_dir: "${join(folder, 'store')}", max_mem: 256MB, max_file: 1GB }`
      : ''
    writeFileSync(
      join(folder, 'server.conf'),
      `listen: "${host}:${server.port}"\nserver_name: "${name}"\n${store}\n${config}\n`,
    )
    await server.up()
    return server
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text)
  }

  /** The process of the server. @throws when it is down */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is down')
    return this.#child.pid
  }

  async up(): Promise<void> {
    if (this.#child !== undefined) return
    const child = spawn('nats-server', ['-c', join(this.folder, 'server.conf')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const keep = (data: Buffer): void => {
      this.#log = `${this.#log}${data}`.slice(-8000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    for (let tries = 0; tries < 400; tries++) {
      if (/Server is ready/.test(this.#log)) {
        this.#log = ''
        return
      }
      if (child.exitCode !== null) break
      await delay(25)
    }
    throw new Error(`nats-server did not start:\n${this.#log}`)
  }

  /** Ends the server at once, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    this.#log = ''
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Servers that keep streams together, on this machine. */
export class NatsCluster {
  private constructor(readonly servers: readonly NatsServer[]) {}

  static async start(size: number): Promise<NatsCluster> {
    const ports = await Promise.all(Array.from({ length: size }, () => freePort()))
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
    const servers = await Promise.all(
      ports.map((port, i) =>
        NatsServer.start({
          name: `server${i}`,
          config: `cluster { name: "ding", listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        }),
      ),
    )
    return new NatsCluster(servers)
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url)
  }

  /** @param name as the server calls itself */
  server(name: string): NatsServer {
    return this.servers[Number(name.replace('server', ''))] as NatsServer
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }
}
