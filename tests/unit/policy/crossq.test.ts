import { describe, expect, test } from 'vitest'
import { RandomTree } from '../../../ding/compute/index.js'
import { Box, ConfigError, defaultsOf } from '../../../ding/index.js'
import type { CrossQModel } from '../../../ding/model/index.js'
import { createModel } from '../../../ding/model/index.js'
import { type CrossQConfig, CrossQPolicy } from '../../../ding/policy/index.js'
import type { StateTree } from '../../../ding/utils/index.js'
import { continuousBatch, tensorOf, updates } from './continuous.js'
import { policyOptions } from './support.js'

const MODEL = { obs_shape: 3, action_shape: 2, net_arch: { pi: [8, 8], qf: [16, 16] } }

interface Given {
  readonly model?: Record<string, unknown>
  readonly learn?: Record<string, unknown>
  readonly rest?: Record<string, unknown>
  readonly seed?: number
}

async function build({ model, learn, rest, seed = 0 }: Given = {}) {
  const defaults = defaultsOf(CrossQPolicy.config)
  const cfg = {
    ...defaults,
    ...rest,
    model: { action_space: 'reparameterization', ...MODEL, ...model },
    learn: { ...defaults.learn, ent_coef: 'auto', ...learn },
  } as CrossQConfig
  return new CrossQPolicy(cfg, await policyOptions(undefined, seed))
}

const steps = (state: StateTree, layer: string) => tensorOf(state, 'model', `${layer}.steps`)[0]

describe('one update', () => {
  test('actor and alpha learn at every third by default, the critics always', async () => {
    const { learn_mode } = await build()
    const before = learn_mode.state_dict()
    const outputs = await updates(learn_mode, 0, 7)
    expect(outputs.map((out) => out['policy_loss'] !== undefined)).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
      false,
    ])
    const state = learn_mode.state_dict()
    expect((state['optimizer_critic'] as StateTree)['step']).toBe(7)
    expect((state['optimizer_actor'] as StateTree)['step']).toBe(2)
    expect(((state['entropy'] as StateTree)['optimizer'] as StateTree)['step']).toBe(2)
    expect(tensorOf(state, 'model', 'actor.trunk.1.weight')).not.toEqual(
      tensorOf(before, 'model', 'actor.trunk.1.weight'),
    )
    expect(state['target_model']).toBeUndefined()
  })

  test("each layer counts its own network's training passes", async () => {
    const { learn_mode } = await build()
    await updates(learn_mode, 0, 7)
    const state = learn_mode.state_dict()
    expect([0, 3, 6].map((i) => steps(state, `critic.q.${i}`))).toEqual([7, 7, 7])
    expect([0, 3, 6].map((i) => steps(state, `actor.trunk.${i}`))).toEqual([2, 2, 2])
  })

  test('the statistics of the critics are of (s, a) and the next (s, a) together, and move once', async () => {
    const policy = await build({ learn: { actor_update_freq: 1 }, model: { batch_norm_momentum: 1 } })
    const batch = continuousBatch(0)
    await policy.learn_mode.forward(batch)
    const mean = tensorOf(policy.learn_mode.state_dict(), 'model', 'critic.q.0.ra_mean')
    const columnOf = (tensor: { data: ArrayLike<number> }) =>
      Array.from({ length: 8 }, (_, i) => tensor.data[i * 3] as number)
    const rows = [...columnOf(batch['obs'] as never), ...columnOf(batch['next_obs'] as never)]
    const expected = rows.reduce((a, b) => a + b, 0) / 16
    expect(mean[0]).toBeCloseTo(expected, 6)
    // The second critic sees the same input.
    expect(mean[5]).toBeCloseTo(expected, 6)
  })

  test('collecting and evaluating go by the running statistics and leave them', async () => {
    const policy = await build()
    await updates(policy.learn_mode, 0, 3)
    const before = policy.learn_mode.state_dict()
    const obs = { 0: Float32Array.of(0.1, 0.2, 0.3), 3: Float32Array.of(1, 2, 3) }
    const first = await policy.eval_mode.forward(obs)
    const again = await policy.eval_mode.forward({ 3: obs[3] })
    expect(again[3]?.action).toEqual(first[3]?.action)
    const collected = await policy.collect_mode.forward({ 0: obs[0] })
    for (const value of (collected[0]?.action ?? [2]) as Float32Array)
      expect(Math.abs(value)).toBeLessThanOrEqual(1)
    expect(policy.learn_mode.state_dict()).toEqual(before)
  })

  test('past the warm-up the update differs from plain batch normalisation', async () => {
    const lossesWith = async (renorm_warmup_steps: number) => {
      const { learn_mode } = await build({ model: { renorm_warmup_steps } })
      return (await updates(learn_mode, 0, 3)).map((out) => out['critic_loss'])
    }
    const [late, early] = [await lossesWith(100), await lossesWith(0)]
    expect(early[0]).toBe(late[0])
    expect(early[1]).not.toBe(late[1])
  })

  test('a fixed coefficient stays, an automatic one starts where it is told', async () => {
    const alphas = async (ent_coef: unknown) => {
      const { learn_mode } = await build({ learn: { ent_coef, actor_update_freq: 1 } })
      return (await updates(learn_mode, 0, 2)).map((out) => out['alpha'] as number)
    }
    expect((await alphas(0.25)).map((alpha) => Math.round(alpha * 1e6) / 1e6)).toEqual([0.25, 0.25])
    const [first, second] = await alphas('auto_0.1')
    expect(first).toBeCloseTo(0.1, 6)
    expect(second).not.toBeCloseTo(0.1, 6)
  })

  test('n-step batches, weights and gSDE run', async () => {
    const plain = continuousBatch(1)
    const rows = 8
    const two = { dtype: 'float32' as const, shape: [rows, 2], data: new Float32Array(rows * 2).fill(0.5) }
    const gamma = { dtype: 'float32' as const, shape: [rows], data: new Float32Array(rows).fill(0.98) }
    const nstep = await build({ rest: { nstep: 2 } })
    const out = [await nstep.learn_mode.forward({ ...plain, reward: two, value_gamma: gamma })].flat()[0]
    expect(Number.isFinite(out?.['critic_loss'])).toBe(true)
    const sde = await build({ model: { use_sde: true }, learn: { actor_update_freq: 1 } })
    const state = sde.learn_mode.state_dict()
    const [first] = await updates(sde.learn_mode, 0, 1)
    expect(Number.isFinite(first?.['policy_loss'])).toBe(true)
    // The noise of the update is drawn anew, and log_std learns.
    const later = sde.learn_mode.state_dict()
    for (const name of ['actor.head.noise', 'actor.head.log_std'])
      expect(tensorOf(later, 'model', name)).not.toEqual(tensorOf(state, 'model', name))
  })
})

describe('saved state', () => {
  test('goes on bit for bit, with the counters of the warm-up', async () => {
    // The corrections set in at the fourth update: a lost counter would show.
    const given: Given = { model: { renorm_warmup_steps: 3 }, learn: { actor_update_freq: 2 } }
    const options = await policyOptions(undefined, 1)
    const cfg = (await build(given)).cfg
    const whole = new CrossQPolicy(cfg, options)
    await updates(whole.learn_mode, 0, 3)
    const random = structuredClone(options.random.state_dict())
    const saved = structuredClone(whole.learn_mode.state_dict())
    const other = await policyOptions(undefined, 2)
    other.random.load_state_dict(random)
    const resumed = new CrossQPolicy(cfg, other)
    resumed.learn_mode.load_state_dict(saved)
    expect(resumed.learn_mode.state_dict()).toEqual(whole.learn_mode.state_dict())
    const rest = await updates(whole.learn_mode, 3, 8)
    expect(await updates(resumed.learn_mode, 3, 8)).toEqual(rest)
    expect(resumed.learn_mode.state_dict()).toEqual(whole.learn_mode.state_dict())
    expect(steps(resumed.learn_mode.state_dict(), 'critic.q.0')).toBe(8)
  })
})

describe('settings', () => {
  test('the defaults are those of SB3-contrib', () => {
    const { learn, random_collect_size, other } = defaultsOf(CrossQPolicy.config)
    expect(learn.optimizer_betas).toEqual([0.5, 0.999])
    expect([learn.learning_rate_q, learn.learning_rate_policy, learn.learning_rate_alpha]).toEqual([
      1e-3, 1e-3, 1e-3,
    ])
    expect([learn.batch_size, learn.discount_factor, learn.actor_update_freq, random_collect_size]).toEqual([
      256, 0.99, 3, 100,
    ])
    expect(other.replay_buffer.replay_buffer_size).toBe(1_000_000)
    const model = createModel(
      { type: 'crossq', obs_shape: 17, action_shape: 6 },
      { random: RandomTree.fromSeed(0).stream('m') },
    ) as CrossQModel
    const shapes = Object.fromEntries(model.namedParameters().map(([name, { shape }]) => [name, [...shape]]))
    expect(shapes['critic.q.4.weight']).toEqual([2, 1024, 1024])
    expect(shapes['actor.trunk.4.weight']).toEqual([256, 256])
    expect(shapes['critic.q.0.scale']).toEqual([2, 1, 23])
    expect(shapes['critic.q.6.steps']).toEqual([1])
  })

  test('the optimizer can be AdamW with weight decay', async () => {
    const biases = async (learn: Record<string, unknown>) => {
      const { learn_mode } = await build({
        learn: { learning_rate_policy: 0, learning_rate_q: 0.01, ...learn },
      })
      await updates(learn_mode, 0, 1)
      const state = learn_mode.state_dict()
      return {
        kind: (state['optimizer_critic'] as StateTree)['optimizer'],
        scale: tensorOf(state, 'model', 'critic.q.0.scale')[0] as number,
      }
    }
    const [plain, decayed] = [await biases({}), await biases({ optimizer_type: 'adamw', weight_decay: 0.5 })]
    expect([plain.kind, decayed.kind]).toEqual(['Adam', 'AdamW'])
    // AdamW first shrinks by lr * weight_decay.
    expect(decayed.scale).toBeCloseTo(plain.scale - 0.005, 6)
  })

  test('without batch_norm there is none', () => {
    const model = createModel(
      { type: 'crossq', ...MODEL, batch_norm: false },
      { random: RandomTree.fromSeed(0).stream('m') },
    )
    expect(model.buffers()).toEqual([])
  })

  test('a model without the joint pass and a wrong space are errors with their path', async () => {
    const policy = await build({
      model: { type: 'continuous_qac', net_arch: [8], action_space: 'reparameterization' },
    })
    await expect(policy.learn_mode.forward(continuousBatch(0))).rejects.toThrow(/policy\.model\.type/)
    const other = await build()
    expect(() => other.checkSpaces(new Box(-9, 9, [3]), new Box(-2, 2, [2]))).toThrow(ConfigError)
  })
})
