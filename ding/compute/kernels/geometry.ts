import { backend_util } from '@tensorflow/tfjs-core'
import { CompileError } from '../../utils/index.js'
import { input, stringAttr } from './call.js'
import type { KernelCall } from './types.js'

type Four = [number, number, number, number]
type Rounding = 'floor' | 'round' | 'ceil'
type Pad = 'valid' | 'same' | number | backend_util.ExplicitPadding

/** How a window slides over the two spatial axes, in ONNX' terms. */
export interface Sliding {
  /** Shapes as tfjs sees them. */
  readonly inShape: number[]
  readonly outShape: number[]
  readonly kernel: [number, number]
  readonly strides: [number, number]
  readonly dilations: [number, number]
  /** Zeros before and after: top, left, bottom, right; exactly what the outputs reach. */
  readonly pads: Four
  /** Rows and columns at the end that no window reaches. */
  readonly unused: [number, number]
  readonly channelsLast: boolean
  readonly batch: number
  readonly inChannels: number
  readonly outChannels: number
}

function four(shape: readonly number[], call: KernelCall): Four {
  const [a, b, c, d] = shape
  if (shape.length !== 4)
    throw new CompileError(`Kernel ${call.kernel} was given shape [${shape}], expected four axes.`)
  return [a!, b!, c!, d!]
}

/** One number stands for both axes. */
function pair(call: KernelCall, key: string): [number, number] {
  const value = call.attrs[key] ?? 1
  if (typeof value === 'number') return [value, value]
  const [first, second] = value as readonly number[]
  return [first!, second!]
}

/** Zeros needed after an axis so that its last window fits, and what is left over if none are. */
function trailing(
  call: KernelCall,
  size: number,
  out: number,
  window: number,
  stride: number,
  before: number,
): [number, number] {
  const needed = (out - 1) * stride + window - size - before
  if (-needed >= stride) {
    throw new CompileError(
      `Kernel ${call.kernel} with pad ${JSON.stringify(call.attrs['pad'])} leaves ${-needed} rows or columns unused at ` +
        `stride ${stride}. tfjs sizes the output of a numeric pad by the filter's height alone; give explicit paddings ` +
        'for filters that are not square.',
    )
  }
  return [Math.max(0, needed), Math.max(0, -needed)]
}

function sliding(call: KernelCall, info: backend_util.Conv2DInfo): Sliding {
  const { top, left } = info.padInfo
  const [bottom, belowUnused] = trailing(
    call,
    info.inHeight,
    info.outHeight,
    info.effectiveFilterHeight,
    info.strideHeight,
    top,
  )
  const [right, rightUnused] = trailing(
    call,
    info.inWidth,
    info.outWidth,
    info.effectiveFilterWidth,
    info.strideWidth,
    left,
  )
  return {
    inShape: info.inShape,
    outShape: info.outShape,
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
    unused: [belowUnused, rightUnused],
    channelsLast: info.dataFormat === 'channelsLast',
    batch: info.batchSize,
    inChannels: info.inChannels,
    outChannels: info.outChannels,
  }
}

/** Geometry of a (depthwise) convolution over an input of shape `x` with a filter [height, width, in, out]. */
export function convolution(
  call: KernelCall,
  x: readonly number[],
  filter: readonly number[],
  depthwise: boolean,
): Sliding {
  const format = stringAttr(call, 'dataFormat', 'NHWC')
  const rounding = (call.attrs['dimRoundingMode'] ?? undefined) as Rounding | undefined
  const info = backend_util.computeConv2DInfo(
    four(x, call),
    four(filter, call),
    pair(call, 'strides'),
    pair(call, 'dilations'),
    call.attrs['pad'] as Pad,
    rounding,
    depthwise,
    format === 'NCHW' ? 'channelsFirst' : 'channelsLast',
  )
  return sliding(call, info)
}

/** Geometry of a pooling over the input named `name`. */
export function pooling(call: KernelCall, name: string): Sliding {
  const rounding = (call.attrs['dimRoundingMode'] ?? undefined) as Rounding | undefined
  const shape = four(input(call, name).shape, call)
  const pad = call.attrs['pad'] as Pad
  return sliding(
    call,
    backend_util.computePool2DInfo(shape, pair(call, 'filterSize'), pair(call, 'strides'), 1, pad, rounding),
  )
}

export const TO_CHANNELS_FIRST = [0, 3, 1, 2]
export const TO_CHANNELS_LAST = [0, 2, 3, 1]

/** The channels-first shape of one that may have them last. */
export function channelsFirst(shape: readonly number[], channelsLast: boolean): number[] {
  return channelsLast ? TO_CHANNELS_FIRST.map((axis) => shape[axis]!) : [...shape]
}
