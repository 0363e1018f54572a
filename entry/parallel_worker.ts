import { parentPort, workerData } from 'node:worker_threads'
import {
  compile_config,
  EXCHANGE_REGISTRY,
  type RoleWorkerData,
  type RoleWorkerMessage,
  runRole,
  toFailure,
  useNativeGate,
} from '../ding/index.js'

/** One role of a parallel run: what its worker thread runs. */
async function work({ spec, run, exchange: kind, ticket, gate, config }: RoleWorkerData): Promise<unknown> {
  useNativeGate(gate)
  const stop = new AbortController()
  parentPort?.on('message', () => stop.abort())
  const compiled = await compile_config(config.main_config, config.create_config, {
    seed: config.seed,
    // The environment's overrides are in the config already.
    env: {},
    save: false,
    renew_dir: false,
  })
  const exchange = await EXCHANGE_REGISTRY.get(kind).join(ticket)
  try {
    return await runRole(exchange, compiled, spec, run, stop.signal)
  } finally {
    await exchange.close()
  }
}

function say(message: RoleWorkerMessage): void {
  parentPort?.postMessage(message)
  // Nothing else keeps the thread: it ends when its message has gone.
  parentPort?.close()
}

work(workerData as RoleWorkerData).then(
  (done) => say({ done }),
  (error: unknown) => say({ failed: toFailure(error) }),
)
