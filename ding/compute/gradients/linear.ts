import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { UsageError } from '../../utils/index.js'
import type { KernelCall } from '../kernels/index.js'
import { einsumTerms } from '../kernels/index.js'
import { attributes, callOf, rule, runKernel, sumTo } from './rule.js'

interface MatMulAttributes {
  transposeA: boolean
  transposeB: boolean
}

/** dy contracted with the other operands to the letters they share with this one, then repeated over the rest. */
function einsumGradient(dy: Tensor, operands: readonly Tensor[], which: number, call: KernelCall): Tensor {
  const { terms, result } = einsumTerms(call)
  const term = terms[which]!
  const others = operands.filter((_, i) => i !== which)
  const sources = [result, ...terms.filter((_, i) => i !== which)]
  const shared = [...term].filter((letter) => sources.some((source) => source.includes(letter)))
  const known = tf.einsum(`${sources.join()}->${shared.join('')}`, dy, ...others)
  const { shape } = operands[which]!
  const kept = shape.map((size, axis) => (shared.includes(term[axis]!) ? size : 1))
  return tf.broadcastTo(tf.reshape(known, kept), shape)
}

/** tfjs maps the names of what a gradient keeps to the inputs given, and breaks without a word on an optional one that was not. */
class BatchNormInputs extends Array<string> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  override map<U>(find: (name: string, i: number, all: string[]) => U): U[] {
    const found = super.map(find)
    if (!found.includes(undefined as U)) return found
    throw new UsageError(
      'The gradient of tf.batchNorm needs its offset and its scale, which may be left out only where no gradient is taken. ' +
        'Pass tf.zerosLike(mean) as offset and tf.onesLike(variance) as scale.',
    )
  }
}

/** Gradients of matrix products, contractions, convolutions and batch normalisation. */
export const LINEAR: readonly GradConfig[] = [
  rule('BatchMatMul', { inputs: ['a', 'b'] }, (dy, [a, b], attrs) => {
    const { transposeA, transposeB } = attributes<MatMulAttributes>(attrs)
    return {
      a: () =>
        sumTo(
          transposeA ? tf.matMul(b!, dy, transposeB, true) : tf.matMul(dy, b!, false, !transposeB),
          a!.shape,
        ),
      b: () =>
        sumTo(
          transposeB ? tf.matMul(dy, a!, true, transposeA) : tf.matMul(a!, dy, !transposeA, false),
          b!.shape,
        ),
    }
  }),
  rule('Conv2D', { inputs: ['x', 'filter'] }, (dy, [x, filter], attrs) => ({
    x: () => runKernel('Conv2DBackpropInput', { dy, filter: filter! }, { ...attrs, inputShape: x!.shape }),
    filter: () => runKernel('Conv2DBackpropFilter', { x: x!, dy }, { ...attrs, filterShape: filter!.shape }),
  })),
  rule('Conv2DBackpropInput', { inputs: ['dy', 'filter'] }, (ddx, [dy, filter], attrs) => ({
    // tf.conv2dTranspose gives no dilations.
    dy: () => runKernel('Conv2D', { x: ddx, filter: filter! }, { dilations: 1, ...attrs }),
    filter: () =>
      runKernel('Conv2DBackpropFilter', { x: ddx, dy: dy! }, { ...attrs, filterShape: filter!.shape }),
  })),
  rule('DepthwiseConv2dNative', { inputs: ['x', 'filter'] }, (dy, [x, filter], attrs) => ({
    x: () =>
      runKernel(
        'DepthwiseConv2dNativeBackpropInput',
        { dy, filter: filter! },
        { ...attrs, inputShape: x!.shape },
      ),
    filter: () =>
      runKernel(
        'DepthwiseConv2dNativeBackpropFilter',
        { x: x!, dy },
        { ...attrs, filterShape: filter!.shape },
      ),
  })),
  rule(
    'FusedBatchNorm',
    { inputs: new BatchNormInputs('x', 'mean', 'variance', 'scale', 'offset') },
    (dy, [x, mean, variance, scale], attrs) => {
      const { varianceEpsilon } = attributes<{ varianceEpsilon: number }>(attrs)
      const invStd = () => tf.rsqrt(tf.add(variance!, varianceEpsilon))
      const scaled = () => tf.mul(invStd(), scale!)
      const centred = () => tf.sub(x!, mean!)
      return {
        x: () => tf.mul(dy, scaled()),
        mean: () => tf.neg(sumTo(tf.mul(dy, scaled()), mean!.shape)),
        variance: () =>
          sumTo(
            tf.mul(tf.mul(dy, centred()), tf.mul(tf.mul(scaled(), tf.square(invStd())), -0.5)),
            variance!.shape,
          ),
        scale: () => sumTo(tf.mul(tf.mul(dy, centred()), invStd()), mean!.shape),
        offset: () => sumTo(dy, mean!.shape),
      }
    },
  ),
  // The list input of Einsum is an array; its gradients are found by index.
  rule('Einsum', { all: true }, (dy, saved, attrs) => {
    const call = callOf('Einsum', {}, attrs)
    return Object.fromEntries(saved.map((_, i) => [i, () => einsumGradient(dy, saved, i, call)]))
  }),
]
