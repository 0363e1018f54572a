import type { ProgramOptions } from './program.js'
import { Program } from './program.js'
import type { EagerBackend, Runtime } from './runtime/index.js'
import { createRuntime } from './runtime/index.js'

/** Which engine runs the programs. */
export interface ComputeOptions {
  /** `onnx` compiles each program to one ONNX graph (default); `eager` runs tfjs operation by operation. */
  runtime?: 'onnx' | 'eager'
  /** Only for `eager`: the tfjs backend. Default `cpu`, or `tensorflow` with cuda. */
  backend?: EagerBackend
  /** Run on the GPU. An error, never a silent fall-back, where that is not possible. */
  cuda?: boolean
  /** Only for `onnx` on the CPU: threads inside one operation. Default 1. */
  threads?: number
}

/** Turns tfjs functions into programs. */
export interface Compute {
  /** For logs: engine, device and threads. */
  readonly description: string
  /**
   * Makes a program of a function from nested records of tensors to nested records (or arrays) of tensors. JavaScript
   * numbers that it captures are fixed at compilation: whatever changes between runs must be an input or a parameter.
   * @param name for messages and profiles
   */
  program<I, O>(name: string, fn: (inputs: I) => O, options?: ProgramOptions): Program<I, O>
  /** The same engine for one of several users, whose programs are freed without the others'. */
  share(): Compute
  /** Frees every program that was made here or by a share, and the engine; of a share, its programs alone. */
  dispose(): Promise<void>
}

/**
 * Starts the engine that programs will run on.
 * @throws RuntimeUnavailableError when the engine, backend or device is not there.
 */
export async function createCompute(options: ComputeOptions = {}): Promise<Compute> {
  const runtime = await createRuntime(options)
  return new RuntimeCompute(runtime, () => runtime.dispose())
}

interface Disposable {
  dispose(): unknown
}

class RuntimeCompute implements Compute {
  readonly #runtime: Runtime
  readonly #end: () => Promise<void> | void
  /** Programs and shares. */
  readonly #parts = new Set<Disposable>()

  constructor(runtime: Runtime, end: () => Promise<void> | void) {
    this.#runtime = runtime
    this.#end = end
  }

  get description(): string {
    return this.#runtime.description
  }

  program<I, O>(name: string, fn: (inputs: I) => O, options: ProgramOptions = {}): Program<I, O> {
    const definition = { name, fn: (inputs: unknown) => fn(inputs as I), random: options.random }
    const program = new Program<I, O>(definition, this.#runtime.prepare(definition))
    this.#parts.add(program)
    return program
  }

  share(): Compute {
    const share: RuntimeCompute = new RuntimeCompute(this.#runtime, () => {
      this.#parts.delete(share)
    })
    this.#parts.add(share)
    return share
  }

  async dispose(): Promise<void> {
    for (const part of this.#parts) await part.dispose()
    this.#parts.clear()
    await this.#end()
  }
}
