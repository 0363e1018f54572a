import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { EnvError } from '../../utils/index.js'
import { CLOSE_TIMEOUT, type EnvCall, type EnvFailure, type EnvReply, toFailure } from './executor.js'
import { closedError, type EnvHost, timeoutFailure, timerDelay } from './host.js'
import { packMessage } from './transfer.js'
import type { WorkerRequest, WorkerResponse } from './worker_main.js'

interface Pending {
  readonly seq: number
  settle(outcome: readonly EnvReply[] | EnvFailure): void
  /** Ends the wait without an answer. */
  cancel(): void
}

/** Envs in a worker thread. One batch of calls is under way at a time. */
export class WorkerHost implements EnvHost {
  private worker: Worker | undefined
  private pending: Pending | undefined
  private death: EnvFailure | undefined
  private seq = 0

  /** @param connectTimeout seconds that the worker may take to start */
  constructor(private readonly connectTimeout: number) {}

  async call(calls: readonly EnvCall[], timeout: number | null): Promise<EnvReply[]> {
    if (this.pending !== undefined) {
      throw new EnvError('An env manager was called again before its last call was over; await each call')
    }
    if (this.worker === undefined) await this.start()
    const seq = ++this.seq
    const outcome = await this.wait(seq, calls, timeout, () => {
      const request: WorkerRequest = { seq, calls }
      const { message, transfer } = packMessage(request)
      this.worker?.postMessage(message, transfer)
    })
    return Array.isArray(outcome) ? [...outcome] : calls.map(() => ({ failed: outcome as EnvFailure }))
  }

  async restart(): Promise<void> {
    await this.end()
    await this.start()
  }

  async close(calls: readonly EnvCall[]): Promise<void> {
    const reachable = this.worker !== undefined && this.death === undefined && this.pending === undefined
    if (reachable) await this.call(calls, CLOSE_TIMEOUT)
    await this.end()
  }

  private async end(): Promise<void> {
    const worker = this.worker
    this.worker = undefined
    this.death = undefined
    this.pending?.cancel()
    worker?.removeAllListeners()
    // An error that comes while it dies is of no interest, but without a listener it would end the process.
    worker?.on('error', () => undefined)
    await worker?.terminate()
  }

  private async start(): Promise<void> {
    const worker = spawn()
    this.worker = worker
    worker.on('message', (response: WorkerResponse) => {
      if (response.seq === this.pending?.seq) this.pending.settle(response.replies)
    })
    worker.on('error', (error: unknown) => {
      const stack = error instanceof Error ? (error.stack ?? '') : ''
      const reason = error instanceof Error ? error.message : String(error)
      this.die({ name: 'Error', message: `the worker thread died: ${reason}`, stack, gone: 'host' })
    })
    worker.on('exit', (code) => {
      this.die({
        name: 'Error',
        message: `the worker thread ended with exit code ${code}`,
        stack: '',
        gone: 'host',
      })
    })
    const outcome = await this.wait(0, [], this.connectTimeout, () => undefined)
    if (Array.isArray(outcome)) return
    const { message, stack } = outcome as EnvFailure
    await this.end()
    const cause = new Error(message)
    if (stack !== '') cause.stack = stack
    throw new EnvError(
      `A worker thread for environments did not start within ${this.connectTimeout} s: ${message}`,
      { cause },
    )
  }

  private die(failure: EnvFailure): void {
    this.death ??= failure
    this.pending?.settle(this.death)
  }

  /**
   * Waits for the reply numbered `seq`, the worker's death, or the end of patience, whichever is first.
   * @throws EnvError when the host is closed before
   */
  private wait(
    seq: number,
    calls: readonly EnvCall[],
    timeout: number | null,
    send: () => void,
  ): Promise<readonly EnvReply[] | EnvFailure> {
    if (this.death !== undefined) return Promise.resolve(this.death)
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const finish = (): void => {
        clearTimeout(timer)
        this.pending = undefined
        // An idle worker must not keep the process alive.
        this.worker?.unref()
      }
      const settle: Pending['settle'] = (outcome) => {
        finish()
        resolve(outcome)
      }
      const cancel = (): void => {
        finish()
        reject(closedError())
      }
      this.pending = { seq, settle, cancel }
      this.worker?.ref()
      if (timeout !== null) {
        timer = setTimeout(
          () => this.die({ ...timeoutFailure(calls[0]?.op ?? 'create', timeout), gone: 'host' }),
          timerDelay(timeout * Math.max(1, calls.length)),
        )
      }
      try {
        send()
      } catch (error) {
        settle(toFailure(error))
      }
    })
  }
}

/**
 * A worker that runs `worker_main`. From TypeScript sources Node's loader cannot start it (Node 20 refuses .ts in worker
 * threads even under tsx), so a line of JavaScript registers tsx first.
 */
function spawn(): Worker {
  const fromSources = import.meta.url.endsWith('.ts')
  const main = new URL(fromSources ? './worker_main.ts' : './worker_main.js', import.meta.url)
  if (!fromSources) return new Worker(main)
  // An eval'd worker resolves bare names from the working directory, so tsx is named by its ESM file.
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(main.href)}) })`
  return new Worker(code, { eval: true, execArgv: [] })
}
