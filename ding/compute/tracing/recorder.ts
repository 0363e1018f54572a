import type { TensorSpec, TypedArray } from '../../utils/index.js'
import { CompileError, type DingError, sizeOf } from '../../utils/index.js'
import type { KernelRule } from '../kernels/index.js'
import { attributesKey } from '../key.js'
import type { Origin, TraceNode, Value } from './graph.js'
import { simplify, withoutCopies } from './simplify.js'

/** Writes down the kernels that a function calls, each distinct call once. */
export class Recorder {
  #nextId = 0
  readonly #calls = new Map<string, readonly Value[]>()
  readonly #uniforms = new Map<string, Value>()
  /** The first attempt to read a value where throwing could not stop the function. */
  failure: DingError | undefined

  constructor(readonly program: string) {}

  /** Distinct kernel calls so far. */
  get kernels(): number {
    return this.#calls.size
  }

  value(spec: TensorSpec, origin: Origin): Value {
    return { id: this.#nextId++, spec, origin }
  }

  /** A constant; one number everywhere is recognised as such. */
  constant(spec: TensorSpec, data: TypedArray): Value {
    const first = data[0]
    if (first !== undefined && data.every((x) => Object.is(x, first))) return this.uniform(spec, first)
    return this.value(spec, { kind: 'constant', data })
  }

  /** Records a call and gives its outputs. @throws CompileError when the call's shapes cannot be told. */
  call(
    rule: KernelRule,
    inputs: Readonly<Record<string, Value>>,
    attrs: Readonly<Record<string, unknown>>,
  ): readonly Value[] {
    const outputs = rule.infer({ kernel: rule.kernel, inputs: specsOf(inputs), attrs })
    const only = outputs[0]
    if (only !== undefined && outputs.length === 1) {
      const simple = simplify(rule.kernel, inputs, attrs, only)
      if (simple !== undefined) return ['same' in simple ? simple.same : this.uniform(only, simple.uniform)]
      return this.#record(
        rule.kernel,
        withoutCopies(rule.kernel, inputs, only, (value) => this.#scalar(value)),
        attrs,
        outputs,
      )
    }
    return this.#record(rule.kernel, inputs, attrs, outputs)
  }

  #record(
    kernel: string,
    inputs: Readonly<Record<string, Value>>,
    attrs: Readonly<Record<string, unknown>>,
    outputs: readonly TensorSpec[],
  ): readonly Value[] {
    const ids = Object.entries(inputs).map(([name, value]) => `${name}=${value.id}`)
    const key = `${kernel}(${ids.join()})${attributesKey(attrs)}`
    const known = this.#calls.get(key)
    if (known !== undefined) return known
    const values: Value[] = []
    const node: TraceNode = { kernel, inputs, attrs, outputs: values }
    for (const [output, spec] of outputs.entries())
      values.push(this.value(spec, { kind: 'node', node, output }))
    this.#calls.set(key, values)
    return values
  }

  /** The same number everywhere. */
  uniform(spec: TensorSpec, number: number): Value {
    const key = `${spec.dtype} ${Object.is(number, -0) ? '-0' : number} ${spec.shape.join()}`
    let value = this.#uniforms.get(key)
    if (value === undefined) {
      value = this.value(spec, { kind: 'uniform', number })
      this.#uniforms.set(key, value)
    }
    return value
  }

  #scalar(value: Value): Value {
    if (value.origin.kind !== 'uniform' || sizeOf(value.spec.shape) === 0) return value
    return this.uniform({ dtype: value.spec.dtype, shape: [] }, value.origin.number)
  }
}

function specsOf(inputs: Readonly<Record<string, Value>>): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, value.spec]))
}

/** A dtype that programs can hold. @throws CompileError for strings and complex numbers. */
export function programDType(dtype: string): 'float32' | 'int32' | 'bool' {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype
  throw new CompileError(
    `Programs hold float32, int32 and bool tensors; the function made one of dtype ${dtype}.`,
  )
}
