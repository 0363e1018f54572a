import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { defaultsOf } from '../../../ding/config/index.js'
import type { Batch } from '../../../ding/data/index.js'
import { Box, Discrete } from '../../../ding/envs/index.js'
import { type BCConfig, BCPolicy, bcPolicyConfig, type LearnOutput } from '../../../ding/policy/index.js'
import { POLICY_REGISTRY } from '../../../ding/registry/index.js'
import { ConfigError, UsageError } from '../../../ding/utils/index.js'
import { f32, i32, logSumExp, mean, policyOptions, Table } from './support.js'

function config(more: Partial<BCConfig> = {}, learn: Partial<BCConfig['learn']> = {}): BCConfig {
  const defaults = defaultsOf(bcPolicyConfig)
  return { ...defaults, model: {}, ...more, learn: { ...defaults.learn, ...learn } }
}

const values = [1, 2, -1, 0.5, 0, 3]
const q = (row: number) => values.slice(3 * row, 3 * row + 3)
const discrete: Batch = { obs: f32([0, 1]), action: i32([1, 0]) }

const random = RandomStream.fromSeed(5)
const obs = f32([...random.normal(12)], [4, 3])
const continuous: Batch = { obs, action: f32([-0.5, 0.2, 0.9, -1, 0.1, 0.1, 1, 0], [4, 2]) }
const model = { obs_shape: 3, action_shape: 2, actor_head_hidden_size: 16 }

const continuous1 = (i: number) => (continuous['action'] as { data: Float32Array }).data[2 * i + 1] as number

describe('bc', () => {
  it("has DI-engine's defaults", () => {
    const cfg = defaultsOf(bcPolicyConfig)
    expect(cfg).toMatchObject({ continuous: false, on_policy: false })
    expect(cfg.learn).toMatchObject({
      batch_size: 32,
      learning_rate: 1e-5,
      optimizer: 'SGD',
      momentum: 0.9,
      weight_decay: 1e-4,
      ce_label_smooth: false,
      tanh_mask: false,
    })
    expect(POLICY_REGISTRY.get('bc')).toBe(BCPolicy)
  })

  it('refuses labels that the model does not have', async () => {
    const policy = new BCPolicy(
      config({ model: { action_shape: 3 } }),
      await policyOptions(new Table([2, 3], values)),
    )
    const learned = (labels: number[]) => policy.learn_mode.forward({ obs: f32([0, 1]), action: i32(labels) })
    await learned([0, 2])
    await expect(learned([0, -1])).rejects.toThrow(/has the action -1, .* from 0 to 2/)
    await expect(learned([3, 0])).rejects.toThrow(UsageError)
  })

  it.each([false, true])(
    'discrete: cross-entropy worked out by hand, smooth labels %s',
    async (ce_label_smooth) => {
      const policy = new BCPolicy(
        config({}, { ce_label_smooth }),
        await policyOptions(new Table([2, 3], values)),
      )
      const out = (await policy.learn_mode.forward(discrete)) as LearnOutput
      const loss = [0, 1].map((row) => {
        const label = row === 0 ? 1 : 0
        const logp = q(row).map((v) => v - logSumExp(q(row)))
        const share = (a: number) => (ce_label_smooth ? (a === label ? 0.9 : 0.05) : Number(a === label))
        return -logp.reduce((sum, lp, a) => sum + share(a) * lp, 0)
      })
      expect(out['total_loss']).toBeCloseTo(mean(loss), 5)
      expect(out['accuracy']).toBe(0.5)
    },
  )

  it('discrete: learns the actions of the data, and acts by them', async () => {
    const cfg = config(
      { model: { obs_shape: 3, action_shape: 2, encoder_hidden_size_list: [16] } },
      { optimizer: 'Adam', learning_rate: 0.01 },
    )
    const policy = new BCPolicy(cfg, await policyOptions())
    const labels = [0, 1, 1, 0]
    let out: LearnOutput = {}
    for (let i = 0; i < 150; i++)
      out = (await policy.learn_mode.forward({ obs, action: i32(labels) })) as LearnOutput
    expect(out['accuracy']).toBe(1)
    const rows = Object.fromEntries(labels.map((_, i) => [i, obs.data.slice(3 * i, 3 * i + 3)]))
    const acted = await policy.eval_mode.forward(rows)
    expect(labels.map((_, i) => acted[i]?.action)).toEqual(labels)
    const collected = await policy.collect_mode.forward(rows)
    expect(labels.map((_, i) => collected[i]?.action)).toEqual(labels)
  })

  it.each(['mse_loss', 'l1_loss'] as const)('continuous: %s of the bounded action', async (loss_type) => {
    const policy = new BCPolicy(config({ continuous: true, loss_type, model }), await policyOptions())
    const rows = Object.fromEntries([0, 1, 2, 3].map((i) => [i, obs.data.slice(3 * i, 3 * i + 3)]))
    const acted = await policy.eval_mode.forward(rows)
    const predicted = [0, 1, 2, 3].flatMap((i) => [...(acted[i]!.action as Float32Array)])
    const errors = predicted.map((p, i) => p - (continuous['action'] as { data: Float32Array }).data[i]!)
    const out = (await policy.learn_mode.forward(continuous)) as LearnOutput
    const sizes = errors.map((e) => (loss_type === 'mse_loss' ? e * e : Math.abs(e)))
    expect(out['total_loss']).toBeCloseTo(mean(sizes), 5)
    expect(out['mean_abs_error']).toBeCloseTo(mean(errors.map(Math.abs)), 5)
  })

  it('continuous: the likelihood of a tanh-normal distribution, finite at the bounds', async () => {
    const cfg = config(
      { continuous: true, loss_type: 'nll_loss', model: { ...model, action_space: 'reparameterization' } },
      { optimizer: 'Adam', learning_rate: 0.003, weight_decay: null },
    )
    const policy = new BCPolicy(cfg, await policyOptions())
    const first = (await policy.learn_mode.forward(continuous)) as LearnOutput
    expect(Number.isFinite(first['total_loss'])).toBe(true)
    let last = first
    for (let i = 0; i < 300; i++) last = (await policy.learn_mode.forward(continuous)) as LearnOutput
    expect(last['total_loss']).toBeLessThan((first['total_loss'] as number) - 1)
    expect(last['mean_abs_error']).toBeLessThan(first['mean_abs_error'] as number)
    expect(() => new BCPolicy({ ...cfg, model }, {} as never)).toThrow(ConfigError)
  })

  it('continuous: leaves predictions beyond tanh(1) out if told to', async () => {
    const policy = new BCPolicy(
      config({ continuous: true, model }, { tanh_mask: true }),
      await policyOptions(),
    )
    const output = (policy as unknown as { model: { head: { last: { bias: { data: Float32Array } } } } })
      .model
    output.head.last.bias.data.set([9, 0])
    const out = (await policy.learn_mode.forward(continuous)) as LearnOutput
    const acted = await policy.eval_mode.forward(
      Object.fromEntries([0, 1, 2, 3].map((i) => [i, obs.data.slice(3 * i, 3 * i + 3)])),
    )
    const inner = [0, 1, 2, 3].map((i) => Number((acted[i]!.action as Float32Array)[1]) - continuous1(i))
    // One update at a learning rate of 1e-5 lies between the loss and these predictions.
    expect(out['total_loss']).toBeCloseTo(mean(inner.map((e) => e * e)), 3)
  })

  it.each([
    ['a quarter', [0, 9, 9, 9], 0],
    // Then all of them count.
    ['less than a fifth', [0, 9, 9, 9, 9, 9], 5 / 6],
  ])('continuous: tanh_mask with %s of the predictions within tanh(1)', async (_share, outputs, loss) => {
    const n = outputs.length
    const cfg = config({ continuous: true, model: { ...model, action_shape: n } }, { tanh_mask: true })
    const policy = new BCPolicy(cfg, await policyOptions())
    const { last } = (
      policy as unknown as { model: { head: { last: Record<string, { data: Float32Array }> } } }
    ).model.head
    last['weight']?.data.fill(0)
    last['bias']?.data.set(outputs)
    // The data's actions are 0: predictions of 0 have no error, those beyond tanh(1) one of 1.
    const out = await policy.learn_mode.forward({ obs, action: f32(Array<number>(4 * n).fill(0), [4, n]) })
    expect((out as LearnOutput)['total_loss']).toBeCloseTo(loss, 5)
  })

  it('continuous: adds noise when collecting if told to', async () => {
    const make = async (noise: boolean) => {
      const cfg = config({ continuous: true, model })
      return new BCPolicy({ ...cfg, collect: { ...cfg.collect, noise } }, await policyOptions())
    }
    const data = { 0: obs.data.slice(0, 3) }
    const action = async (policy: BCPolicy, mode: 'eval_mode' | 'collect_mode') =>
      (await policy[mode].forward(data))[0]?.action as Float32Array
    const quiet = await make(false)
    expect(await action(quiet, 'collect_mode')).toEqual(await action(quiet, 'eval_mode'))
    const noisy = await make(true)
    expect(await action(noisy, 'collect_mode')).not.toEqual(await action(noisy, 'eval_mode'))
  })

  it('refuses environments with actions of the other kind, and pieces of trajectories', async () => {
    const policy = new BCPolicy(config({ continuous: true, model }), await policyOptions())
    const space = new Box(-1, 1, [3])
    expect(() => policy.checkSpaces(space, new Discrete(2))).toThrow(/policy.continuous/)
    policy.checkSpaces(space, new Box(-1, 1, [2]))
    expect(() => policy.checkSpaces(space, new Box(-2, 2, [2]))).toThrow(/acts in \[-1, 1\].*act_scale/)
    expect(policy.actionBound).toBe(1)
    const pieces = config({ model })
    pieces.collect.unroll_len = 4
    expect(() => new BCPolicy(pieces, {} as never)).toThrow(/unroll_len/)
  })

  it('goes on bit for bit from its state', async () => {
    const cfg = config({ continuous: true, model })
    const make = async (seed: number) => new BCPolicy(cfg, await policyOptions(undefined, seed)).learn_mode
    const [a, b] = [await make(0), await make(1)]
    for (let i = 0; i < 2; i++) await a.forward(continuous)
    b.load_state_dict(structuredClone(a.state_dict()))
    for (const learn of [a, b]) await learn.forward(continuous)
    expect(b.state_dict()).toEqual(a.state_dict())
  })
})
