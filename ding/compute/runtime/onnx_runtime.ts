import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Env, InferenceSession, OnnxValue, Tensor, TypedTensor } from 'onnxruntime-node'
import type { HostTensor, TypedArray } from '../../utils/index.js'
import { RuntimeUnavailableError } from '../../utils/index.js'
import { throughNativeGate } from './native_gate.js'

/**
 * The only file that knows onnxruntime-node. It uses the package's own synchronous binding: 1.30.0's public `run` makes
 * the same blocking call, only from setImmediate and with more bookkeeping. The version is pinned exactly, and
 * tests/unit/compute/runtime_contract.test.ts checks every property that is relied on here.
 */
interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength: number,
    options: InferenceSession.SessionOptions,
  ): void
  run(feeds: Feeds, fetches: Fetches, options: InferenceSession.RunOptions): Record<string, OnnxValue>
  dispose(): void
}

interface NativeBinding {
  readonly binding: {
    readonly InferenceSession: new () => NativeSession
    listSupportedBackends(): { name: string; bundled: boolean }[]
  }
  initOrt(): void
}

/** A tensor as ONNX Runtime takes it. It shares memory with the typed array that it was made of. */
export type OrtTensor = Tensor
/** What a session reads, by input name. */
export type Feeds = Record<string, OrtTensor>
/** What a session is to compute, by output name: null for memory of its own, or a tensor to write into. */
export type Fetches = Record<string, OrtTensor | null>

/** Where sessions run. */
export type Provider = 'cpu' | 'cuda' | 'webgpu'

interface Loaded extends NativeBinding {
  readonly Tensor: new (type: string, data: TypedArray, dims: readonly number[]) => OrtTensor
}

let loaded: Loaded | undefined

/** Loads the native library on first use. @throws RuntimeUnavailableError when the package is missing or of another kind. */
function load(): Loaded {
  if (loaded !== undefined) return loaded
  const require = createRequire(import.meta.url)
  try {
    const native = require('onnxruntime-node/dist/binding.js') as NativeBinding
    const { Tensor, env } = require('onnxruntime-node') as Pick<Loaded, 'Tensor'> & { env: Env }
    // Whatever it would print as an error, it also throws.
    env.logLevel = 'fatal'
    if (typeof native.binding.InferenceSession !== 'function')
      throw new Error('InferenceSession is not exported.')
    throughNativeGate(() => native.initOrt())
    loaded = { binding: native.binding, initOrt: native.initOrt, Tensor }
    return loaded
  } catch (cause) {
    throw new RuntimeUnavailableError(
      'ONNX Runtime could not be loaded: the package onnxruntime-node 1.30.0 (exactly) is missing or incomplete. Run ' +
        '"npm ci" again with "allowScripts": { "onnxruntime-node": false } in package.json, which keeps npm from ' +
        "downloading CUDA files; or set policy.runtime to 'eager'.",
      { cause },
    )
  }
}

/** Checks that the native library is there, so that its absence is told when a run starts and not in its middle. */
export function loadOnnxRuntime(): void {
  load()
}

/** True if the CUDA provider, which npm does not carry, was downloaded into the package. */
export function hasCudaLibrary(): boolean {
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('onnxruntime-node/package.json'))
  const file = 'libonnxruntime_providers_cuda.so'
  return existsSync(join(folder, 'bin/napi-v6', process.platform, process.arch, file))
}

/** Wraps a host tensor's memory without copying it. SharedArrayBuffers are refused by ONNX Runtime when it runs. */
export function ortTensor({ dtype, shape, data }: HostTensor): OrtTensor {
  return new (load().Tensor)(dtype, data, shape)
}

/** One compiled model. */
export class OnnxSession {
  readonly #native: NativeSession

  /** @throws Error from ONNX Runtime when it does not accept the model or the provider. */
  constructor(model: Uint8Array, provider: Provider, threads: number) {
    const { InferenceSession } = load().binding
    this.#native = throughNativeGate(() => {
      const native = new InferenceSession()
      native.loadModel(model.buffer, model.byteOffset, model.byteLength, sessionOptions(provider, threads))
      return native
    })
  }

  /** Computes the fetched outputs. Blocks until they are done. Outputs without memory of their own are new arrays. */
  run(feeds: Feeds, fetches: Fetches): Record<string, TypedTensor<'float32' | 'int32' | 'bool'>> {
    return throughNativeGate(() => this.#native.run(feeds, fetches, {})) as Record<
      string,
      TypedTensor<'float32' | 'int32' | 'bool'>
    >
  }

  dispose(): void {
    throughNativeGate(() => this.#native.dispose())
  }
}

/**
 * Exported for the contract test.
 * `session.set_denormal_as_zero` is left alone on purpose: a graph whose every value is subnormal runs some 200 times
 * slower without it, but ONNX Runtime sets it by switching the processor mode of the thread that makes the first session,
 * for good. That is the JavaScript thread, where Number.MIN_VALUE > 0 would then be false for all of the user's code. The
 * optimizers flush their moments themselves (host/portable.ts), which is where subnormal numbers gather.
 */
export function sessionOptions(provider: Provider, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Idle threads that spin would take the processor from environments and other workers.
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  }
}
