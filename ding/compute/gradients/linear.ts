import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, rule, sumTo } from './rule.js'

interface MatMulAttributes {
  transposeA: boolean
  transposeB: boolean
}

function run(kernel: string, inputs: Record<string, Tensor>, attrs: object): Tensor {
  return tf.engine().runKernel(kernel, inputs, attrs as NamedAttrMap) as Tensor
}

/** Gradients of matrix products, convolutions, pooling and batch normalisation. */
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
    x: () => run('Conv2DBackpropInput', { dy, filter: filter! }, { ...attrs, inputShape: x!.shape }),
    filter: () => run('Conv2DBackpropFilter', { x: x!, dy }, { ...attrs, filterShape: filter!.shape }),
  })),
  rule('Conv2DBackpropInput', { inputs: ['dy', 'filter'] }, (ddx, [dy, filter], attrs) => ({
    dy: () => run('Conv2D', { x: ddx, filter: filter! }, { ...attrs, dilations: 1 }),
    filter: () => run('Conv2DBackpropFilter', { x: ddx, dy: dy! }, { ...attrs, filterShape: filter!.shape }),
  })),
  rule('DepthwiseConv2dNative', { inputs: ['x', 'filter'] }, (dy, [x, filter], attrs) => ({
    x: () =>
      run('DepthwiseConv2dNativeBackpropInput', { dy, filter: filter! }, { ...attrs, inputShape: x!.shape }),
    filter: () =>
      run('DepthwiseConv2dNativeBackpropFilter', { x: x!, dy }, { ...attrs, filterShape: filter!.shape }),
  })),
  rule('MaxPool', { inputs: ['x'], output: true }, (dy, [input, output], attrs) => ({
    x: () => run('MaxPoolGrad', { dy, input: input!, output: output! }, attrs),
  })),
  rule(
    'FusedBatchNorm',
    { inputs: ['x', 'mean', 'variance', 'scale'] },
    (dy, [x, mean, variance, scale], attrs) => {
      const { varianceEpsilon } = attributes<{ varianceEpsilon: number }>(attrs)
      const invStd = () => tf.rsqrt(tf.add(variance!, varianceEpsilon))
      const scaled = () => (scale === undefined ? invStd() : tf.mul(invStd(), scale))
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
]
