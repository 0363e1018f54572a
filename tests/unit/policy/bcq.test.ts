import { describe, expect, test } from 'vitest'
import {
  BCQModel,
  BCQPolicy,
  Box,
  ConfigError,
  defaultsOf,
  NumericError,
  POLICY_REGISTRY,
} from '../../../ding/index.js'
import {
  ACTIONS,
  checksum,
  expectResumes,
  learnOnce,
  OBS,
  offlinePolicy,
  ROWS,
  wave,
  waveBatch,
  wavePolicy,
} from './offline_support.js'
import { f32 } from './support.js'

const sizes = { actor_head_hidden_size: [8, 6], critic_head_hidden_size: [8, 6], vae_hidden_dims: [10, 10] }
const small = { model: sizes }
const LATENT = 2 * ACTIONS
const _modelOf = (policy: BCQPolicy) => (policy as unknown as { model: BCQModel }).model

// The parity tests replay DI-engine and the authors; these are what their golden files do not have. Made with PyTorch 1.13 in float64: the update
// written as plain functions, on the same waves.
describe('three updates with', () => {
  const rates = { learning_rate_q: 1e-3, learning_rate_policy: 1e-3, learning_rate_vae: 1e-3 }
  const weight = f32(Array.from({ length: ROWS }, (_, k) => 1 + 0.5 * Math.sin(k)))
  test.each([
    {
      name: "DI-engine's two defects",
      model: { ...sizes, di_engine_compat: true },
      learn: { di_engine_compat: true },
      batch: { weight },
      last: {
        recons_loss: 0.5151090563397073,
        kld_loss: 0.6903203693850518,
        vae_loss: 0.8602692410322332,
        critic_loss: 0.7504217088892093,
        twin_critic_loss: 0.7268852929394698,
        td_error: 0.6744556477458981,
        target_q_value: -0.5413953613632635,
        actor_loss: 0.6066665671430589,
      },
      sums: [-0.5722355663963966, -1.3280370760650317],
    },
    {
      name: 'other values of all options',
      model: {
        ...sizes,
        actor_head_hidden_size: [8, 7, 6],
        critic_head_hidden_size: [8, 7, 6],
        phi: 0.2,
        latent_clip: 0.3,
      },
      learn: {
        ignore_done: true,
        candidates: 4,
        kld_reduce: 'mean',
        kld_coef: 0.1,
        lmbda: 0.4,
        optimizer_type: 'adamw',
        weight_decay: 0.01,
      },
      batch: {},
      last: {
        recons_loss: 0.5150569514653267,
        kld_loss: 0.1730285356880902,
        vae_loss: 0.5323598050341357,
        critic_loss: 0.4897099674659235,
        twin_critic_loss: 0.4933102709679115,
        td_error: 0.4915101192169175,
        target_q_value: 0.14490325990977418,
        actor_loss: -0.08833489537534839,
      },
      sums: [0.3622731375018938, -0.47761272798178916],
    },
    {
      name: "the authors' VAE, other depths, max_action 2",
      model: {
        vae_type: 'concat',
        actor_head_hidden_size: [8],
        critic_head_hidden_size: [8],
        vae_hidden_dims: [10, 9, 8],
        max_action: 2,
      },
      learn: { candidates: 3 },
      batch: { weight, action: f32(wave(1.7, 0.5, 1.8, ROWS * ACTIONS), [ROWS, ACTIONS]) },
      last: {
        recons_loss: 1.9055904009823228,
        kld_loss: 0.1967657928776366,
        vae_loss: 2.0039732974211413,
        critic_loss: 0.8631534395426567,
        twin_critic_loss: 0.9403948048686311,
        td_error: 0.8515515269483964,
        target_q_value: -0.6728623985170209,
        actor_loss: 0.4825829953948945,
      },
      sums: [2.353112497271468, 0.04346967451295114],
    },
  ])('$name', async ({ model, learn, batch, last, sums }) => {
    const { policy, draws } = await wavePolicy(BCQPolicy, { model, learn: { ...rates, ...learn } })
    const { candidates = 10 } = learn as { candidates?: number }
    let out = {}
    for (let u = 1; u <= 3; u++) {
      draws.push(
        wave(2.1, u, 1.5, ROWS * LATENT),
        wave(1.9, u, 1.5, ROWS * candidates * LATENT),
        wave(1.7, u, 1.5, ROWS * LATENT),
      )
      out = await learnOnce(policy, waveBatch(batch))
      expect(draws.left).toBe(0)
    }
    for (const [name, value] of Object.entries(last))
      expect((out as Record<string, number>)[name], name).toBeCloseTo(value, 5)
    const state = policy.learn_mode.state_dict()
    expect(checksum(state['model'])).toBeCloseTo(sums[0] as number, 4)
    expect(checksum(state['target_model'])).toBeCloseTo(sums[1] as number, 4)
  })
})

describe('shapes', () => {
  test('the perturbation has an entry for each action dimension; with di_engine_compat one for all', async () => {
    const width = async (model: object) => {
      const state = (
        await offlinePolicy(BCQPolicy, { model: { ...sizes, ...model } })
      ).learn_mode.state_dict()
      return (state['model'] as Record<string, { shape: number[] }>)['actor.4.weight']?.shape[0]
    }
    expect(await width({})).toBe(ACTIONS)
    expect(await width({ di_engine_compat: true })).toBe(1)
  })

  test('rewards [B, 1] and [B] are the same, as are actions [B, 1] and [B] of one dimension', async () => {
    const model = { ...sizes, action_shape: 1 }
    const action = wave(1, 0, 0.5, ROWS)
    const run = async (batch: object) => {
      const policy = await offlinePolicy(BCQPolicy, { model })
      return learnOnce(policy, waveBatch(batch as Record<string, unknown>))
    }
    const reward = wave(1, 2, 1, ROWS)
    expect(await run({ action: f32(action, [ROWS]), reward: f32(reward) })).toEqual(
      await run({ action: f32(action, [ROWS, 1]), reward: f32(reward, [ROWS, 1]) }),
    )
  })

  test('a target is held to its own row: with the defect, shuffled next states change nothing for the critics', async () => {
    // Two groups of rows whose values differ: the matrix of targets only sees the set of next values.
    const twoRows = async (compat: boolean, swapped: boolean) => {
      const learn = { di_engine_compat: compat, candidates: 1 }
      const { policy, draws } = await wavePolicy(BCQPolicy, { ...small, learn })
      const next = [wave(1, 0, 1, OBS), wave(1, 2, 1, OBS)]
      const rows = swapped ? next.toReversed() : next
      const quiet = new Array<number>(2 * LATENT).fill(0)
      draws.push(quiet, quiet, quiet)
      return learnOnce(policy, {
        obs: f32(wave(0.9, 0, 1, 2 * OBS), [2, OBS]),
        next_obs: f32(rows.flat(), [2, OBS]),
        action: f32(wave(1.7, 0.5, 0.9, 2 * ACTIONS), [2, ACTIONS]),
        reward: f32([0, 0]),
        done: { dtype: 'bool', shape: [2], data: new Uint8Array(2) },
      })
    }
    const loss = async (compat: boolean, swapped: boolean) => (await twoRows(compat, swapped))['critic_loss']
    expect(await loss(true, true)).toBeCloseTo((await loss(true, false)) as number, 6)
    expect(await loss(false, true)).not.toBeCloseTo((await loss(false, false)) as number, 4)
  })

  test('priorities are one a row', async () => {
    for (const di_engine_compat of [false, true]) {
      const policy = await offlinePolicy(BCQPolicy, { ...small, learn: { di_engine_compat } })
      expect((await learnOnce(policy))['priority']).toHaveLength(ROWS)
    }
  })
})

describe('the VAE', () => {
  test('learns the data`s actions', async () => {
    const policy = await offlinePolicy(BCQPolicy, {
      ...small,
      learn: { learning_rate_vae: 0.01, kld_coef: 0.01 },
    })
    const first = (await learnOnce(policy))['recons_loss'] as number
    let last = first
    for (let i = 0; i < 150; i++) last = (await learnOnce(policy))['recons_loss'] as number
    expect(last).toBeLessThan(first / 4)
  })

  test('is not moved by the losses of critics and actor', async () => {
    const policy = await offlinePolicy(BCQPolicy, { ...small, learn: { learning_rate_vae: 0 } })
    const vae = () =>
      Object.entries(policy.learn_mode.state_dict()['model'] as object).filter(([name]) =>
        name.startsWith('vae.'),
      )
    const before = structuredClone(vae())
    await learnOnce(policy)
    expect(vae()).toEqual(before)
  })

  test("gated takes DI-engine's widths: the first two in the encoder, the last two in the decoder", async () => {
    const model = { ...sizes, vae_hidden_dims: [10, 7, 8, 10] }
    const policy = await offlinePolicy(BCQPolicy, { model })
    const state = policy.learn_mode.state_dict()['model'] as Record<string, { shape: number[] }>
    const shape = (layer: string) => state[`vae.${layer}.weight`]?.shape
    expect([shape('encode_obs_head.0')?.[0], shape('decode_action_head.0')?.[0]]).toEqual([10, 10])
    expect([shape('encode_common.0'), shape('encode_mu_head')?.[1]]).toEqual([[7, 10], 7])
    expect([shape('decode_common.0'), shape('decode_reconst_action_head.0')?.[1]]).toEqual([[8, 10], 8])
    expect((await learnOnce(policy))['vae_loss']).toBeGreaterThan(0)
  })

  test.each([[[10, 8]], [[10]], [[10, 10, 8]]])('gated does not take %j', async (vae_hidden_dims) => {
    await expect(offlinePolicy(BCQPolicy, { model: { ...sizes, vae_hidden_dims } })).rejects.toThrow(
      /vae_hidden_dims.*concat/s,
    )
  })
})

test('keys and defaults are DI-engine`s, under both of its names', async () => {
  expect(POLICY_REGISTRY.get('bcq')).toBe(BCQPolicy)
  expect(POLICY_REGISTRY.get('bcq_command')).toBe(BCQPolicy)
  // Keys of its D4RL configs that nothing reads.
  await offlinePolicy(BCQPolicy, { ...small, learn: { learning_rate_alpha: 3e-3, init_w: 3e-3 } })
  const { learn, other, ...top } = defaultsOf(BCQPolicy.config)
  expect(top).toMatchObject({
    cuda: false,
    priority: false,
    priority_IS_weight: false,
    random_collect_size: 10000,
    nstep: 1,
  })
  expect(learn).toMatchObject({
    update_per_collect: 1,
    batch_size: 100,
    learning_rate_q: 3e-4,
    learning_rate_policy: 3e-4,
    learning_rate_vae: 3e-4,
    ignore_done: false,
    target_theta: 0.005,
    discount_factor: 0.99,
    lmbda: 0.75,
    init_w: 3e-3,
  })
  expect(other.replay_buffer).toMatchObject({ replay_buffer_size: 1_000_000 })
  expect(defaultsOf(BCQModel.config)).toMatchObject({
    actor_head_hidden_size: [400, 300],
    critic_head_hidden_size: [400, 300],
    vae_hidden_dims: [750, 750],
    phi: 0.05,
    activation: 'relu',
  })
})

test('learn.target_update_interval holds the targets back; theta 1 copies', async () => {
  const learn = { target_update_interval: 2, target_theta: 1 }
  const policy = await offlinePolicy(BCQPolicy, { ...small, learn })
  const target = () => checksum(policy.learn_mode.state_dict()['target_model'])
  const before = target()
  await learnOnce(policy)
  expect(target()).toBe(before)
  await learnOnce(policy)
  const state = policy.learn_mode.state_dict()
  const model = state['model'] as Record<string, never>
  for (const [name, tensor] of Object.entries(state['target_model'] as object))
    expect(model[name]).toEqual(tensor)
})

test('all that is logged is there; the state goes on bit for bit', async () => {
  const policy = await offlinePolicy(BCQPolicy, small)
  const out = await learnOnce(policy)
  for (const name of policy.learn_mode.monitor_vars()) expect(out[name], name).toEqual(expect.any(Number))
  expect(Object.keys(policy.learn_mode.state_dict())).toEqual(
    expect.arrayContaining(['model', 'target_model', 'optimizer_critic', 'optimizer_actor', 'optimizer_vae']),
  )
  await expectResumes(
    () => offlinePolicy(BCQPolicy, small),
    (a, b) => expect(a).toEqual(b),
  )
})

test('a record of observations is joined', async () => {
  const model = { ...sizes, obs_shape: { place: 2, speed: 1 } }
  const policy = await offlinePolicy(BCQPolicy, { model })
  const obs = { place: f32(wave(1, 0, 1, 12), [ROWS, 2]), speed: f32(wave(1, 1, 1, 6), [ROWS, 1]) }
  const out = await learnOnce(policy, waveBatch({ obs, next_obs: obs }))
  expect(out['critic_loss']).toEqual(expect.any(Number))
  const one = { place: Float32Array.of(1, 2), speed: Float32Array.of(3) }
  expect((await policy.eval_mode.forward({ 0: one }))[0]?.action).toHaveLength(ACTIONS)
})

test('errors name what is wrong', async () => {
  const policy = await offlinePolicy(BCQPolicy, small)
  const space = new Box(-2, 2, [ACTIONS])
  expect(() => policy.checkSpaces(new Box(-1, 1, [OBS]), space)).toThrow(/act_scale/)
  const wide = await offlinePolicy(BCQPolicy, { model: { ...sizes, max_action: 2 } })
  wide.checkSpaces(new Box(-1, 1, [OBS]), space)
  expect(() => wide.checkSpaces(new Box(-1, 1, [OBS]), new Box(-1, 1, [ACTIONS]))).toThrow(/max_action/)
  const other = await offlinePolicy(BCQPolicy, { model: { type: 'continuous_qac' } })
  expect(() => other.learn_mode).toThrow(ConfigError)
  const before = structuredClone(policy.learn_mode.state_dict())
  const broken = waveBatch({
    action: f32(new Array<number>(ROWS * ACTIONS).fill(Number.NaN), [ROWS, ACTIONS]),
  })
  await expect(learnOnce(policy, broken)).rejects.toThrow(NumericError)
  expect(policy.learn_mode.state_dict()).toEqual(before)
})
