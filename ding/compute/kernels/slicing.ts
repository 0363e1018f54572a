import { slice_util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { axesAttr, dim, input, numberAttr, numbersAttr, pairsAttr, stringAttr } from './call.js'
import { constant, reshape, slice } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

interface Window {
  readonly begin: readonly number[]
  readonly size: readonly number[]
}

export function sliceWindow(call: KernelCall): Window {
  const { shape } = input(call, 'x')
  const size = call.attrs['size'] ?? undefined
  const asked = size === undefined ? new Array<number>(shape.length).fill(-1) : numbersAttr(call, 'size')
  // The helper only reads the shape.
  const [begin, sizes] = slice_util.parseSliceParams({ shape } as never, numbersAttr(call, 'begin'), asked)
  return { begin: begin as number[], size: sizes as number[] }
}

function lowerSlice(at: Lowering): string {
  const { shape } = input(at, 'x')
  const { begin, size } = sliceWindow(at)
  const axes = shape.flatMap((length, axis) => (dim(size, axis) === length ? [] : [axis]))
  const starts = axes.map((axis) => dim(begin, axis))
  const ends = axes.map((axis) => dim(begin, axis) + dim(size, axis))
  return slice(at, at.name('x'), starts, ends, axes, new Array<number>(axes.length).fill(1))
}

interface StridedWindow {
  readonly begin: number[]
  readonly end: number[]
  readonly strides: number[]
  /** Elements taken along each axis of the input. */
  readonly lengths: number[]
  /** The result's shape: new axes in, dropped axes out. */
  readonly shape: number[]
}

export function stridedWindow(call: KernelCall): StridedWindow {
  const { shape } = input(call, 'x')
  const info = slice_util.sliceInfo(
    [...shape],
    numbersAttr(call, 'begin'),
    numbersAttr(call, 'end'),
    numbersAttr(call, 'strides'),
    numberAttr(call, 'beginMask', 0),
    numberAttr(call, 'endMask', 0),
    numberAttr(call, 'ellipsisMask', 0),
    numberAttr(call, 'newAxisMask', 0),
    numberAttr(call, 'shrinkAxisMask', 0),
  )
  const { begin, end, strides, finalShape } = info
  const lengths = shape.map((_, axis) => {
    return Math.max(0, Math.ceil((dim(end, axis) - dim(begin, axis)) / dim(strides, axis)))
  })
  return { begin, end, strides, lengths, shape: finalShape }
}

function lowerStridedSlice(at: Lowering): string {
  const x = input(at, 'x').shape
  const { begin, end, strides, lengths, shape } = stridedWindow(at)
  const axes = x.map((_, axis) => axis)
  // Going backwards, tfjs ends at -1 to include element 0; to ONNX -1 is the last element.
  const ends = end.map((stop, axis) => (stop < 0 ? -dim(x, axis) - 1 : stop))
  return reshape(at, slice(at, at.name('x'), begin, ends, axes, strides), lengths, shape)
}

function padded(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'x')
  const paddings = pairsAttr(call, 'paddings')
  return { dtype, shape: shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]) }
}

function lowerPad(at: Lowering): string {
  const paddings = pairsAttr(at, 'paddings')
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]
  if (pads.every((pad) => pad === 0)) return at.name('x')
  const fill = constant(at, input(at, 'x').dtype, numberAttr(at, 'constantValue', 0))
  return at.op('Pad', [at.name('x'), at.int64(pads), fill], { mode: 'constant' })
}

/**
 * Which element each place of a mirror-padded axis shows. 'reflect' leaves the edge out, 'symmetric' repeats it.
 */
export function mirroredIndices(size: number, before: number, after: number, mode: string): number[] {
  const edge = mode === 'reflect' ? 0 : 1
  return Array.from({ length: before + size + after }, (_, place) => {
    const index = place - before
    if (index < 0) return -index - edge
    return index < size ? index : 2 * (size - 1) - index + edge
  })
}

/** By one Gather per padded axis: ONNX Pad has 'reflect' but no 'symmetric'. */
function lowerMirrorPad(at: Lowering): string {
  const { shape } = input(at, 'x')
  const mode = stringAttr(at, 'mode')
  let value = at.name('x')
  for (const [axis, [before, after]] of pairsAttr(at, 'paddings').entries()) {
    if (before === 0 && after === 0) continue
    const places = at.int64(mirroredIndices(dim(shape, axis), before, after, mode))
    value = at.op('Gather', [value, places], { axis })
  }
  return value
}

function lowerReverse(at: Lowering): string {
  const { shape } = input(at, 'x')
  const axes = axesAttr(at, 'dims', shape)
  const backwards = new Array<number>(axes.length).fill(-1)
  return slice(
    at,
    at.name('x'),
    backwards,
    axes.map((axis) => -dim(shape, axis) - 1),
    axes,
    backwards,
  )
}

/** Windows into a tensor, and padding around it. */
export const slicing: readonly KernelRule[] = [
  rule('Slice', (call) => ({ dtype: input(call, 'x').dtype, shape: sliceWindow(call).size }), lowerSlice),
  rule(
    'StridedSlice',
    (call) => ({ dtype: input(call, 'x').dtype, shape: stridedWindow(call).shape }),
    lowerStridedSlice,
  ),
  rule('PadV2', padded, lowerPad),
  rule('MirrorPad', padded, lowerMirrorPad),
  rule('Reverse', (call) => input(call, 'x'), lowerReverse),
]
