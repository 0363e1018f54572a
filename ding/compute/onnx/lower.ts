import type { TensorSpec } from '../../utils/index.js'
import { CompileError, sizeOf } from '../../utils/index.js'
import { KERNELS } from '../kernels/index.js'
import type { ParameterPlace, Trace, TraceNode, Value } from '../tracing/index.js'
import { reachable } from '../tracing/index.js'
import { GraphBuilder, KernelLowering } from './builder.js'
import type { NamedSpec, OnnxGraph } from './graph.js'

/** ONNX' number of int32, for Cast. */
const INT32 = 6
/** Uniform tensors above this size are written as one number and expanded when the session is made. */
const EXPAND_FROM = 64

/** A lowered trace: the graph and where each of the program's values is found in it. */
export interface LoweredTrace {
  readonly graph: OnnxGraph
  /** Graph input names, for those that the graph reads; the others need not be fed. */
  readonly inputs: readonly (string | undefined)[]
  readonly parameters: readonly (string | undefined)[]
  readonly draws: readonly (string | undefined)[]
  /** Graph output names. */
  readonly results: readonly string[]
  readonly gradients: readonly (string | undefined)[]
  readonly assigned: readonly string[]
}

/** Writes a trace as an ONNX graph, one kernel after another. Kernels that no result needs are left out. */
export function lowerTrace(name: string, trace: Trace, hostSpecs: readonly TensorSpec[]): LoweredTrace {
  return new Lowerer(name, trace, hostSpecs).run()
}

class Lowerer {
  readonly #builder = new GraphBuilder()
  readonly #names = new Map<Value, string>()
  readonly #specs = new Map<string, TensorSpec>()
  readonly #inputs: NamedSpec[] = []
  readonly #taken = new Set<string>()

  constructor(
    readonly program: string,
    readonly trace: Trace,
    readonly hostSpecs: readonly TensorSpec[],
  ) {}

  run(): LoweredTrace {
    const { trace } = this
    const roots = [
      ...trace.results.map(({ path, value }) => ({ label: path === '' ? 'result' : path, value })),
      ...trace.gradients.map((root) => ({ label: `grad:${labelOf(root)}`, value: root.value })),
      ...trace.assigned.map((root) => ({ label: `new:${labelOf(root)}`, value: root.value })),
    ]
    const needed = reachable(roots.flatMap(({ value }) => value ?? []))
    const inputs = trace.inputs.map(({ path, value }, i) => {
      return needed.values.has(value)
        ? this.#declareInput(`in:${path}`, value, this.hostSpecs[i]!)
        : undefined
    })
    const parameters = trace.parameters.map((root) => {
      const { value } = root
      return needed.values.has(value)
        ? this.#declareInput(`param:${labelOf(root)}`, value, value.spec)
        : undefined
    })
    const draws = trace.draws.map(({ value }, i) => {
      return needed.values.has(value) ? this.#declareInput(`draw:${i}`, value, value.spec) : undefined
    })
    for (const node of needed.nodes) this.#lowerNode(node)
    const outputs = new Map<string, NamedSpec>()
    const renames = new Map<string, string>()
    const rootNames = roots.map(({ label, value }) => {
      if (value === undefined) return undefined
      const inner = this.#producedName(value)
      if (!renames.has(inner)) renames.set(inner, this.#unique(label))
      const name = renames.get(inner)!
      outputs.set(name, { name, ...value.spec })
      return name
    })
    const gradientsFrom = trace.results.length
    const assignedFrom = gradientsFrom + trace.gradients.length
    return {
      graph: {
        name: this.program,
        nodes: this.#builder.nodes.map((node) => ({
          ...node,
          inputs: node.inputs.map((input) => renames.get(input) ?? input),
          outputs: node.outputs.map((output) => renames.get(output) ?? output),
        })),
        initializers: this.#builder.initializers,
        inputs: this.#inputs,
        outputs: [...outputs.values()],
        specs: new Map([...this.#specs].map(([inner, spec]) => [renames.get(inner) ?? inner, spec])),
      },
      inputs,
      parameters,
      draws,
      results: rootNames.slice(0, gradientsFrom) as string[],
      gradients: rootNames.slice(gradientsFrom, assignedFrom),
      assigned: rootNames.slice(assignedFrom) as string[],
    }
  }

  #declareInput(label: string, value: Value, host: TensorSpec): string {
    const name = this.#unique(label)
    this.#inputs.push({ name, dtype: host.dtype, shape: host.shape })
    this.#specs.set(name, { dtype: host.dtype, shape: host.shape })
    const inner = host.dtype === 'uint8' ? this.#builder.op('Cast', [name], { to: INT32 }) : name
    this.#setName(value, inner)
    return name
  }

  #lowerNode(node: TraceNode): void {
    const rule = KERNELS.get(node.kernel)
    if (rule === undefined) throw new CompileError(`Kernel ${node.kernel} has no row in the kernel table.`)
    const specs: Record<string, TensorSpec> = {}
    const names: Record<string, string> = {}
    for (const [key, value] of Object.entries(node.inputs)) {
      specs[key] = value.spec
      names[key] = this.#nameOf(value)
    }
    const call = { kernel: node.kernel, inputs: specs, attrs: node.attrs }
    const outputs = rule.lower(
      new KernelLowering(
        this.#builder,
        call,
        names,
        node.outputs.map((value) => value.spec),
      ),
    )
    for (const [i, value] of node.outputs.entries()) this.#setName(value, outputs[i]!)
  }

  #setName(value: Value, name: string): void {
    this.#names.set(value, name)
    if (!this.#specs.has(name)) this.#specs.set(name, value.spec)
  }

  #nameOf(value: Value): string {
    const known = this.#names.get(value)
    if (known !== undefined) return known
    const { origin, spec } = value
    let name: string
    if (origin.kind === 'constant') name = this.#builder.constant(spec.dtype, origin.data, spec.shape)
    else if (origin.kind === 'uniform') name = this.#uniform(spec, origin.number)
    else
      throw new CompileError(
        `Program "${this.program}" uses a tensor that belongs to another program's trace.`,
      )
    this.#setName(value, name)
    return name
  }

  #uniform({ dtype, shape }: TensorSpec, number: number): string {
    const size = sizeOf(shape)
    if (size <= EXPAND_FROM)
      return this.#builder.constant(
        dtype,
        Array.from({ length: size }, () => number),
        shape,
      )
    const scalar = this.#builder.constant(dtype, [number], [])
    return this.#builder.op('Expand', [scalar, this.#builder.constant('int64', shape, [shape.length])])
  }

  /** The name of a root as some node makes it: inputs and constants cannot be outputs themselves. */
  #producedName(value: Value): string {
    const name = this.#nameOf(value)
    const isMade = !this.#builder.initializers.has(name) && !this.#inputs.some((input) => input.name === name)
    return isMade ? name : this.#builder.op('Identity', [name])
  }

  #unique(label: string): string {
    let name = label
    for (let i = 1; this.#taken.has(name); i++) name = `${label}#${i}`
    this.#taken.add(name)
    return name
  }
}

function labelOf({ parameter, member }: ParameterPlace): string {
  return member === undefined ? parameter.name : `${parameter.name}[${member}]`
}
