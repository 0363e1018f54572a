import type { HostTensor, TensorSpec } from '../../utils/index.js'
import { isHostTensor } from '../../utils/index.js'
import { DrawSource } from '../draws.js'
import { compileTrace, writeModel } from '../onnx/index.js'
import { isTensorSpec, traceFunction } from '../tracing/index.js'
import type { Leaf } from '../tree.js'
import { leavesOf } from '../tree.js'
import { gpuProvider } from './gpu.js'
import type { Provider } from './onnx_runtime.js'
import { loadOnnxRuntime } from './onnx_runtime.js'
import type { ProgramDefinition, ProgramRunner, Runtime, SpecialisationInfo } from './types.js'
import { CompiledVariant } from './variant.js'

/**
 * Compiles every program to one ONNX graph per combination of input shapes and runs it in ONNX Runtime.
 * @throws RuntimeUnavailableError when ONNX Runtime, or with `cuda` a GPU provider, is not there.
 */
export function createCompiledRuntime(cuda: boolean, threads: number): Runtime {
  loadOnnxRuntime()
  const provider = cuda ? gpuProvider() : 'cpu'
  return {
    description: `onnx runtime on ${provider}${provider === 'cpu' ? `, ${threads} thread${threads === 1 ? '' : 's'}` : ''}`,
    prepare: (definition) => new CompiledRunner(definition, provider, threads),
    dispose: () => Promise.resolve(),
  }
}

/** The ONNX model of a function for inputs of the given shapes. */
export function exportModel(definition: ProgramDefinition, inputs: unknown): Uint8Array {
  const leaves = leavesOf(inputs, isTensorSpec, `Program "${definition.name}", inputs`)
  const trace = traceFunction(definition.name, definition.fn, inputs)
  const specs = leaves.map(({ value }) => value)
  return writeModel(compileTrace(definition.name, trace, specs).graph)
}

class CompiledRunner implements ProgramRunner {
  readonly #variants = new Map<string, CompiledVariant>()
  readonly #what: string
  #latest: { readonly leaves: readonly Leaf<TensorSpec>[]; readonly variant: CompiledVariant } | undefined

  constructor(
    readonly definition: ProgramDefinition,
    readonly provider: Provider,
    readonly threads: number,
  ) {
    this.#what = `Program "${definition.name}", inputs`
  }

  run(inputs: unknown, recorded: readonly HostTensor[] | undefined): unknown {
    const leaves = leavesOf(inputs, isHostTensor, this.#what)
    return this.#variant(inputs, leaves).run(
      leaves,
      new DrawSource(this.definition.name, this.definition.random, recorded),
    )
  }

  specialisations(): readonly SpecialisationInfo[] {
    return [...this.#variants.values()].map((variant) => variant.info)
  }

  dispose(): void {
    for (const variant of this.#variants.values()) variant.dispose()
    this.#variants.clear()
    this.#latest = undefined
  }

  #variant(inputs: unknown, leaves: readonly Leaf<HostTensor>[]): CompiledVariant {
    const latest = this.#latest
    if (latest !== undefined && sameSpecs(latest.leaves, leaves)) return latest.variant
    const signature = leaves.map(({ path, value }) => `${path}:${value.dtype}[${value.shape}]`).join(' ')
    let variant = this.#variants.get(signature)
    if (variant === undefined) {
      variant = new CompiledVariant(this.definition, inputs, leaves, signature, this.provider, this.threads)
      this.#variants.set(signature, variant)
    }
    const specs = leaves.map(({ path, value }) => ({
      path,
      value: { dtype: value.dtype, shape: [...value.shape] },
    }))
    this.#latest = { leaves: specs, variant }
    return variant
  }
}

function sameSpecs(a: readonly Leaf<TensorSpec>[], b: readonly Leaf<TensorSpec>[]): boolean {
  return (
    a.length === b.length &&
    a.every((leaf, i) => {
      const other = b[i]!
      const { dtype, shape } = leaf.value
      return (
        leaf.path === other.path &&
        dtype === other.value.dtype &&
        shape.length === other.value.shape.length &&
        shape.every((size, axis) => size === other.value.shape[axis])
      )
    })
  )
}
