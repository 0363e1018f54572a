import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { backward, createCompute, RandomStream } from '../../../ding/compute/index.js'
import { type ActorCriticModel, createModel, type ModelInput } from '../../../ding/model/index.js'
import { GsdeHead } from '../../../ding/nn/index.js'
import { f32, maxDiff } from '../nn/run.js'

const noise = RandomStream.fromSeed(2)
const obs = f32([...noise.normal(20)], [4, 5])
const action = f32([...noise.normal(8)], [4, 2])

function modelOf(cfg: Record<string, unknown> = {}): ActorCriticModel {
  return createModel(
    { type: 'continuous_qac', obs_shape: 5, action_shape: 2, ...cfg },
    { random: RandomStream.fromSeed(4) },
  ) as ActorCriticModel
}

const shapes = (model: ActorCriticModel) =>
  Object.fromEntries(model.namedParameters().map(([name, { shape }]) => [name, shape.join()]))

async function run<T>(fn: (inputs: { obs: ModelInput; action: tf.Tensor }) => T, input: unknown = obs) {
  const compute = await createCompute({ runtime: 'eager' })
  const out = await compute.program('test', fn).run({ obs: input, action } as never)
  await compute.dispose()
  return out
}

interface Values {
  readonly shape: number[]
  readonly data: Float32Array
}

interface Answers {
  readonly actor: { readonly action: Values; readonly logit: Record<'mu' | 'sigma' | 'log_sigma', Values> }
  readonly critic: { readonly q_value: Values }
  readonly first: { readonly q_value: Values }
  readonly some: { readonly q_value: Values }
}

describe('continuous_qac', () => {
  it("has DI-engine's layers and the names that its doc maps to SB3's", () => {
    expect(shapes(modelOf({ twin_critic: true }))).toEqual({
      'actor.trunk.0.weight': '64,5',
      'actor.trunk.0.bias': '64',
      'actor.trunk.2.weight': '64,64',
      'actor.trunk.2.bias': '64',
      'actor.last.weight': '2,64',
      'actor.last.bias': '2',
      'critic.q.0.weight': '2,7,64',
      'critic.q.0.bias': '2,1,64',
      'critic.q.2.weight': '2,64,64',
      'critic.q.2.bias': '2,1,64',
      'critic.q.4.weight': '2,64,1',
      'critic.q.4.bias': '2,1,1',
    })
    const sde = shapes(modelOf({ action_space: 'reparameterization', use_sde: true, net_arch: [6] }))
    expect(sde).toMatchObject({
      'actor.head.log_std': '6,2',
      'actor.head.mu.weight': '2,6',
      'actor.head.noise': '6,2',
    })
    const wide = shapes(
      modelOf({ net_arch: { pi: [3], qf: [4, 9] }, n_critics: 5, action_space: 'reparameterization' }),
    )
    expect(wide).toMatchObject({ 'actor.head.log_sigma_layer.weight': '2,3', 'critic.q.2.weight': '5,4,9' })
    expect(
      shapes(modelOf({ actor_head_layer_num: 2, critic_head_layer_num: 0, actor_head_hidden_size: 8 })),
    ).toMatchObject({
      'actor.trunk.4.weight': '8,8',
      'critic.q.2.weight': '1,64,1',
    })
  })

  it('answers by mode: bounded actions, a distribution, a row of values a critic', async () => {
    const model = modelOf({ action_space: 'reparameterization', n_critics: 3, net_arch: [6] })
    const out = await run((inputs) => ({
      actor: model.forward(inputs.obs, { mode: 'compute_actor' }),
      critic: model.forward(inputs, { mode: 'compute_critic' }),
      first: model.forward(inputs, { mode: 'compute_critic', members: 1 }),
      some: model.forward(inputs, { mode: 'compute_critic', members: tf.tensor1d([2, 0], 'int32') }),
    }))
    const { actor, critic, first, some } = out as never as Answers
    const { action: mode, logit } = actor
    expect(mode.shape).toEqual([4, 2])
    expect(maxDiff(mode.data, logit.mu.data.map(Math.tanh))).toBeLessThan(1e-6)
    expect(maxDiff(logit.sigma.data, logit.log_sigma.data.map(Math.exp))).toBeLessThan(1e-6)
    const { q_value } = critic
    expect(q_value.shape).toEqual([3, 4])
    const row = (i: number) => Array.from(q_value.data.slice(4 * i, 4 * i + 4))
    expect(Array.from(first.q_value.data)).toEqual(row(0))
    expect(Array.from(some.q_value.data)).toEqual([...row(2), ...row(0)])
    expect(() => model.forward({} as never, { mode: 'compute_both' })).toThrow(
      /compute_actor and compute_critic/,
    )
  })

  it('members of the ensemble are independent networks', async () => {
    const model = modelOf({ twin_critic: true, net_arch: [6] })
    await run((inputs) =>
      backward(model.critic.parameters(), () =>
        tf.mean(
          model.critic.forward({ obs: inputs.obs, action: inputs.action }, { members: 1 })[
            'q_value'
          ] as tf.Tensor,
        ),
      ),
    )
    for (const { grad } of model.critic.parameters()) {
      const half = grad.length / 2
      expect(grad.slice(0, half).some((g) => g !== 0)).toBe(true)
      expect(grad.slice(half).every((g) => g === 0)).toBe(true)
    }
  })

  it('joins the parts of a record in the order of obs_shape', async () => {
    const parts = { goal: f32([1, 2], [1, 2]), observation: f32([3], [1, 1]) }
    const model = modelOf({ obs_shape: { observation: 1, goal: 2 }, net_arch: [] })
    model.actor.outputLayers[0]?.weight.set([1, 0, 0, 0, 1, 0])
    model.actor.outputLayers[0]?.bias?.set([0, 0])
    const compute = await createCompute({ runtime: 'eager' })
    const out = await compute
      .program(
        'record',
        (inputs: { obs: ModelInput }) => model.actor.forward(inputs.obs)['action'] as tf.Tensor,
      )
      .run({ obs: parts })
    await compute.dispose()
    expect(Array.from(out.data)).toEqual([Math.fround(Math.tanh(3)), Math.fround(Math.tanh(1))])
  })

  it.each([
    [{ use_sde: true }, /action_space/],
    [{ net_arch: { pi: [3] } }, /net_arch/],
    [{ obs_shape: { one_hot: 3 } }, /not a vector/],
  ])('refuses %j', (cfg, words) => {
    expect(() => modelOf(cfg)).toThrow(words)
  })
})

describe('the gSDE head', () => {
  const features = f32([0.5, -1, 2, 0.25], [2, 2])
  const head = (options: object) =>
    new GsdeHead(2, 1, RandomStream.fromSeed(1), { log_std_init: 0.5, ...options })

  async function logitOf(of: GsdeHead, exploration?: readonly number[]) {
    const compute = await createCompute({ runtime: 'eager' })
    const out = await compute
      .program('head', (inputs: { x: tf.Tensor; e?: tf.Tensor }) => of.forward(inputs.x, inputs.e))
      .run({ x: features, ...(exploration && { e: f32([...exploration], [2, 2]) }) })
    await compute.dispose()
    return out as Record<string, { data: Float32Array }>
  }

  it('has variance features^2 std^2 and noise linear in the features', async () => {
    const of = head({})
    of.noise.set([2, -1])
    const { sigma, noise: drawn } = await logitOf(of)
    const std = Math.exp(0.5)
    expect(sigma?.data[0]).toBeCloseTo(std * Math.sqrt(0.25 + 1), 4)
    expect(drawn?.data[0]).toBeCloseTo(std * (0.5 * 2 + 1), 4)
    expect(drawn?.data[1]).toBeCloseTo(std * (2 * 2 - 0.25), 4)
  })

  it('takes weights for each row', async () => {
    const { noise: drawn } = await logitOf(head({}), [1, 1, 0, 2])
    expect(Array.from(drawn?.data ?? [])).toEqual([-0.5, 0.5])
  })

  it('expln has the slope of exp where the log standard deviation is 0', async () => {
    const of = head({ use_expln: true, log_std_init: 0 })
    of.noise.set([2, -1])
    for (const runtime of ['eager', 'onnx'] as const) {
      const compute = await createCompute({ runtime })
      await compute
        .program('head', ({ x }: { x: tf.Tensor }) =>
          backward([of.log_std], () => tf.sum(of.forward(x).noise as tf.Tensor)),
        )
        .run({ x: features })
      await compute.dispose()
      // z times the sum of its feature over the rows.
      expect(Array.from(of.log_std.grad)).toEqual([2 * 2.5, -1 * -0.75])
      of.log_std.grad.fill(0)
    }
  })

  it('expln grows slower than exp above 0, and clip_mean bounds mu', async () => {
    const of = head({ use_expln: true, clip_mean: 0.01 })
    of.mu.bias?.set([5])
    const { sigma, mu } = await logitOf(of)
    expect(sigma?.data[0]).toBeCloseTo((Math.log1p(0.5 + 1e-6) + 1) * Math.sqrt(1.25), 4)
    expect(Array.from(mu?.data ?? [])).toEqual([Math.fround(0.01), Math.fround(0.01)])
    const drawn = (of_: GsdeHead) => of_.drawExploration(RandomStream.fromSeed(7))
    expect(
      maxDiff(
        drawn(of),
        RandomStream.fromSeed(7)
          .normal(2)
          .map((z) => z * (Math.log1p(0.5) + 1)),
      ),
    ).toBeLessThan(1e-5)
    expect(
      maxDiff(
        drawn(head({ full_std: false })),
        RandomStream.fromSeed(7)
          .normal(2)
          .map((z) => z * Math.exp(0.5)),
      ),
    ).toBeLessThan(1e-5)
  })
})
