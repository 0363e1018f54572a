import type { HostTensor } from '../../utils/index.js'
import type { RandomSource } from '../draws.js'

/** A program as its author wrote it: a name for messages, the function, and where its random numbers come from. */
export interface ProgramDefinition {
  readonly name: string
  readonly fn: (inputs: unknown) => unknown
  readonly random: RandomSource | undefined
}

/** How one specialisation of a program came about. Times in milliseconds. */
export interface SpecialisationInfo {
  /** The input shapes that it serves, e.g. `obs:float32[64,4]`. */
  readonly signature: string
  /** tfjs kernels recorded, nodes of the ONNX graph written, and bytes of the model. */
  readonly kernels: number
  readonly nodes: number
  readonly bytes: number
  readonly traceMs: number
  readonly lowerMs: number
  readonly compileMs: number
}

/** A program on one runtime. */
export interface ProgramRunner {
  /** Runs on nested records of host tensors and gives the results in the form that the function returned them. */
  run(inputs: unknown, draws: readonly HostTensor[] | undefined): unknown
  /** One entry per input signature met so far; none where nothing is compiled. */
  specialisations(): readonly SpecialisationInfo[]
  dispose(): void
}

/** An engine that runs programs. */
export interface Runtime {
  /** For logs: engine, device and threads. */
  readonly description: string
  prepare(definition: ProgramDefinition): ProgramRunner
  dispose(): Promise<void>
}
