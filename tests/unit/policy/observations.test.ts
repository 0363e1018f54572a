import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Compute, createCompute } from '../../../ding/compute/index.js'
import { valueToState } from '../../../ding/envs/env_state.js'
import type { ObsTensor } from '../../../ding/nn/index.js'
import { shapeObs, stackObs } from '../../../ding/policy/observations.js'
import { UsageError } from '../../../ding/utils/index.js'
import { encodeTransitions } from '../../../ding/worker/collector/trajectory.js'

test.each([Float64Array, Int8Array, Int16Array, Uint8ClampedArray])(
  'arrays that observations are not made of are refused, not read as bytes: %s',
  (Kind) => {
    expect(() => stackObs([Kind.of(1, 2) as never])).toThrow(`Got a ${Kind.name}. `)
    expect(() => stackObs([{ speed: Kind.of(1) } as never])).toThrow('give Float32Array.from(values)')
    expect(() => encodeTransitions([{ obs: Kind.of(1) as never }])).toThrow(UsageError)
    expect(() => valueToState(Kind.of(1) as never)).toThrow(UsageError)
  },
)

let compute: Compute
beforeAll(async () => {
  compute = await createCompute({})
})
afterAll(() => compute.dispose())

/** The shape that a batch of observations gets. */
async function shaped(shape: number[], obs_shape: unknown): Promise<readonly number[]> {
  const program = compute.program('shape', ({ obs }: { obs: tf.Tensor }) => ({
    obs: tf.add(shapeObs(obs, obs_shape) as tf.Tensor, 0),
  }))
  const data = new Uint8Array(shape.reduce((a, b) => a * b, 1))
  return (await program.run({ obs: { dtype: 'uint8', shape, data } })).obs.shape
}

test.each([
  ['flat rows of an image', [2, 12], [3, 2, 2], [2, 3, 2, 2]],
  ['images of a dataset', [2, 3, 2, 2], [3, 2, 2], [2, 3, 2, 2]],
  ['images for a model of vectors', [2, 3, 2, 2], 12, [2, 12]],
  ['vectors', [2, 12], 12, [2, 12]],
  ['sizes that do not fit, for the model to refuse', [2, 11], [3, 2, 2], [2, 11]],
  ['discrete observations', [2], 1, [2]],
  ['one-hot entries', [2, 3], { one_hot: [4, 4, 4] }, [2, 3]],
])('%s', async (_name, shape, obs_shape, expected) => {
  expect(await shaped(shape, obs_shape)).toEqual(expected)
})

test('records, entry by entry; what obs_shape does not name stays', async () => {
  const program = compute.program('record', (inputs: { obs: Record<string, tf.Tensor> }) => {
    const obs = shapeObs(inputs.obs as ObsTensor, { image: [1, 2, 2], state: 3 }) as Record<string, tf.Tensor>
    return { image: tf.add(obs['image'] as tf.Tensor, 0), mask: tf.add(obs['action_mask'] as tf.Tensor, 0) }
  })
  const zeros = (...shape: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  })
  const out = await program.run({ obs: { image: zeros(5, 4), state: zeros(5, 3), action_mask: zeros(5, 6) } })
  expect(out.image.shape).toEqual([5, 1, 2, 2])
  expect(out.mask.shape).toEqual([5, 6])
})
