import type { TensorSpec } from '../../utils/index.js'
import { axisAttr, booleanAttr, dim, input, numberAttr } from './call.js'
import { cast, constant, slice } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

function scanned(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'x')
  return { dtype: dtype === 'bool' ? 'int32' : dtype, shape }
}

function scanAxis(call: KernelCall): number {
  return axisAttr(call, 'axis', input(call, 'x').shape.length, 0)
}

function lowerCumsum(at: Lowering): string {
  const x = cast(at, at.name('x'), input(at, 'x').dtype, at.outputs[0]!.dtype)
  const flags = {
    exclusive: Number(booleanAttr(at, 'exclusive')),
    reverse: Number(booleanAttr(at, 'reverse')),
  }
  return at.op('CumSum', [x, at.int64(scanAxis(at))], flags)
}

/** x moved by `by` places along the axis, later (or earlier if `reverse`), ones moving in. */
function shifted(at: Lowering, x: string, by: number, axis: number, reverse: boolean): string {
  const { shape, dtype } = at.outputs[0]!
  const size = dim(shape, axis)
  const kept = reverse ? slice(at, x, [by], [size], [axis], [1]) : slice(at, x, [0], [size - by], [axis], [1])
  const pads = new Array<number>(2 * shape.length).fill(0)
  pads[reverse ? shape.length + axis : axis] = by
  return at.op('Pad', [kept, at.int64(pads), constant(at, dtype, 1)], { mode: 'constant' })
}

/** ONNX has no running product: log2(size) products with ever farther shifts of itself. */
function lowerCumprod(at: Lowering): string {
  const { shape, dtype } = at.outputs[0]!
  const [axis, reverse] = [scanAxis(at), booleanAttr(at, 'reverse')]
  const size = dim(shape, axis)
  let y = cast(at, at.name('x'), input(at, 'x').dtype, dtype)
  if (booleanAttr(at, 'exclusive')) y = shifted(at, y, 1, axis, reverse)
  for (let by = 1; by < size; by *= 2) y = at.op('Mul', [y, shifted(at, y, by, axis, reverse)])
  return y
}

function topK(call: KernelCall): readonly [TensorSpec, TensorSpec] {
  const { dtype, shape } = input(call, 'x')
  const out = shape.with(-1, numberAttr(call, 'k'))
  return [
    { dtype, shape: out },
    { dtype: 'int32', shape: out },
  ]
}

const topKRule: KernelRule = {
  kernel: 'TopK',
  infer: topK,
  lower: (at) => {
    const attrs = { axis: -1, largest: 1, sorted: Number(at.attrs['sorted'] ?? true) }
    const { dtype } = input(at, 'x')
    const work = dtype === 'bool' ? 'int32' : dtype
    const x = cast(at, at.name('x'), dtype, work)
    const [values, indices] = at.ops('TopK', [x, at.int64([numberAttr(at, 'k')])], 2, attrs)
    return [cast(at, values!, work, dtype), cast(at, indices!, 'int64', 'int32')]
  },
}

/** Running sums and products, and order. */
export const scanning: readonly KernelRule[] = [
  rule('Cumsum', scanned, lowerCumsum),
  rule('Cumprod', scanned, lowerCumprod),
  topKRule,
]
