import { parentPort } from 'node:worker_threads'
import '../builtin.js'
import { type EnvCall, EnvExecutor, type EnvReply, toFailure } from './executor.js'
import { packMessage } from './transfer.js'

/** What the manager posts to a worker, and what comes back. `seq` pairs the two. */
export interface WorkerRequest {
  readonly seq: number
  readonly calls: readonly EnvCall[]
}
export interface WorkerResponse {
  readonly seq: number
  readonly replies: readonly EnvReply[]
}

const executor = new EnvExecutor()

/** A reply that can be posted: an env may return what no other thread can have, functions in `info` for instance. */
function postable(reply: EnvReply): EnvReply {
  try {
    structuredClone(reply)
    return reply
  } catch (cause) {
    const failure = toFailure(cause)
    const message = `What the env returned cannot leave its worker thread: ${failure.message}. Return plain data and arrays only`
    return { failed: { ...failure, message } }
  }
}

parentPort?.on('message', async ({ seq, calls }: WorkerRequest) => {
  const replies: EnvReply[] = []
  for (const call of calls) replies.push(await executor.run(call))
  try {
    post({ seq, replies })
  } catch {
    post({ seq, replies: replies.map(postable) })
  }
})

function post(response: WorkerResponse): void {
  const { message, transfer } = packMessage(response)
  parentPort?.postMessage(message, transfer)
}

parentPort?.postMessage({ seq: 0, replies: [] } satisfies WorkerResponse)
