import { type Compute, createCompute } from '../../ding/compute/index.js'

/** The runtimes that every case of tensor functions is run with. */
export const RUNTIMES = ['eager', 'onnx'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

let chosen: readonly RuntimeName[] = RUNTIMES
const started = new Map<RuntimeName, Promise<Compute>>()

/** Restricts the runtimes of this process to one, for a quicker look. */
export function useRuntime(name: RuntimeName): void {
  chosen = [name]
}

/** The runtimes in use, each started once. */
export async function runtimes(): Promise<{ name: RuntimeName; compute: Compute }[]> {
  return Promise.all(
    chosen.map(async (name) => {
      let compute = started.get(name)
      if (compute === undefined) {
        compute = createCompute(name === 'eager' ? { runtime: 'eager', backend: 'cpu' } : { runtime: 'onnx' })
        started.set(name, compute)
      }
      return { name, compute: await compute }
    }),
  )
}
