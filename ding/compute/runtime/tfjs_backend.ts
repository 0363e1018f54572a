import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { RuntimeUnavailableError } from '../../utils/index.js'
import { repairKernels } from './tfjs_repairs.js'

/** tfjs backends that eager programs may run on; `tensorflow` is tfjs-node or, with cuda, tfjs-node-gpu. */
export type EagerBackend = 'cpu' | 'wasm' | 'tensorflow'

const loading = new Map<string, Promise<void>>()

/**
 * Loads a tfjs backend once per process and leaves the one that was active before in place.
 * @throws RuntimeUnavailableError when its package is missing or it does not start.
 */
export function loadBackend(backend: EagerBackend, cuda: boolean): Promise<void> {
  const from = packageOf(backend, cuda)
  let promise = loading.get(from)
  if (promise === undefined) {
    promise = start(backend, from)
    loading.set(from, promise)
    promise.catch(() => loading.delete(from))
  }
  return promise
}

/** The npm package that holds a backend. @throws RuntimeUnavailableError when cuda is asked of a CPU backend. */
export function packageOf(backend: EagerBackend, cuda: boolean): string {
  if (backend === 'tensorflow') return cuda ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node'
  if (cuda) {
    throw new RuntimeUnavailableError(
      `The tfjs backend "${backend}" has no GPU. With cuda: true choose backend "tensorflow" (needs ` +
        '@tensorflow/tfjs-node-gpu), or the onnx runtime.',
    )
  }
  return `@tensorflow/tfjs-backend-${backend}`
}

async function start(backend: EagerBackend, from: string): Promise<void> {
  if (backend === 'tensorflow') restoreRemovedNodeFunctions()
  // Keeps tfjs from printing advertisements.
  tf.enableProdMode()
  try {
    await import(from)
    // Stands in where the wasm backend has no kernel or a wrong one; its package brings it along.
    if (backend === 'wasm') await loadBackend('cpu', false)
  } catch (cause) {
    throw new RuntimeUnavailableError(
      `The tfjs backend "${backend}" needs the package ${from}, which could not be loaded. Install it with ` +
        `"npm install ${from}@${tf.version_core}", or choose another policy.runtime or backend.`,
      { cause },
    )
  }
  const before: string | undefined = tf.engine().backendName
  const ready = await tf.setBackend(backend)
  if (before !== undefined && before !== null) await tf.setBackend(before)
  if (!ready)
    throw new RuntimeUnavailableError(
      `The tfjs backend "${backend}" of ${from} is installed but did not start.`,
    )
  repairKernels(backend)
}

/** tfjs-node 4.22 calls functions of `util` that Node 23 removed (tensorflow/tfjs#8425, merged but never released). */
function restoreRemovedNodeFunctions(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined
  util['isArray'] ??= Array.isArray
}

/** Runs `body` with the given (loaded) tfjs backend active, then restores the one before. `body` must be synchronous. */
export function withBackend<T>(backend: string, body: () => T): T {
  const before: string | undefined = tf.engine().backendName
  if (before === backend) return body()
  // For a loaded backend setBackend switches before it returns; the promise only reports that.
  void tf.setBackend(backend)
  try {
    return body()
  } finally {
    if (before !== undefined && before !== null) void tf.setBackend(before)
  }
}
