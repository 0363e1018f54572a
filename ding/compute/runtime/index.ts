import { UsageError } from '../../utils/index.js'
import { createCompiledRuntime } from './compiled_runtime.js'
import { createEagerRuntime } from './eager_runtime.js'
import type { EagerBackend } from './tfjs_backend.js'
import type { Runtime } from './types.js'

export { exportModel } from './compiled_runtime.js'
export * from './native_gate.js'
export type { EagerBackend } from './tfjs_backend.js'
export type { ProgramDefinition, ProgramRunner, Runtime, SpecialisationInfo } from './types.js'

/** Starts a runtime. @throws RuntimeUnavailableError when it is not there, UsageError when options do not go together. */
export async function createRuntime(options: {
  runtime?: 'onnx' | 'eager'
  backend?: EagerBackend
  cuda?: boolean
  threads?: number
}): Promise<Runtime> {
  const { runtime = 'onnx', backend, cuda = false, threads = 1 } = options
  if (runtime === 'eager') return createEagerRuntime(backend ?? (cuda ? 'tensorflow' : 'cpu'), cuda)
  if (runtime === 'onnx') {
    if (backend !== undefined) {
      throw new UsageError(
        `backend "${backend}" is for the eager runtime; the onnx runtime takes only cuda and threads.`,
      )
    }
    if (!Number.isInteger(threads) || threads < 1) {
      throw new UsageError(`threads must be a whole number of at least 1, got ${threads}.`)
    }
    return createCompiledRuntime(cuda, threads)
  }
  throw new UsageError(`Unknown runtime "${String(runtime)}": expected "onnx" or "eager".`)
}
