import { Parameter, ParameterArena } from '../compute/index.js'
import { CheckpointError, didYouMean, type HostTensor } from '../utils/index.js'

export interface LoadOptions {
  /** Whether missing and unexpected names are errors (true), or only reported (false). Wrong shapes always are errors. */
  readonly strict?: boolean
}

export interface LoadReport {
  readonly missing: string[]
  readonly unexpected: string[]
}

/**
 * A part of a network that owns parameters. Children are found by walking own properties: modules, parameters, and arrays and
 * plain records of them. Names are the property names joined with dots, as in torch (`encoder.main.0.weight`).
 *
 * Keep state in ordinary (TypeScript `private` or `protected`) fields, never in `#private` ones, and define no arrow-function
 * properties that use `this`: `copy()` clones own properties onto a new object, which has neither.
 */
export abstract class Module {
  /** Whether layers such as dropout and batch norm act as in training. Read while tracing, hence fixed in a compiled program. */
  training = true

  /** Sets {@link training} on this module and everything below it. */
  train(flag = true): this {
    for (const module of this.modules()) module.training = flag
    return this
  }

  /** `train(false)`. */
  eval(): this {
    return this.train(false)
  }

  /** The direct children in declaration order. Containers override it to leave their own property's name out. */
  *children(): Generator<[string, Module | Parameter]> {
    for (const key of Object.keys(this)) yield* findChildren(key, Reflect.get(this, key))
  }

  /** This module and all below it, each once. */
  *modules(seen: Set<Module> = new Set()): Generator<Module> {
    if (seen.has(this)) return
    seen.add(this)
    yield this
    for (const [, child] of this.children()) if (child instanceof Module) yield* child.modules(seen)
  }

  /** Every parameter, trainable and not, with its dotted name, in declaration order. A shared one appears once. */
  namedParameters(): [string, Parameter][] {
    const found: [string, Parameter][] = []
    collect(this, '', new Set(), found)
    return found
  }

  /** The trainable parameters. */
  parameters(): Parameter[] {
    return this.namedParameters().flatMap(([, parameter]) => (parameter.trainable ? [parameter] : []))
  }

  /** The parameters that no optimizer changes: running statistics, noise. */
  buffers(): Parameter[] {
    return this.namedParameters().flatMap(([, parameter]) => (parameter.trainable ? [] : [parameter]))
  }

  /** Number of trainable values. */
  parameterCount(): number {
    return this.parameters().reduce((sum, parameter) => sum + parameter.size, 0)
  }

  /** A copy of all values by name. */
  stateDict(): Record<string, HostTensor> {
    return Object.fromEntries(this.namedParameters().map(([name, p]) => [name, p.toHostTensor()]))
  }

  /**
   * Copies values in by name. Everything is checked first: on an error nothing has changed.
   * @throws CheckpointError listing missing, unexpected and mismatched names.
   */
  loadStateDict(dict: Readonly<Record<string, HostTensor>>, options: LoadOptions = {}): LoadReport {
    const own = new Map(this.namedParameters())
    const missing = [...own.keys()].filter((name) => !Object.hasOwn(dict, name))
    const unexpected = Object.keys(dict).filter((name) => !own.has(name))
    const mismatched: string[] = []
    for (const [name, parameter] of own) {
      const found = Object.hasOwn(dict, name) ? dict[name] : undefined
      if (found === undefined) continue
      const fits = found.dtype === 'float32' && found.data.length === parameter.size
      if (!fits || found.shape.join() !== parameter.shape.join()) {
        mismatched.push(`${name}: needs float32 [${parameter.shape}], got ${found.dtype} [${found.shape}]`)
      }
    }
    const strict = options.strict ?? true
    if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
      throw new CheckpointError(
        describeMisfit(this.constructor.name, [...own.keys()], missing, unexpected, mismatched),
      )
    }
    for (const [name, parameter] of own) {
      const found = Object.hasOwn(dict, name) ? dict[name] : undefined
      if (found !== undefined) parameter.set(found.data)
    }
    return { missing, unexpected }
  }

  /** A deep copy whose parameters are independent of this module's and lie in an arena of their own. */
  copy(): this {
    const twin = clone(this, new Map()) as this
    twin.pack()
    return twin
  }

  /** Moves all parameters, the trainable first, into one arena, and gives each its dotted name. */
  pack(): ParameterArena {
    for (const [name, parameter] of this.namedParameters()) parameter.name = name
    return ParameterArena.pack([...this.parameters(), ...this.buffers()])
  }

  /** The parameters with their shapes, a line each, for logs. */
  toString(): string {
    const lines = this.namedParameters().map(
      ([name, p]) => `  ${name} [${p.shape}]${p.trainable ? '' : ' (not trained)'}`,
    )
    return [`${this.constructor.name}, ${this.parameterCount()} trainable parameters`, ...lines].join('\n')
  }
}

function* findChildren(name: string, value: unknown): Generator<[string, Module | Parameter]> {
  if (value instanceof Module || value instanceof Parameter) yield [name, value]
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* findChildren(`${name}.${index}`, item)
  } else if (isPlainRecord(value)) {
    for (const key of Object.keys(value)) yield* findChildren(`${name}.${key}`, value[key])
  }
}

function collect(module: Module, prefix: string, seen: Set<object>, found: [string, Parameter][]): void {
  if (seen.has(module)) return
  seen.add(module)
  for (const [name, child] of module.children()) {
    if (child instanceof Module) collect(child, `${prefix}${name}.`, seen, found)
    else if (!seen.has(child)) {
      seen.add(child)
      found.push([prefix + name, child])
    }
  }
}

function isPlainRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Clones modules, parameters, arrays and plain records; everything else (numbers, functions, typed arrays) is shared. */
function clone(value: unknown, made: Map<unknown, unknown>): unknown {
  if (made.has(value)) return made.get(value)
  if (value instanceof Parameter) {
    const twin = new Parameter(value.shape, value.trainable, value.data.slice(), value.name)
    made.set(value, twin)
    return twin
  }
  if (Array.isArray(value)) {
    const twin: unknown[] = []
    made.set(value, twin)
    for (const item of value) twin.push(clone(item, made))
    return twin
  }
  if (value instanceof Module || isPlainRecord(value)) {
    const twin: object = Object.create(Object.getPrototypeOf(value))
    made.set(value, twin)
    for (const key of Reflect.ownKeys(value)) Reflect.set(twin, key, clone(Reflect.get(value, key), made))
    return twin
  }
  return value
}

function describeMisfit(
  kind: string,
  known: string[],
  missing: string[],
  unexpected: string[],
  mismatched: string[],
): string {
  const parts: string[] = []
  if (missing.length > 0) parts.push(`missing: ${missing.join(', ')}`)
  if (unexpected.length > 0) {
    parts.push(`unexpected: ${unexpected.map((name) => name + didYouMean(name, known)).join(', ')}`)
  }
  if (mismatched.length > 0) parts.push(`mismatched: ${mismatched.join('; ')}`)
  return (
    `The saved values do not fit this ${kind}:\n  ${parts.join('\n  ')}\n` +
    'Nothing was changed. Build the model with the configuration that the values were saved with (policy.model).'
  )
}
