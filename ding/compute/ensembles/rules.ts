import { KERNELS, pairsAttr } from '../kernels/index.js'
import type { TraceNode, Value } from '../tracing/index.js'
import type { Members } from './members.js'

/** What a node's outputs come to: their members, or, where the leading axis is gone, wholes. */
export type Outcome = { readonly parts: readonly Value[] } | { readonly whole: Value }
/** Takes a node apart by the leading axis of what it reads; undefined where it mixes members or moves that axis. */
type Rule = (node: TraceNode, at: Members) => readonly Outcome[] | undefined

const only = (parts: readonly Value[]): readonly Outcome[] => [{ parts }]

function outputOf(node: TraceNode): Value {
  return node.outputs[0] as Value
}

/** Inputs of each member: those with the output's leading axis by member, and those that broadcast along it as they are. */
function eachInput(node: TraceNode, at: Members, count: number, rank: number): Record<string, Value>[] {
  const inputs = Array.from({ length: count }, (): Record<string, Value> => ({}))
  for (const [name, value] of Object.entries(node.inputs)) {
    const { shape } = value.spec
    const broadcasts = shape.length < rank
    const parts = broadcasts ? [at.whole(value)] : at.parts(value)
    for (const [i, input] of inputs.entries())
      input[name] = (parts.length === 1 ? parts[0] : parts[i]) as Value
  }
  return inputs
}

/** Kernels that treat all elements alike: as they are, on each member. */
function elementwise(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const { shape } = outputOf(node).spec
  const isAligned = Object.values(node.inputs).some(
    (value) => at.known(value)?.length === shape[0] && value.spec.shape.length === shape.length,
  )
  if (!isAligned) return undefined
  const inputs = eachInput(node, at, shape[0] as number, shape.length)
  return only(inputs.map((input) => at.call(node.kernel, input, node.attrs)))
}

function matMul(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const { shape } = outputOf(node).spec
  if (Object.values(node.inputs).some((value) => value.spec.shape.length !== 3)) return undefined
  const inputs = eachInput(node, at, shape[0] as number, 3)
  return only(inputs.map((input) => at.call(node.kernel, input, node.attrs)))
}

/** How reductions over the leading axis are put together from those of the members. */
const COMBINE: Readonly<Record<string, string>> = { Sum: 'Add', Mean: 'Add', Max: 'Maximum', Min: 'Minimum' }

function reduction(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const x = node.inputs['x'] as Value
  const key = node.kernel === 'Max' ? 'reductionIndices' : 'axis'
  const rank = x.spec.shape.length
  const axes = [node.attrs[key] ?? x.spec.shape.map((_, axis) => axis)].flat() as number[]
  const along = axes.map((axis) => (axis < 0 ? axis + rank : axis))
  const inner = along.filter((axis) => axis > 0).map((axis) => axis - 1)
  const parts = at.parts(x)
  const reduced =
    inner.length === 0
      ? parts
      : parts.map((part) => at.call(node.kernel, { x: part }, { ...node.attrs, [key]: inner }))
  if (inner.length === along.length) return inner.length === 0 ? undefined : only(reduced)
  const combine = COMBINE[node.kernel]
  if (combine === undefined) return undefined
  let whole = reduced.reduce((a, b) => at.call(combine, { a, b }))
  if (node.kernel === 'Mean') {
    const share = at.recorder.uniform({ dtype: 'float32', shape: [] }, Math.fround(1 / parts.length))
    whole = at.call('Multiply', { a: whole, b: share })
  }
  return [{ whole: at.reshaped(whole, outputOf(node).spec.shape) }]
}

function reshape(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const x = Object.values(node.inputs)[0] as Value
  const { shape } = outputOf(node).spec
  const parts = at.parts(x)
  if (shape[0] === parts.length) return only(parts.map((part) => at.reshaped(part, shape.slice(1))))
  return parts.length === 1 ? [{ whole: at.reshaped(parts[0] as Value, shape) }] : undefined
}

function tile(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const [first, ...reps] = node.attrs['reps'] as [number, ...number[]]
  if (first !== 1) return undefined
  return only(at.parts(node.inputs['x'] as Value).map((x) => at.call('Tile', { x }, { reps })))
}

function transpose(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const [first, ...rest] = node.attrs['perm'] as [number, ...number[]]
  if (first !== 0) return undefined
  const perm = rest.map((axis) => axis - 1)
  return only(at.parts(node.inputs['x'] as Value).map((x) => at.call('Transpose', { x }, { perm })))
}

/** Padding along the leading axis adds members. */
function pad(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const x = node.inputs['x'] as Value
  const [[before, after], ...paddings] = pairsAttr(
    { kernel: node.kernel, inputs: { x: x.spec }, attrs: node.attrs },
    'paddings',
  ) as [[number, number], ...[number, number][]]
  const shape = outputOf(node).spec.shape.slice(1)
  const fill = at.recorder.uniform(
    { dtype: x.spec.dtype, shape },
    (node.attrs['constantValue'] as number) ?? 0,
  )
  const parts = at.parts(x).map((part) => at.call('PadV2', { x: part }, { ...node.attrs, paddings }))
  const filled = (count: number) => Array.from({ length: count }, () => fill)
  return only([...filled(before), ...parts, ...filled(after)])
}

function concat(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const { shape } = outputOf(node).spec
  const axis = node.attrs['axis'] as number
  const along = axis < 0 ? axis + shape.length : axis
  if (along === 0) return undefined
  const inputs = eachInput(node, at, shape[0] as number, shape.length)
  return only(inputs.map((input) => at.call('Concat', input, { ...node.attrs, axis: along - 1 })))
}

/** tf.split along another axis than the members'. */
function split(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  const x = node.inputs['x'] as Value
  const axis = node.attrs['axis'] as number
  const along = axis < 0 ? axis + x.spec.shape.length : axis
  if (along === 0) return undefined
  const pieces = at
    .parts(x)
    .map((part) => at.calls('SplitV', { x: part }, { ...node.attrs, axis: along - 1 }))
  return node.outputs.map((_, i) => ({ parts: pieces.map((outputs) => outputs[i] as Value) }))
}

/** tf.unstack along the members' axis gives the members. */
function unpack(node: TraceNode, at: Members): readonly Outcome[] | undefined {
  if (node.attrs['axis'] !== 0) return undefined
  return at.parts(node.inputs['value'] as Value).map((whole) => ({ whole }))
}

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['BatchMatMul', matMul],
  ...Object.keys(COMBINE).map((kernel) => [kernel, reduction] as const),
  ['Reshape', reshape],
  ['ExpandDims', reshape],
  ['Tile', tile],
  ['Transpose', transpose],
  ['Slice', (node, at) => only(at.sliced(node.inputs['x'] as Value, node.attrs))],
  ['PadV2', pad],
  ['Concat', concat],
  ['SplitV', split],
  ['Unpack', unpack],
])

/** The rule of a kernel, if it can be taken apart. */
export function ruleOf(kernel: string): Rule | undefined {
  return RULES.get(kernel) ?? (KERNELS.get(kernel)?.elementwise === true ? elementwise : undefined)
}
