import type { TensorSpec } from '../../utils/index.js'
import { sizeOf } from '../../utils/index.js'
import { dtypeAttr, input, numberAttr, numbersAttr } from './call.js'
import { constant, counting, filled, reshape } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

/** tf.fill infers the element type from the value. */
function fillSpec(call: KernelCall): { spec: TensorSpec; value: number } {
  const value = call.attrs['value']
  const dtype = dtypeAttr(call, 'dtype', typeof value === 'boolean' ? 'bool' : 'float32')
  return { spec: { dtype, shape: numbersAttr(call, 'shape') }, value: Number(value) }
}

/** tf.range's values. Like tfjs, a step of 1 counts down where `stop` is below `start`. */
function rangeValues(call: KernelCall): number[] {
  const [start, stop] = [numberAttr(call, 'start'), numberAttr(call, 'stop')]
  const given = numberAttr(call, 'step', 1)
  if (start === stop || (start < stop && given < 0) || (stop < start && given > 1)) return []
  const count = Math.abs(Math.ceil((stop - start) / given))
  const step = stop < start && given === 1 ? -1 : given
  return Array.from({ length: count }, (_, i) => start + i * step)
}

function rangeSpec(call: KernelCall): TensorSpec {
  return { dtype: dtypeAttr(call, 'dtype', 'float32'), shape: [rangeValues(call).length] }
}

function lowerRange(at: Lowering): string {
  const values = rangeValues(at)
  return rangeSpec(at).dtype === 'int32'
    ? at.int32(values, [values.length])
    : at.float(values, [values.length])
}

function lowerLinSpace(at: Lowering): string {
  const [start, stop, num] = [numberAttr(at, 'start'), numberAttr(at, 'stop'), numberAttr(at, 'num')]
  const step = num === 1 ? 0 : (stop - start) / (num - 1)
  const values = Array.from({ length: num }, (_, i) => start + i * step)
  return at.float(values, [num])
}

function diagonal(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'x')
  return { dtype, shape: [...shape, ...shape] }
}

function lowerDiag(at: Lowering): string {
  const { dtype, shape } = input(at, 'x')
  const n = sizeOf(shape)
  const on = at.op('Equal', [counting(at, n, [n, 1]), counting(at, n, [1, n])])
  const row = reshape(at, at.name('x'), shape, [1, n])
  const square =
    dtype === 'bool' ? at.op('And', [on, row]) : at.op('Where', [on, row, constant(at, dtype, 0)])
  return reshape(at, square, [n, n], [...shape, ...shape])
}

const like = (call: KernelCall): TensorSpec => input(call, 'x')

/** Tensors made from attributes alone. */
export const creation: readonly KernelRule[] = [
  rule(
    'Fill',
    (call) => fillSpec(call).spec,
    (at) => filled(at, fillSpec(at).spec, fillSpec(at).value),
  ),
  rule('ZerosLike', like, (at) => filled(at, like(at), 0)),
  rule('OnesLike', like, (at) => filled(at, like(at), 1)),
  rule('Range', rangeSpec, lowerRange),
  rule('LinSpace', (call) => ({ dtype: 'float32', shape: [numberAttr(call, 'num')] }), lowerLinSpace),
  rule('Diag', diagonal, lowerDiag),
]
