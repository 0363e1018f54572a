import type { TensorSpec } from '../../utils/index.js'
import { CompileError, sizeOf } from '../../utils/index.js'
import type { KernelCall, Lowering, OnnxAttribute } from '../kernels/index.js'
import { attributesKey } from '../key.js'
import type { Initializer, OnnxDType, OnnxNode } from './graph.js'

type Attributes = Readonly<Record<string, OnnxAttribute>>

/** Constants up to this many elements are shared when equal. */
const SHARED_SIZE = 64

/** Collects nodes and constants; equal ones are made once. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = []
  readonly initializers = new Map<string, Initializer>()
  readonly #known = new Map<string, readonly string[]>()
  readonly #constants = new Map<string, string>()
  #nextName = 0

  ops(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attrs: Attributes = {},
    domain = '',
  ): readonly string[] {
    const key = `${domain}:${type}(${inputs.join()})${outputs}${attributesKey(attrs)}`
    let names = this.#known.get(key)
    if (names === undefined) {
      names = Array.from({ length: outputs }, () => `%${this.#nextName++}`)
      this.#known.set(key, names)
      this.nodes.push({ type, domain, inputs, outputs: names, attrs })
    }
    return names
  }

  op(type: string, inputs: readonly string[], attrs?: Attributes, domain?: string): string {
    return this.ops(type, inputs, 1, attrs, domain)[0]!
  }

  /** A constant by its values. */
  constant(dtype: OnnxDType, values: ArrayLike<number>, shape: readonly number[]): string {
    if (sizeOf(shape) !== values.length) {
      throw new CompileError(
        `A constant of shape [${shape}] needs ${sizeOf(shape)} values, got ${values.length}.`,
      )
    }
    if (values.length > SHARED_SIZE) return this.#addConstant(dtype, values, shape)
    const key = `${dtype}[${shape}]${Array.from(values, (x) => (Object.is(x, -0) ? '-0' : x)).join()}`
    let name = this.#constants.get(key)
    if (name === undefined) {
      name = this.#addConstant(dtype, values, shape)
      this.#constants.set(key, name)
    }
    return name
  }

  #addConstant(dtype: OnnxDType, values: ArrayLike<number>, shape: readonly number[]): string {
    const name = `$${this.initializers.size}`
    this.initializers.set(name, { dtype, shape, bytes: bytesOf(dtype, values) })
    return name
  }
}

function bytesOf(dtype: OnnxDType, values: ArrayLike<number>): Uint8Array {
  if (dtype === 'bool' || dtype === 'uint8') return Uint8Array.from(values)
  if (dtype === 'int64') return new Uint8Array(BigInt64Array.from(Array.from(values, BigInt)).buffer)
  return new Uint8Array((dtype === 'float32' ? Float32Array : Int32Array).from(values).buffer)
}

/** What a kernel's lowering writes with. */
export class KernelLowering implements Lowering {
  readonly kernel: string
  readonly inputs: KernelCall['inputs']
  readonly attrs: KernelCall['attrs']

  constructor(
    readonly builder: GraphBuilder,
    call: KernelCall,
    readonly inputNames: Readonly<Record<string, string>>,
    readonly outputs: readonly TensorSpec[],
  ) {
    this.kernel = call.kernel
    this.inputs = call.inputs
    this.attrs = call.attrs
  }

  name(input: string): string {
    const name = this.inputNames[input]
    if (name === undefined) throw new CompileError(`Kernel ${this.kernel} has no input "${input}".`)
    return name
  }

  names(): string[] {
    return Object.keys(this.inputNames)
      .sort((a, b) => Number(a) - Number(b))
      .map((key) => this.name(key))
  }

  op(type: string, inputs: readonly string[], attrs?: Attributes, domain?: string): string {
    return this.builder.op(type, inputs, attrs, domain)
  }

  ops(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attrs?: Attributes,
    domain?: string,
  ): string[] {
    return [...this.builder.ops(type, inputs, outputs, attrs, domain)]
  }

  float(values: number | readonly number[], shape?: readonly number[]): string {
    return this.#constant('float32', values, shape)
  }

  int32(values: number | readonly number[], shape?: readonly number[]): string {
    return this.#constant('int32', values, shape)
  }

  int64(values: number | readonly number[], shape?: readonly number[]): string {
    return this.#constant('int64', values, shape)
  }

  bool(values: boolean | readonly boolean[], shape?: readonly number[]): string {
    return this.#constant('bool', typeof values === 'boolean' ? Number(values) : values.map(Number), shape)
  }

  #constant(dtype: OnnxDType, values: number | readonly number[], shape?: readonly number[]): string {
    if (typeof values === 'number') return this.builder.constant(dtype, [values], shape ?? [])
    return this.builder.constant(dtype, values, shape ?? [values.length])
  }
}
