import type { TensorSpec } from '../../utils/index.js'
import { CompileError } from '../../utils/index.js'
import { fusedActivation } from './activation.js'
import { dim, input, numbersAttr } from './call.js'
import { reshape, slice, transpose } from './emit.js'
import type { Sliding } from './geometry.js'
import { convolution, TO_CHANNELS_FIRST, TO_CHANNELS_LAST } from './geometry.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

/** Filters [height, width, in, out] to ONNX' [out, in, height, width]; its own inverse is TO_TFJS_FILTER. */
const TO_ONNX_FILTER = [3, 2, 0, 1]
/** [in, out, height, width] to [height, width, in, out]; also turns a depthwise filter's [h, w, c, m] into [c, m, h, w]. */
const LAST_TWO_FIRST = [2, 3, 0, 1]

function toFirst(at: Lowering, value: string, channelsLast: boolean): string {
  return channelsLast ? transpose(at, value, TO_CHANNELS_FIRST) : value
}

function toLast(at: Lowering, value: string, channelsLast: boolean): string {
  return channelsLast ? transpose(at, value, TO_CHANNELS_LAST) : value
}

function forward(call: KernelCall, depthwise: boolean): Sliding {
  return convolution(call, input(call, 'x').shape, input(call, 'filter').shape, depthwise)
}

/** The filter as ONNX takes it, and the number of groups. */
function onnxFilter(at: Lowering, depthwise: boolean): { filter: string; group: number } {
  if (!depthwise) return { filter: transpose(at, at.name('filter'), TO_ONNX_FILTER), group: 1 }
  const [height, width, channels, multiplier] = input(at, 'filter').shape as [number, number, number, number]
  const grouped = transpose(at, at.name('filter'), LAST_TWO_FIRST)
  return {
    filter: reshape(
      at,
      grouped,
      [channels, multiplier, height, width],
      [channels * multiplier, 1, height, width],
    ),
    group: channels,
  }
}

function windowAttrs(geometry: Sliding, group: number): Record<string, number | readonly number[]> {
  const { kernel, strides, pads, dilations } = geometry
  return { kernel_shape: kernel, strides, pads, dilations, group }
}

/** Convolution, channels first, with a bias of one number per channel inside the node. */
function convolve(at: Lowering, geometry: Sliding, depthwise: boolean, bias?: string): string {
  const { filter, group } = onnxFilter(at, depthwise)
  const x = toFirst(at, at.name('x'), geometry.channelsLast)
  return at.op('Conv', bias === undefined ? [x, filter] : [x, filter, bias], windowAttrs(geometry, group))
}

function plain(kernel: string, depthwise: boolean): KernelRule {
  return rule(
    kernel,
    (call) => ({ dtype: 'float32', shape: forward(call, depthwise).outShape }),
    (at) => {
      const geometry = forward(at, depthwise)
      return toLast(at, convolve(at, geometry, depthwise), geometry.channelsLast)
    },
  )
}

/** A vector of per-channel numbers, in the layout of the kernel's output. */
function perChannel(at: Lowering, name: string, geometry: Sliding): string {
  const { shape } = input(at, name)
  const isVector = shape.length === 1 && dim(shape, 0) !== 1
  return isVector && !geometry.channelsLast
    ? reshape(at, at.name(name), shape, [dim(shape, 0), 1, 1])
    : at.name(name)
}

/** activation(convolution + bias). */
function fused(kernel: string, depthwise: boolean): KernelRule {
  return rule(
    kernel,
    (call) => ({ dtype: 'float32', shape: forward(call, depthwise).outShape }),
    (at) => {
      const geometry = forward(at, depthwise)
      const bias = at.inputs['bias']
      const inside = bias?.shape.length === 1 && bias.shape[0] === geometry.outChannels
      let y = convolve(at, geometry, depthwise, inside ? at.name('bias') : undefined)
      const broadcasts = (bias !== undefined && !inside) || at.attrs['activation'] === 'prelu'
      // Element-wise work is done before the layout changes back, so that ONNX Runtime can fuse it with Conv.
      if (!broadcasts) return toLast(at, fusedActivation(at, y), geometry.channelsLast)
      y = toLast(at, y, geometry.channelsLast)
      if (bias !== undefined && !inside) y = at.op('Add', [y, perChannel(at, 'bias', geometry)])
      if (at.attrs['activation'] !== 'prelu') return fusedActivation(at, y)
      return at.op('PRelu', [y, perChannel(at, 'preluActivationWeights', geometry)])
    },
  )
}

function inputGradient(kernel: string, depthwise: boolean): KernelRule {
  const geometryOf = (call: KernelCall): Sliding =>
    convolution(call, numbersAttr(call, 'inputShape'), input(call, 'filter').shape, depthwise)
  return rule(
    kernel,
    (call) => ({ dtype: 'float32', shape: numbersAttr(call, 'inputShape') }),
    (at) => {
      const geometry = geometryOf(at)
      const { filter, group } = onnxFilter(at, depthwise)
      const dy = toFirst(at, at.name('dy'), geometry.channelsLast)
      const attrs = { ...windowAttrs(geometry, group), output_padding: geometry.unused }
      return toLast(at, at.op('ConvTranspose', [dy, filter], attrs), geometry.channelsLast)
    },
  )
}

function filterShape(call: KernelCall): TensorSpec {
  return { dtype: 'float32', shape: numbersAttr(call, 'filterShape') }
}

/**
 * The filter's gradient is a convolution of x with dy as the filter: batch and channels change places, strides and
 * dilations too. Rows that no window of the forward pass reached give taps beyond the filter, which are cut off.
 */
function filterGradient(kernel: string, depthwise: boolean): KernelRule {
  return rule(kernel, filterShape, (at) => {
    const shape = numbersAttr(at, 'filterShape')
    const geometry = convolution(at, input(at, 'x').shape, shape, depthwise)
    const { batch, inChannels, inShape, outShape, channelsLast, unused, kernel: taps } = geometry
    if (!channelsLast && depthwise) {
      throw new CompileError(`Kernel ${kernel} has no gradient for dataFormat NCHW. Use NHWC.`)
    }
    const swapped = channelsLast ? [3, 0, 1, 2] : [1, 0, 2, 3]
    const dy = transpose(at, at.name('dy'), swapped)
    let x = transpose(at, at.name('x'), swapped)
    const [height, width] = channelsLast ? [inShape[1]!, inShape[2]!] : [inShape[2]!, inShape[3]!]
    if (depthwise)
      x = reshape(at, x, [inChannels, batch, height, width], [1, inChannels * batch, height, width])
    const dyTaps = channelsLast ? [outShape[1]!, outShape[2]!] : [outShape[2]!, outShape[3]!]
    const all = at.op('Conv', [x, dy], {
      kernel_shape: dyTaps,
      strides: geometry.dilations,
      dilations: geometry.strides,
      pads: geometry.pads,
      group: depthwise ? inChannels : 1,
    })
    const extra = [0, 1].filter((axis) => unused[axis]! > 0)
    const cut = slice(
      at,
      all,
      extra.map(() => 0),
      extra.map((axis) => taps[axis]!),
      extra.map((axis) => axis + 2),
      extra.map(() => 1),
    )
    const [, , inside, outside] = shape as [number, number, number, number]
    const split = depthwise
      ? reshape(at, cut, [1, inside * outside, ...taps], [inside, outside, ...taps])
      : cut
    return transpose(at, split, LAST_TWO_FIRST)
  })
}

/** Convolutions over images and their gradients. tfjs keeps channels last, ONNX first. */
export const convolutions: readonly KernelRule[] = [
  plain('Conv2D', false),
  plain('DepthwiseConv2dNative', true),
  fused('FusedConv2D', false),
  fused('FusedDepthwiseConv2D', true),
  inputGradient('Conv2DBackpropInput', false),
  inputGradient('DepthwiseConv2dNativeBackpropInput', true),
  filterGradient('Conv2DBackpropFilter', false),
  filterGradient('DepthwiseConv2dNativeBackpropFilter', true),
]
