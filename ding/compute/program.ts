import type { HostTensor } from '../utils/index.js'
import { UsageError } from '../utils/index.js'
import type { RandomSource } from './draws.js'
import type { ProgramDefinition, ProgramRunner, SpecialisationInfo } from './runtime/index.js'
import { exportModel } from './runtime/index.js'
import { insideProgram } from './scope.js'
import type { HostOutputs, HostTree, SpecTree } from './tree.js'

/** What a program may be given besides its function. */
export interface ProgramOptions {
  /** The stream that `random.*` inside the function draws from. Needed only when it draws. */
  random?: RandomSource
}

/** What one run may be given besides its inputs. */
export interface RunOptions {
  /** Recorded values for every `random.*` call, in call order, instead of the stream's. */
  draws?: readonly HostTensor[]
}

/** A tfjs function made runnable by {@link Compute.program}. */
export class Program<I, O> {
  declare protected readonly inputs: I
  readonly #definition: ProgramDefinition
  readonly #runner: ProgramRunner

  constructor(definition: ProgramDefinition, runner: ProgramRunner) {
    this.#definition = definition
    this.#runner = runner
  }

  /** The name given to {@link Compute.program}. */
  get name(): string {
    return this.#definition.name
  }

  /**
   * Runs the function on nested records of host tensors and gives its results in the form that it returned them, as
   * fresh arrays. Gradients and assigned parameters are in place when the promise resolves.
   * The first run with new input shapes compiles. Optional entries may be left out or undefined.
   * @throws CompileError when the function cannot be compiled.
   */
  async run(inputs: HostTree, options?: RunOptions): Promise<HostOutputs<O>> {
    if (insideProgram()) {
      throw new UsageError(
        `Program "${this.name}" cannot be run inside another program: call its function instead.`,
      )
    }
    return this.#runner.run(inputs, options?.draws) as HostOutputs<O>
  }

  /** How each compiled variant (one per combination of input shapes) came about. Empty when nothing is compiled. */
  specialisations(): readonly SpecialisationInfo[] {
    return this.#runner.specialisations()
  }

  /**
   * The function as an ONNX model (opset 18 and com.microsoft) for inputs of the given shapes, whatever the runtime.
   * Inputs are named `in:<path>`, `param:<name>` and `draw:<index>`; outputs `<path>`, `grad:<name>` and `new:<name>`.
   * @param inputs the input tree with `{dtype, shape}` at each leaf; host tensors will do
   */
  onnx(inputs: SpecTree): Uint8Array {
    return exportModel(this.#definition, inputs)
  }

  /** Frees the compiled variants. A later run compiles anew. */
  dispose(): void {
    this.#runner.dispose()
  }
}
