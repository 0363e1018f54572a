import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { splitEnsembles } from '../../../ding/compute/ensembles/index.js'
import type { Compute } from '../../../ding/compute/index.js'
import { backward, createCompute, Parameter, RandomStream, random } from '../../../ding/compute/index.js'
import { compileTrace } from '../../../ding/compute/onnx/index.js'
import { traceFunction } from '../../../ding/compute/tracing/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { float32 } from './helpers.js'

let onnx: Compute
let eager: Compute
beforeAll(async () => {
  onnx = await createCompute({})
  eager = await createCompute({ runtime: 'eager', backend: 'cpu' })
})
afterAll(async () => {
  await onnx.dispose()
  await eager.dispose()
})

const ROWS = 64
const WIDTH = 128

/** Parameters of `members` two-layer networks, and a running mean of what they see. */
class Ensemble {
  readonly w0: Parameter
  readonly b0: Parameter
  readonly w1: Parameter
  readonly b1: Parameter
  readonly seen: Parameter

  constructor(
    readonly members: number,
    width = WIDTH,
  ) {
    const stream = RandomStream.fromSeed(1)
    const parameter = (...shape: number[]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return new Parameter(
        shape,
        true,
        stream.normal(size).map((x) => x / Math.sqrt(width)),
      )
    }
    this.w0 = parameter(members, width, width)
    this.b0 = parameter(members, 1, width)
    this.w1 = parameter(members, width, 3)
    this.b1 = parameter(members, 1, 3)
    this.seen = new Parameter([members, 1, width], false)
  }

  get parameters(): Parameter[] {
    return [this.w0, this.b0, this.w1, this.b1]
  }

  /** x [B, n] or [N, B, n] -> [N, B, n]. */
  hidden(x: tf.Tensor, w0 = this.w0.value, b0 = this.b0.value): tf.Tensor {
    const each = x.rank === 2 ? tf.tile(tf.expandDims(x, 0), [w0.shape[0]!, 1, 1]) : x
    return tf.relu(tf.add(tf.matMul(each, w0), b0))
  }

  /** [N, B, 3]. */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.add(tf.matMul(this.hidden(x), this.w1.value), this.b1.value)
  }
}

type Body = (ensemble: Ensemble, x: tf.Tensor, each: tf.Tensor) => Record<string, tf.Tensor>

const loss = (y: tf.Tensor) => tf.mean(tf.square(tf.sub(y, 1)))

/** Programs by what they do with an ensemble's values. */
const BODIES: Readonly<Record<string, Body>> = {
  'a loss over all members': (net, x) => {
    let y!: tf.Tensor
    const value = backward(net.parameters, () => {
      y = net.forward(x)
      return loss(y)
    })
    return { value, y }
  },
  'the least member': (net, x) => ({
    value: backward(net.parameters, () => loss(tf.min(net.forward(x), 0))),
  }),
  'the greatest member, the mean and the sum': (net, x) => ({
    value: backward(net.parameters, () => {
      const y = net.forward(x)
      return tf.add(loss(tf.max(y, 0)), tf.add(loss(tf.mean(y, 0, true)), loss(tf.sum(y, [0, 1]))))
    }),
  }),
  'the first member alone': (net, x) => ({
    value: backward(net.parameters, () => {
      const [n, m] = [
        tf.slice(net.w0.value, [0, 0, 0], [1, -1, -1]),
        tf.slice(net.b0.value, [0, 0, 0], [1, -1, -1]),
      ]
      return loss(tf.sum(tf.squeeze(net.hidden(x, n, m), [0]), -1))
    }),
  }),
  'chosen members': (net, x) => {
    const chosen = random.subset(net.members, Math.min(2, net.members)) as tf.Tensor1D
    const w0 = tf.gather(net.w0.value, chosen)
    return { y: net.forward(x), of: net.hidden(x, w0, tf.gather(net.b0.value, chosen)) }
  },
  'an input and a draw for each member': (net, _x, each) => ({
    value: backward(net.parameters, () => {
      const y = net.forward(tf.add(each, tf.mul(random.normal([...each.shape]), 0.1)))
      return loss(tf.mul(y, tf.slice(each, [0, 0, 0], [-1, -1, 3])))
    }),
  }),
  'cuts, joints and turned axes': (net, x) => ({
    value: backward(net.parameters, () => {
      const y = net.hidden(x)
      const [a, b] = tf.split(y, 2, 2) as [tf.Tensor, tf.Tensor]
      const joint = tf.concat(
        [
          tf.mul(a, b),
          tf.pad(a, [
            [0, 0],
            [0, 0],
            [0, 2],
          ]),
        ],
        -1,
      )
      const turned = tf.transpose(joint, [0, 2, 1])
      const first = tf.unstack(turned)[0] as tf.Tensor
      return tf.add(loss(tf.reshape(turned, [net.members, -1])), tf.sum(tf.mean(first, 1)))
    }),
  }),
  'axes that mix members': (net, x) => ({
    value: backward(net.parameters, () => {
      const y = net.forward(x)
      const flat = tf.reshape(y, [net.members * ROWS, 3])
      return tf.add(loss(tf.logSumExp(flat, 0)), loss(tf.concat([y, tf.reverse(y, 0)], 0)))
    }),
  }),
  'statistics that are kept': (net, x) => {
    const hidden = net.hidden(x)
    const mean = tf.mean(hidden, 1, true)
    const select = tf.where(tf.greater(hidden, mean), hidden, tf.zerosLike(hidden))
    net.seen.assign(tf.add(tf.mul(net.seen.value, 0.5), mean))
    return { mean, select }
  },
}

async function runOn(compute: Compute, body: Body, members: number) {
  const net = new Ensemble(members)
  const stream = RandomStream.fromSeed(2)
  const x = float32([...stream.normal(ROWS * WIDTH)], [ROWS, WIDTH])
  const each = float32([...stream.normal(members * ROWS * WIDTH)], [members, ROWS, WIDTH])
  const program = compute.program(
    'ensemble',
    (inputs: { x: HostTensor; each: HostTensor }) => {
      const { x: rows, each: own } = inputs as unknown as Record<'x' | 'each', tf.Tensor>
      return body(net, rows, own)
    },
    { random: RandomStream.fromSeed(3) },
  )
  // Twice: memory that was handed over once is used again.
  await program.run({ x, each })
  net.w0.set(net.w0.data.map((w) => w * 0.9))
  const results = (await program.run({ x, each })) as unknown as Record<string, HostTensor>
  const state = [...net.parameters.map(({ grad }) => grad), net.seen.data]
  return [...Object.values(results).map(({ data }) => data), ...state].map((data) => Array.from(data))
}

describe('ensembles that are computed member by member', () => {
  for (const [what, body] of Object.entries(BODIES)) {
    for (const members of [1, 2, 5]) {
      it(`agree with eager execution: ${what}, ${members} members`, async () => {
        const [split, whole] = [await runOn(onnx, body, members), await runOn(eager, body, members)]
        for (const [i, values] of whole.entries()) {
          const scale = Math.max(1e-3, ...values.map(Math.abs))
          const worst = Math.max(...values.map((value, j) => Math.abs(value - (split[i]?.[j] ?? Number.NaN))))
          expect(worst).toBeLessThan(2e-5 * scale)
        }
      })
    }
  }

  it('have products of matrices, with bias and activation behind them, and no copy of a weight', () => {
    const graph = graphOf(new Ensemble(2))
    const types = graph.nodes.map(({ type }) => type)
    expect(types).not.toContain('FusedMatMul')
    for (const copy of ['Concat', 'Expand', 'Gather', 'Slice', 'Split']) expect(types).not.toContain(copy)
    expect(types.filter((type) => type === 'Gemm').length).toBeGreaterThanOrEqual(8)
    const weights = graph.inputs
      .filter(({ name }) => name.startsWith('param:'))
      .map(({ shape }) => shape.join())
    expect(weights.filter((shape) => shape === `${WIDTH},${WIDTH}`)).toHaveLength(2)
    expect(weights).not.toContain(`2,${WIDTH},${WIDTH}`)
  })

  it('stay whole where they are small or many', () => {
    for (const net of [new Ensemble(2, 16), new Ensemble(17)]) {
      const trace = traceOf(net)
      expect(splitEnsembles(trace)).toBe(trace)
    }
  })
})

function traceOf(net: Ensemble) {
  const width = net.w0.shape[1]!
  const x = { dtype: 'float32' as const, shape: [ROWS, width] }
  return traceFunction(
    'ensemble',
    (inputs) => BODIES['the least member']!(net, (inputs as { x: tf.Tensor }).x, tf.scalar(0)),
    { x },
  )
}

function graphOf(net: Ensemble) {
  const trace = splitEnsembles(traceOf(net))
  return compileTrace('ensemble', trace, [{ dtype: 'float32', shape: [ROWS, net.w0.shape[1]!] }]).graph
}
