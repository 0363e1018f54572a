import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { defaultsOf } from '../../../ding/config/index.js'
import { type Model, type ModelInput, splitMask } from '../../../ding/model/index.js'
import { BatchNorm1d, Module } from '../../../ding/nn/index.js'
import { CQNPolicy, DQNPolicy } from '../../../ding/policy/index.js'
import { batchOf, network, policyOptions } from './support.js'

/** Two action values: the normalised observation and its negative. */
class Normalised extends Module implements Model {
  readonly norm = new BatchNorm1d(1)

  forward(inputs: ModelInput) {
    const x = this.norm.forward(tf.reshape(splitMask(inputs, false).obs as tf.Tensor, [-1, 1]))
    return { logit: tf.concat([x, tf.neg(x)], 1) }
  }
}

// Observations have the mean 2, the next ones 10; each look moves the running mean by a tenth of the way.
const rows = [
  { obs: 1, action: 0, reward: 0, next: 8 },
  { obs: 3, action: 1, reward: 0, next: 12 },
]
const after = (first: number, second: number) => 0.9 * (0.1 * first) + 0.1 * second

const double = { model: {}, double: true }

test.each([
  [
    'dqn looks at obs, then at next_obs, as DI-engine',
    async () =>
      new DQNPolicy({ ...defaultsOf(DQNPolicy.config), ...double }, await policyOptions(new Normalised())),
    after(2, 10),
  ],
  [
    'cqn looks at next_obs, then at obs, as AgileRL',
    async () =>
      new CQNPolicy({ ...defaultsOf(CQNPolicy.config), ...double }, await policyOptions(new Normalised())),
    after(10, 2),
  ],
] as const)('%s', async (_name, build, expected) => {
  const { learn_mode } = await build()
  await learn_mode.forward(batchOf(rows))
  expect(network(learn_mode.state_dict(), 'model')['norm.running_mean']?.data[0]).toBeCloseTo(expected, 6)
})
