import { sizeOf } from '../../utils/index.js'
import { input } from './call.js'
import { filled, flatten, reshape, transpose } from './emit.js'
import type { Sliding } from './geometry.js'
import { channelsFirst, pooling, TO_CHANNELS_FIRST, TO_CHANNELS_LAST } from './geometry.js'
import { rule } from './rule.js'
import type { KernelRule } from './types.js'

function windowAttrs({ kernel, strides, pads }: Sliding): Record<string, number | readonly number[]> {
  return { kernel_shape: kernel, strides, pads }
}

/** Pooling; padding counts for nothing in either kind. */
function pool(kernel: string, type: string): KernelRule {
  return rule(
    kernel,
    (call) => ({ dtype: input(call, 'x').dtype, shape: pooling(call, 'x').outShape }),
    (at) => {
      const x = transpose(at, at.name('x'), TO_CHANNELS_FIRST)
      return transpose(at, at.op(type, [x], windowAttrs(pooling(at, 'x'))), TO_CHANNELS_LAST)
    },
  )
}

/** dy goes to the first largest element of each window: MaxPool's second output says where that is. */
const maxPoolGrad: KernelRule = rule(
  'MaxPoolGrad',
  (call) => ({ dtype: 'float32', shape: input(call, 'input').shape }),
  (at) => {
    const geometry = pooling(at, 'input')
    const [inShape, outShape] = [
      channelsFirst(geometry.inShape, true),
      channelsFirst(geometry.outShape, true),
    ]
    const x = transpose(at, at.name('input'), TO_CHANNELS_FIRST)
    const dy = transpose(at, at.name('dy'), TO_CHANNELS_FIRST)
    const [, places] = at.ops('MaxPool', [x], 2, windowAttrs(geometry))
    const zeros = filled(at, { dtype: 'float32', shape: [sizeOf(inShape)] }, 0)
    const operands = [zeros, flatten(at, places!, outShape), flatten(at, dy, outShape)]
    const sums = at.op('ScatterElements', operands, { axis: 0, reduction: 'add' })
    return transpose(at, reshape(at, sums, [sizeOf(inShape)], inShape), TO_CHANNELS_LAST)
  },
)

/** Spreads dy / (window size) over each window, as tfjs' kernel does; see the gradient of AvgPool for edges. */
const avgPoolGrad: KernelRule = rule(
  'AvgPoolGrad',
  (call) => ({ dtype: 'float32', shape: input(call, 'input').shape }),
  (at) => {
    const geometry = pooling(at, 'input')
    const [inShape, outShape] = [
      channelsFirst(geometry.inShape, true),
      channelsFirst(geometry.outShape, true),
    ]
    const [batch, channels, outHeight, outWidth] = outShape as [number, number, number, number]
    const images = batch * channels
    const dy = transpose(at, at.name('dy'), TO_CHANNELS_FIRST)
    const flat = reshape(at, dy, outShape, [images, 1, outHeight, outWidth])
    const size = sizeOf(geometry.kernel)
    const filter = at.float(new Array<number>(size).fill(1 / size), [1, 1, ...geometry.kernel])
    const attrs = { ...windowAttrs(geometry), output_padding: geometry.unused }
    const dx = at.op('ConvTranspose', [flat, filter], attrs)
    return transpose(at, reshape(at, dx, [images, 1, ...inShape.slice(2)], inShape), TO_CHANNELS_LAST)
  },
)

/** Pooling over images and its gradients. */
export const poolings: readonly KernelRule[] = [
  pool('MaxPool', 'MaxPool'),
  pool('AvgPool', 'AveragePool'),
  maxPoolGrad,
  avgPoolGrad,
]
