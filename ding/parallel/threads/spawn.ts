import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { closeNativeGate, createNativeGate } from '../../compute/index.js'
import type { CompiledConfig } from '../../config/index.js'
import * as errors from '../../utils/index.js'
import { DingError } from '../../utils/index.js'
import { ExchangeError, type ExchangeHost } from '../exchange/index.js'
import { type RoleSpec, type RunSpec, runRole } from './role.js'

/** How a role ended. `lost`: without a word. */
export type Ending =
  | { readonly how: 'done'; readonly value: unknown }
  | { readonly how: 'failed'; readonly error: Error }
  | { readonly how: 'lost'; readonly reason: string }

/** A role at work. */
export interface RoleHandle {
  readonly ended: Promise<Ending>
  /** Asks it to end in order. */
  stop(): void
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>
}

/** Starts roles. */
export interface Spawner {
  spawn(spec: RoleSpec): Promise<RoleHandle>
}

/** An error in a form that crosses threads. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: '' }
  return { name: error.name, message: error.message, stack: error.stack ?? '' }
}

function fromFailure({ name, message, stack }: Failure): Error {
  const known: unknown = name === 'ExchangeError' ? ExchangeError : (errors as Record<string, unknown>)[name]
  const kind =
    typeof known === 'function' && known.prototype instanceof DingError
      ? (known as new (
          message: string,
        ) => Error)
      : Error
  const error = new kind(message)
  error.stack = stack
  return error
}

/** What a role's worker thread is given. */
export interface RoleWorkerData {
  readonly spec: RoleSpec
  readonly run: RunSpec
  readonly exchange: string
  readonly ticket: unknown
  /** Through which its native calls go, so that it can be ended between two of them. */
  readonly gate: SharedArrayBuffer
  readonly config: Pick<CompiledConfig, 'main_config' | 'create_config' | 'seed'>
}

/** What it says at its end. */
export type RoleWorkerMessage = { readonly done: unknown } | { readonly failed: Failure }

export interface ThreadSpawnerOptions {
  /** The module that a worker thread runs: it reads {@link RoleWorkerData}. */
  readonly worker: URL
  readonly exchange: string
  readonly host: ExchangeHost
  readonly config: CompiledConfig
  readonly run: RunSpec
}

/** Roles as worker threads. */
export class ThreadSpawner implements Spawner {
  constructor(private readonly options: ThreadSpawnerOptions) {}

  async spawn(spec: RoleSpec): Promise<RoleHandle> {
    const { worker: main, exchange, host, config, run } = this.options
    const { main_config, create_config, seed } = config
    const ticket = host.ticket()
    const gate = createNativeGate()
    const data: RoleWorkerData = {
      spec,
      run,
      exchange,
      ticket: ticket.data,
      gate,
      config: { main_config, create_config, seed },
    }
    const worker = startWorker(main, { workerData: data, transferList: [...ticket.transfer] })
    const ended = new Promise<Ending>((resolve) => {
      worker.on('message', (message: RoleWorkerMessage) => {
        if ('done' in message) resolve({ how: 'done', value: message.done })
        else resolve({ how: 'failed', error: fromFailure(message.failed) })
      })
      worker.on('error', (error) => resolve({ how: 'failed', error: error as Error }))
      worker.on('exit', (code) => resolve({ how: 'lost', reason: `ended its thread with exit code ${code}` }))
    })
    return {
      ended,
      stop: () => worker.postMessage('stop'),
      kill: async () => {
        await closeNativeGate(gate, NATIVE_MS)
        await worker.terminate()
      },
    }
  }
}

/** The longest that a native call is waited for. */
const NATIVE_MS = 10_000

interface WorkerOptions {
  readonly workerData: unknown
  readonly transferList: NonNullable<ConstructorParameters<typeof Worker>[1]>['transferList'] & object
}

/**
 * A worker thread that runs a module of this project. From TypeScript sources Node 20 cannot start it, not even under tsx, so a line of JavaScript registers
 * tsx first.
 */
function startWorker(main: URL, options: WorkerOptions): Worker {
  if (!main.pathname.endsWith('.ts')) return new Worker(main, options)
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(main.href)}) })`
  return new Worker(code, { ...options, eval: true, execArgv: [] })
}

/** Roles in this thread, one event loop for all: for tests and for finding faults. A role here cannot be killed, and nothing runs at the same time. */
export class InlineSpawner implements Spawner {
  constructor(
    private readonly host: ExchangeHost,
    private readonly config: CompiledConfig,
    private readonly run: RunSpec,
  ) {}

  async spawn(spec: RoleSpec): Promise<RoleHandle> {
    const exchange = await this.host.connect()
    const stop = new AbortController()
    const ended = runRole(exchange, this.config, spec, this.run, stop.signal).then(
      (value): Ending => ({ how: 'done', value }),
      (error: unknown): Ending => ({ how: 'failed', error: error as Error }),
    )
    return {
      ended: ended.finally(() => exchange.close()),
      stop: () => stop.abort(),
      kill: async () => {
        stop.abort()
        await exchange.close()
      },
    }
  }
}
