import { CompileError } from '../../utils/index.js'
import { KERNELS, sliceWindow } from '../kernels/index.js'
import type { ParameterRoot, Recorder, Value } from '../tracing/index.js'

type Attributes = Readonly<Record<string, unknown>>

/**
 * The values of a trace that is being split, each as a whole, as its members along the leading axis (without that axis), or both; whichever
 * form is missing is made when it is asked for.
 */
export class Members {
  /** Parameters that the new trace reads, as wholes and as members. */
  readonly parameters: ParameterRoot[] = []
  readonly #wholes = new Map<Value, Value>()
  readonly #parts = new Map<Value, readonly Value[]>()

  constructor(readonly recorder: Recorder) {}

  /** Records a call of a kernel with one output. */
  call(kernel: string, inputs: Readonly<Record<string, Value>>, attrs: Attributes = {}): Value {
    return this.calls(kernel, inputs, attrs)[0] as Value
  }

  calls(kernel: string, inputs: Readonly<Record<string, Value>>, attrs: Attributes): readonly Value[] {
    const rule = KERNELS.get(kernel)
    if (rule === undefined) throw new CompileError(`Kernel ${kernel} has no row in the kernel table.`)
    return this.recorder.call(rule, inputs, attrs)
  }

  setWhole(value: Value, whole: Value): void {
    this.#wholes.set(value, whole)
  }

  setParts(value: Value, parts: readonly Value[]): void {
    this.#parts.set(value, parts)
  }

  /** The members where the value is known by its members. */
  known(value: Value): readonly Value[] | undefined {
    return this.#parts.get(value)
  }

  whole(value: Value): Value {
    let whole = this.#wholes.get(value)
    if (whole === undefined) {
      const parts = this.#parts.get(value)
      whole = parts === undefined ? this.#leaf(value) : this.#joined(parts)
      this.#wholes.set(value, whole)
    }
    return whole
  }

  parts(value: Value): readonly Value[] {
    let parts = this.#parts.get(value)
    if (parts === undefined) {
      parts = this.#freeParts(value) ?? this.#cut(value)
      this.#parts.set(value, parts)
    }
    return parts
  }

  /** The one member of a value whose leading axis is 1. */
  only(value: Value): Value {
    return this.parts(value)[0] as Value
  }

  reshaped(value: Value, shape: readonly number[]): Value {
    return this.call('Reshape', { x: value }, { shape })
  }

  #joined(parts: readonly Value[]): Value {
    const [first] = parts as [Value]
    if (parts.length === 1) return this.reshaped(first, [1, ...first.spec.shape])
    return this.call('Pack', Object.fromEntries(parts.map((part, i) => [i, part])), { axis: 0 })
  }

  #cut(value: Value): readonly Value[] {
    const whole = this.whole(value)
    const [count, ...rest] = value.spec.shape
    return count === 1 ? [this.reshaped(whole, rest)] : this.calls('Unpack', { value: whole }, { axis: 0 })
  }

  /** Members that take no copying. */
  #freeParts(value: Value): readonly Value[] | undefined {
    const { origin, spec } = value
    const [count, ...rest] = spec.shape as [number, ...number[]]
    if (origin.kind === 'parameter') {
      return Array.from({ length: count }, (_, member) => {
        const part = this.recorder.value({ dtype: spec.dtype, shape: rest }, origin)
        this.parameters.push({ parameter: origin.parameter, member, value: part })
        return part
      })
    }
    if (origin.kind === 'uniform') {
      const part = this.recorder.uniform({ dtype: spec.dtype, shape: rest }, origin.number)
      return Array.from({ length: count }, () => part)
    }
    if (origin.kind !== 'node') return undefined
    const { kernel, inputs, attrs } = origin.node
    const x = inputs['x']
    if (kernel === 'Tile' && x?.spec.shape[0] === 1) {
      const [, ...reps] = attrs['reps'] as number[]
      const part = this.call('Tile', { x: this.only(x) }, { reps })
      return Array.from({ length: count }, () => part)
    }
    return kernel === 'Slice' && x !== undefined && isParameter(x) ? this.sliced(x, attrs) : undefined
  }

  /** Members of a slice of a value, itself taken by its members. */
  sliced(x: Value, attrs: Attributes): readonly Value[] {
    const { begin, size } = sliceWindow({ kernel: 'Slice', inputs: { x: x.spec }, attrs })
    const [from, ...begins] = begin as [number, ...number[]]
    const [count, ...sizes] = size as [number, ...number[]]
    return this.parts(x)
      .slice(from, from + count)
      .map((part) => this.call('Slice', { x: part }, { begin: begins, size: sizes }))
  }

  #leaf(value: Value): Value {
    const { origin, spec } = value
    if (origin.kind === 'uniform') return this.recorder.uniform(spec, origin.number)
    const leaf = this.recorder.value(spec, origin)
    if (origin.kind === 'parameter') this.parameters.push({ parameter: origin.parameter, value: leaf })
    return leaf
  }
}

export function isParameter(value: Value): boolean {
  return value.origin.kind === 'parameter'
}
