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
  /** Frees every program. */
  dispose(): Promise<void>
}

/**
 * Starts the engine that programs will run on.
 * @throws RuntimeUnavailableError when the engine, backend or device is not there.
 */
export async function createCompute(options: ComputeOptions = {}): Promise<Compute> {
  return new RuntimeCompute(await createRuntime(options))
}

class RuntimeCompute implements Compute {
  readonly #runtime: Runtime
  readonly #programs: { dispose(): void }[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get description(): string {
    return this.#runtime.description
  }

  program<I, O>(name: string, fn: (inputs: I) => O, options: ProgramOptions = {}): Program<I, O> {
    const definition = { name, fn: (inputs: unknown) => fn(inputs as I), random: options.random }
    const program = new Program<I, O>(definition, this.#runtime.prepare(definition))
    this.#programs.push(program)
    return program
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.splice(0)) program.dispose()
    await this.#runtime.dispose()
  }
}
