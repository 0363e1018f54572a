import { EnvError } from '../../utils/index.js'
import { CLOSE_TIMEOUT, type EnvCall, EnvExecutor, type EnvFailure, type EnvReply } from './executor.js'

/** A place where envs live: this thread, or a worker. */
export interface EnvHost {
  /** Does the calls in order; a reply each. `timeout` is in seconds for each of them; null: none. */
  call(calls: readonly EnvCall[], timeout: number | null): Promise<EnvReply[]>
  /** Starts anew after the host was lost; every env has to be created again. */
  restart(): Promise<void>
  /** Does the last calls, if it can still be reached, and ends. */
  close(calls: readonly EnvCall[]): Promise<void>
}

/** The longest that Node's timers can wait, in ms; they fire at once when asked for more. */
const LONGEST_DELAY = 2 ** 31 - 1

/** Milliseconds for a timer that stands for so many seconds. */
export function timerDelay(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_DELAY)
}

/** A failure for a call that took too long. */
export function timeoutFailure(op: EnvCall['op'], seconds: number): EnvFailure {
  return { name: 'EnvError', message: `${op} took longer than ${seconds} s`, stack: '' }
}

/** The error of a call that cannot be answered any more. */
export function closedError(): EnvError {
  return new EnvError('The env manager was closed before the call was over')
}

/** Envs in this thread, one after the other. */
export class LocalHost implements EnvHost {
  private executor = new EnvExecutor()

  /** Waits for nothing that is there already: with synchronous envs a step of all of them is one turn of the event loop. */
  async call(calls: readonly EnvCall[], timeout: number | null): Promise<EnvReply[]> {
    const replies: EnvReply[] = []
    for (const call of calls) {
      const reply = this.executor.run(call)
      if (!(reply instanceof Promise)) replies.push(reply)
      else replies.push(await (timeout === null ? reply : this.inTime(call, reply, timeout)))
    }
    return replies
  }

  /** Only an asynchronous env can be timed out: a synchronous one holds the thread. The late env is given up. */
  private async inTime(call: EnvCall, work: Promise<EnvReply>, timeout: number): Promise<EnvReply> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<EnvReply>((resolve) => {
      timer = setTimeout(() => {
        this.executor.abandon(call.id)
        resolve({ failed: { ...timeoutFailure(call.op, timeout), gone: 'env' } })
      }, timerDelay(timeout))
    })
    const reply = await Promise.race([work, late])
    clearTimeout(timer)
    return reply
  }

  async restart(): Promise<void> {
    this.executor = new EnvExecutor()
  }

  async close(calls: readonly EnvCall[]): Promise<void> {
    await this.call(calls, CLOSE_TIMEOUT)
    await this.restart()
  }
}
