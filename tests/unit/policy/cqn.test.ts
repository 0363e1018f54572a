import { describe, expect, it } from 'vitest'
import { defaultsOf } from '../../../ding/config/index.js'
import { type CQNConfig, CQNPolicy, cqnPolicyConfig, type LearnOutput } from '../../../ding/policy/index.js'
import { POLICY_REGISTRY } from '../../../ding/registry/index.js'
import { CheckpointError, ConfigError } from '../../../ding/utils/index.js'
import { batchOf, f32, logSumExp, mean, network, policyOptions, Table } from './support.js'

type Learn = Partial<CQNConfig['learn']>

function config(learn: Learn = {}, more: Partial<CQNConfig> = {}): CQNConfig {
  const defaults = defaultsOf(cqnPolicyConfig)
  return { ...defaults, model: {}, ...more, learn: { ...defaults.learn, ...learn } }
}

const values = [1, 2, -0.5, 0.5, 0, 3, 2, -1, 1]
const table = () => new Table([3, 3], values)
const q = (row: number) => values.slice(3 * row, 3 * row + 3)

/** A policy whose target network holds other values than the online one. */
async function policyWithTarget(cfg: CQNConfig, target: readonly number[]) {
  const policy = new CQNPolicy(cfg, await policyOptions(table()))
  const learn = policy.learn_mode
  learn.load_state_dict({ ...learn.state_dict(), target_model: { table: f32(target, [3, 3]) } })
  return { policy, learn }
}

const rows = [
  { obs: 0, action: 1, reward: 1, next: 1 },
  { obs: 2, action: 0, reward: -1, next: 0, done: true },
]
const target = [0, 1, 2, 5, 4, 1, 0, 0, 0]

describe('cqn', () => {
  it('has the defaults of AgileRL', () => {
    const cfg = defaultsOf(cqnPolicyConfig)
    expect(cfg).toMatchObject({ discount_factor: 0.99, double: false, nstep: 1 })
    expect(cfg.learn).toMatchObject({
      batch_size: 64,
      learning_rate: 1e-4,
      target_update_freq: null,
      target_theta: 1e-3,
      grad_clip_type: 'clip_norm',
      grad_clip_value: 1,
      cql_alpha: 1,
      td_weight: 0.5,
      conservative_term: 'dataset',
      update_per_collect: 1,
    })
    expect(cfg.collect.n_sample).toBe(5)
    expect(POLICY_REGISTRY.get('cqn')).toBe(CQNPolicy)
    expect(POLICY_REGISTRY.get('cqn_command')).toBe(CQNPolicy)
  })

  it.each([
    ['dataset', false, 5],
    ['mean', false, 5],
    // The online network prefers the third action of row 1; the target values it at 1.
    ['dataset', true, 1],
    ['mean', true, 1],
  ] as const)(
    'has the loss worked out by hand: %s term, double %s',
    async (conservative_term, double, nextValue) => {
      const { learn } = await policyWithTarget(
        config({ conservative_term, cql_alpha: 2, td_weight: 0.25 }, { double }),
        target,
      )
      const out = (await learn.forward(batchOf(rows))) as LearnOutput
      const taken = [q(0)[1]!, q(2)[0]!]
      const held = conservative_term === 'dataset' ? mean(taken) : mean([...q(0), ...q(2)])
      const conservative = mean([logSumExp(q(0)), logSumExp(q(2))]) - held
      const errors = [taken[0]! - (1 + 0.99 * nextValue), taken[1]! - -1].map((e) => e * e)
      expect(out['conservative_loss']).toBeCloseTo(conservative, 5)
      expect(out['td_loss']).toBeCloseTo(mean(errors), 4)
      expect(out['total_loss']).toBeCloseTo(2 * conservative + 0.25 * mean(errors), 4)
      expect([...(out['priority'] as Float32Array)].map((p, i) => p - errors[i]!)).toEqual([
        expect.closeTo(0, 4),
        expect.closeTo(0, 4),
      ])
    },
  )

  it('pulls up the action of the data with the dataset term, and only evens out with the mean term', async () => {
    const gradients = async (conservative_term: 'dataset' | 'mean') => {
      const model = table()
      const cfg = config({ conservative_term, td_weight: 0, grad_clip_type: null })
      const learn = new CQNPolicy(cfg, await policyOptions(model)).learn_mode
      await learn.forward(batchOf([{ obs: 0, action: 0, reward: 0, next: 1 }]))
      return [...model.table.grad.subarray(0, 3)]
    }
    const exps = q(0).map(Math.exp)
    const softmax = exps.map((e) => e / exps.reduce((a, b) => a + b, 0))
    const [dataset, evened] = [await gradients('dataset'), await gradients('mean')]
    softmax.forEach((p, a) => {
      expect(dataset[a]).toBeCloseTo(p - (a === 0 ? 1 : 0), 5)
      expect(evened[a]).toBeCloseTo(p - 1 / 3, 5)
    })
    // Against the gradient: the data's action goes up, all others down; the mean term lowers the largest value alone.
    expect(dataset.map(Math.sign)).toEqual([-1, 1, 1])
    expect(evened.map(Math.sign)).toEqual([-1, 1, -1])
  })

  it('clips the gradients to norm 1 and updates the target by tau after every update', async () => {
    const cfg = config({ learning_rate: 0.5, target_theta: 0.25 })
    const { learn } = await policyWithTarget(cfg, target)
    await learn.forward(batchOf([{ obs: 0, action: 1, reward: 100, next: 1 }]))
    const state = learn.state_dict()
    const online = network(state, 'model')['table']!.data
    const moved = network(state, 'target_model')['table']!.data
    online.forEach((value, i) => {
      expect(moved[i]).toBeCloseTo(0.75 * target[i]! + 0.25 * value, 5)
    })
    // Adam's first step is lr in the gradient's direction; untouched rows stay.
    expect(online[1]).toBeCloseTo(2.5, 4)
    expect([...online.subarray(3)]).toEqual(values.slice(3))
    const moments = network(state['optimizer'], 'state')['table'] as unknown as {
      exp_avg: { data: Float32Array }
    }
    const norm = Math.hypot(...moments.exp_avg.data) / 0.1
    expect(norm).toBeCloseTo(1, 4)
  })

  it('bootstraps through n steps and takes columns of shape [B, 1]', async () => {
    const batch = batchOf(rows)
    const flat = (await (await policyWithTarget(config(), target)).learn.forward(batch)) as LearnOutput
    const column = <T extends { shape: readonly number[] }>(tensor: T): T => ({ ...tensor, shape: [2, 1] })
    const columns = Object.fromEntries(
      Object.entries(batch).map(([key, value]) => [key, column(value as never)]),
    )
    const same = (await (
      await policyWithTarget(config(), target)
    ).learn.forward(columns as typeof batch)) as LearnOutput
    expect(same['total_loss']).toBe(flat['total_loss'])
    const steps = { ...batch, reward: f32([1, 2, 3, 4], [2, 2]) }
    const out = (await (
      await policyWithTarget(config({}, { nstep: 2 }), target)
    ).learn.forward(steps)) as LearnOutput
    const errors = [2 - (1 + 0.99 * 2 + 0.99 ** 2 * 5), 2 - (3 + 0.99 * 4)].map((e) => e * e)
    expect(out['td_loss']).toBeCloseTo(mean(errors), 3)
  })

  it('never chooses or values an illegal action', async () => {
    const { policy, learn } = await policyWithTarget(config(), target)
    const mask = (...m: number[]) => ({
      dtype: 'uint8' as const,
      shape: [2, 3],
      data: Uint8Array.from([...m, ...m]),
    })
    const batch = batchOf(rows)
    const out = (await learn.forward({
      ...batch,
      obs: { observation: batch['obs']!, action_mask: mask(1, 1, 0) },
      next_obs: { observation: batch['next_obs']!, action_mask: mask(0, 1, 1) },
    })) as LearnOutput
    // Of row 1 the target values 5, 4, 1, and the first is illegal.
    const errors = [2 - (1 + 0.99 * 4), 2 - -1].map((e) => e * e)
    expect(out['td_loss']).toBeCloseTo(mean(errors), 4)
    const legal = mean([logSumExp(q(0).slice(0, 2)), logSumExp(q(2).slice(0, 2))]) - mean([2, 2])
    expect(out['conservative_loss']).toBeCloseTo(legal, 5)
    const obs = { observation: Float32Array.of(1), action_mask: Uint8Array.of(1, 1, 0) }
    expect((await policy.eval_mode.forward({ 4: obs }))[4]?.action).toBe(0)
    for (let i = 0; i < 20; i++) {
      const acted = await policy.collect_mode.forward({ 0: obs, 1: obs }, { eps: 1 })
      for (const id of [0, 1]) expect([0, 1]).toContain(acted[id]?.action)
    }
  })

  it('goes on bit for bit from its state, and refuses one of another policy', async () => {
    const cfg = config(
      {},
      {
        model: {
          obs_shape: 1,
          action_shape: 3,
          net_config: { latent_dim: 8, encoder_config: { hidden_size: [8] } },
        },
      },
    )
    const fresh = async (seed: number) => new CQNPolicy(cfg, await policyOptions(undefined, seed)).learn_mode
    const [a, b] = [await fresh(0), await fresh(1)]
    for (let i = 0; i < 3; i++) await a.forward(batchOf(rows))
    b.load_state_dict(structuredClone(a.state_dict()))
    for (const learn of [a, b]) for (let i = 0; i < 3; i++) await learn.forward(batchOf(rows))
    expect(b.state_dict()).toEqual(a.state_dict())
    const { updates: _updates, ...rest } = a.state_dict()
    expect(() => b.load_state_dict(rest)).toThrow(CheckpointError)
  })

  it('learns with the learn field alone, and explores by the schedule', async () => {
    const options = await policyOptions(table())
    const offline = new CQNPolicy(config(), { ...options, enable_field: ['learn', 'eval'] })
    expect(offline.learn_mode.monitor_vars()).toEqual([
      'cur_lr',
      'total_loss',
      'q_value',
      'target_q_value',
      'td_loss',
      'conservative_loss',
    ])
    expect(() => offline.collect_mode).toThrow(ConfigError)
    const online = new CQNPolicy(config(), await policyOptions(table()))
    expect(online.command_mode.get_setting_collect({ env_step: 0, train_iter: 0 })['eps']).toBeCloseTo(
      0.95,
      9,
    )
  })
})
