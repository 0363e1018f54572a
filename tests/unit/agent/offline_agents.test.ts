import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  BC,
  BCQ,
  CQL,
  DiscreteCQL,
  EDAC,
  evaluatePolicy,
  IQL,
  type OfflineAgent,
  TD3BC,
} from '../../../ding/agent/index.js'
import { Box, createTimestep, type Env } from '../../../ding/envs/index.js'
import { CheckpointError, ConfigError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { cartPoleData, closeAgents, keep, pendulumData, policyOf, smallNets } from './support.js'

closeAgents()

const env = 'Pendulum-v1'
const kwargs = { net_arch: [8, 8] }

describe('the defaults are those of the references', () => {
  const corl = { use_norm: true, normalize_reward: false, sampling: 'free', action_scale: 0.5 }

  it('CQL: CORL', async () => {
    expect(await policyOf(new CQL({ env }))).toMatchObject({
      type: 'cql',
      learn: {
        batch_size: 256,
        discount_factor: 0.99,
        learning_rate_policy: 3e-5,
        learning_rate_alpha: 3e-5,
        learning_rate_q: 3e-4,
        target_theta: 0.005,
        target_update_period: 1,
        auto_alpha: true,
        alpha_multiplier: 1,
        backup_entropy: false,
        min_q_weight: 10,
        num_actions: 10,
        cql_importance_sample: true,
        with_lagrange: false,
        lagrange_thresh: -1,
        cql_temp: 1,
        cql_max_target_backup: false,
        cql_clip_diff_min: Number.NEGATIVE_INFINITY,
        bc_steps: 0,
      },
      collect: corl,
      model: {
        orthogonal_init: true,
        q_n_hidden_layers: 3,
        actor_head_hidden_size: 256,
        critic_head_hidden_size: 256,
      },
      other: { replay_buffer: { replay_buffer_size: 2_000_000 } },
    })
  })

  it('TD3BC, IQL, EDAC, BC: CORL', async () => {
    expect(await policyOf(new TD3BC({ env }))).toMatchObject({
      type: 'td3_bc',
      learn: {
        learning_rate_actor: 3e-4,
        learning_rate_critic: 3e-4,
        alpha: 2.5,
        noise: true,
        noise_sigma: 0.2,
        noise_range: { min: -0.5, max: 0.5 },
        actor_update_freq: 2,
        target_theta: 0.005,
      },
      collect: corl,
      model: { net_arch: [256, 256], activation: 'relu' },
    })
    expect(await policyOf(new IQL({ env }))).toMatchObject({
      type: 'iql',
      learn: {
        learning_rate_q: 3e-4,
        learning_rate_value: 3e-4,
        learning_rate_policy: 3e-4,
        policy_lr_schedule: { type: 'cosine' },
        iql_tau: 0.7,
        beta: 3,
      },
      collect: corl,
      model: { iql_deterministic: false, actor_hidden_size: [256, 256], value_hidden_size: [256, 256] },
    })
    expect(await policyOf(new EDAC({ env }))).toMatchObject({
      type: 'edac',
      learn: { eta: 1, discount_factor: 0.99, learning_rate_alpha: 3e-4, target_theta: 0.005 },
      collect: { ...corl, use_norm: false },
      model: { ensemble_num: 10, critic_head_hidden_size: 256, critic_head_layer_num: 2 },
    })
    expect(await policyOf(new BC({ env }))).toMatchObject({
      type: 'bc',
      continuous: true,
      loss_type: 'mse_loss',
      learn: { learning_rate: 3e-4, batch_size: 256, optimizer: 'Adam', weight_decay: null },
      collect: corl,
      model: { actor_head_hidden_size: 256, actor_head_layer_num: 1, action_space: 'regression' },
    })
  })

  it('normalize_reward is what the reference makes of it', async () => {
    const on = { env, normalize_reward: true }
    expect((await policyOf(new CQL(on))).collect).toMatchObject({
      normalize_reward: true,
      reward_norm: 'none',
    })
    for (const agent of [new IQL(on), new TD3BC(on), new EDAC(on)])
      expect((await policyOf(agent)).collect).toMatchObject({ normalize_reward: false, reward_norm: 'corl' })
  })

  it("Adam's arguments are taken by all", async () => {
    const policy_kwargs = { optimizer_kwargs: { weight_decay: 1e-4, amsgrad: true, eps: 1e-6 } }
    for (const agent of [
      new CQL({ env, policy_kwargs }),
      new IQL({ env, policy_kwargs }),
      new EDAC({ env, policy_kwargs }),
    ])
      expect((await policyOf(agent)).learn).toMatchObject({
        weight_decay: 1e-4,
        amsgrad: true,
        optimizer_eps: 1e-6,
      })
  })

  it('BCQ: DI-engine', async () => {
    expect(await policyOf(new BCQ({ env }))).toMatchObject({
      type: 'bcq',
      learn: {
        batch_size: 100,
        learning_rate_q: 3e-4,
        learning_rate_policy: 3e-4,
        learning_rate_vae: 3e-4,
        lmbda: 0.75,
        candidates: 10,
        target_theta: 0.005,
      },
      collect: { use_norm: false, sampling: 'epoch', action_scale: 0.5 },
      eval: { candidates: 100 },
      model: {
        actor_head_hidden_size: [400, 300],
        critic_head_hidden_size: [400, 300],
        vae_hidden_dims: [750, 750],
        vae_type: 'gated',
        phi: 0.05,
      },
    })
  })
})

describe('arguments', () => {
  it('go to the keys of the config', async () => {
    expect(
      await policyOf(
        new CQL({
          env,
          qf_lr: 1e-3,
          policy_lr: 1e-4,
          cql_alpha: 5,
          cql_n_actions: 4,
          cql_lagrange: true,
          cql_target_action_gap: 0.8,
          cql_clip_diff_min: -200,
          use_automatic_entropy_tuning: false,
          soft_target_update_rate: 0.01,
          q_n_hidden_layers: 5,
          hidden_dim: 32,
          normalize: false,
          reward_scale: 10,
          reward_bias: -5,
          action_scale: 1,
          n_steps: 3,
          buffer_size: 3000,
          cql_alpha_online: 2,
          policy_kwargs: { activation_fn: 'Tanh', optimizer_kwargs: { eps: 1e-5 } },
        }),
      ),
    ).toMatchObject({
      nstep: 3,
      learn: {
        learning_rate_q: 1e-3,
        learning_rate_policy: 1e-4,
        learning_rate_alpha: 1e-4,
        min_q_weight: 5,
        num_actions: 4,
        with_lagrange: true,
        lagrange_thresh: 0.8,
        cql_clip_diff_min: -200,
        auto_alpha: false,
        target_theta: 0.01,
        cql_alpha_online: 2,
        optimizer_eps: 1e-5,
      },
      collect: { use_norm: false, reward_scale: 10, reward_bias: -5, action_scale: 1 },
      other: { replay_buffer: { replay_buffer_size: 3000 } },
      model: { q_n_hidden_layers: 5, actor_head_hidden_size: 32, activation: 'tanh' },
    })
    const net_arch = { pi: [8], qf: [16, 4] }
    expect(await policyOf(new BCQ({ env, vae_type: 'concat', policy_kwargs: { net_arch } }))).toMatchObject({
      model: { vae_type: 'concat', actor_head_hidden_size: [8], critic_head_hidden_size: [16, 4] },
    })
    expect(
      await policyOf(new IQL({ env, actor_lr_schedule: null, policy_kwargs: { net_arch } })),
    ).toMatchObject({
      learn: { policy_lr_schedule: null },
      model: { actor_hidden_size: [8], critic_hidden_size: [16, 4], value_hidden_size: [16, 4] },
    })
    expect(await policyOf(new TD3BC({ env, policy_noise: 0, learning_rate: 1e-3 }))).toMatchObject({
      learn: { noise: false, learning_rate_actor: 1e-3, learning_rate_critic: 1e-3 },
    })
    expect(await policyOf(new EDAC({ env, gamma: 0.9, num_critics: 4, eta: 0 }))).toMatchObject({
      learn: { discount_factor: 0.9, eta: 0 },
      model: { ensemble_num: 4 },
    })
  })

  it('of behaviour cloning go by the actions', async () => {
    const likelihood = new BC({ env, loss_type: 'nll_loss', policy_kwargs: { net_arch: [32, 32, 32] } })
    expect(await policyOf(likelihood)).toMatchObject({
      model: { action_space: 'reparameterization', actor_head_hidden_size: 32, actor_head_layer_num: 2 },
    })
    expect(await policyOf(new BC({ env: 'CartPole-v1' }))).toMatchObject({
      continuous: false,
      collect: { use_norm: false, action_scale: 1 },
      model: { encoder_hidden_size_list: [64, 64], dueling: false },
    })
    await expect(new BC({ env, policy_kwargs: { net_arch: [32, 16] } }).setup()).rejects.toThrow(/same width/)
  })

  it('that cannot be are errors', async () => {
    // @ts-expect-error: SB3's name; CORL's is cql_alpha
    expect(() => new CQL({ env, cql_alfa: 1 })).toThrow(/no argument "cql_alfa".*cql_alpha/)
    // Keys of the config, which an argument sets, or which are for `config`.
    for (const [name, meant] of Object.entries({
      discount_factor: 'It is "discount".',
      nstep: 'It is "n_steps".',
      vae_hidden_dims: 'It is "policy_kwargs.vae_hidden_dims".',
      kld_coef: 'Other keys of the policy go into config',
    }))
      expect(() => new BCQ({ env, [name]: 1 } as object)).toThrow(meant)
    const config = { learn: { kld_coef: 1, ignore_done: true }, model: { max_action: 1, latent_clip: 1 } }
    expect(await policyOf(new BCQ({ env, config }))).toMatchObject(config)
    // @ts-expect-error: no such VAE
    expect(() => new BCQ({ env, vae_type: 'other' })).toThrow(ConfigError)
    expect(() => new IQL({ env, policy_kwargs: { net_arch: [0] } })).toThrow(/net_arch/)
    await expect(new TD3BC({ env: () => new Uneven() }).setup()).rejects.toThrow(/no one factor/)
    expect(await policyOf(new TD3BC({ env: () => new Uneven(), action_scale: 1 }))).toMatchObject({
      collect: { action_scale: 1 },
    })
  })
})

/** Actions from -1 to 3. */
class Uneven implements Env {
  readonly observation_space = new Box(-1, 1, [2])
  readonly action_space = new Box(-1, 3, [1])
  readonly reward_space = new Box(0, 1)
  reset() {
    return new Float32Array(2)
  }
  step() {
    return createTimestep(new Float32Array(2), 0, true)
  }
  seed() {}
  close() {}
}

describe('every offline agent', () => {
  it('learns, goes on as if it had never stopped, predicts in the units of the environment, and comes back from its file', async () => {
    const work_dir = temporaryFolder()
    const dataset = await pendulumData(work_dir)
    const base = { dataset, env, seed: 1, batch_size: 16 }
    const kinds: [() => OfflineAgent, (path: string) => Promise<OfflineAgent>][] = [
      [() => new CQL({ ...base, hidden_dim: 8, cql_n_actions: 2 }), (path) => CQL.load(path)],
      [
        () => new BCQ({ ...base, policy_kwargs: { ...kwargs, vae_hidden_dims: [8, 8] } }),
        (path) => BCQ.load(path),
      ],
      [() => new TD3BC({ ...base, policy_kwargs: kwargs }), (path) => TD3BC.load(path)],
      [() => new IQL({ ...base, actor_lr_schedule: null, policy_kwargs: kwargs }), (path) => IQL.load(path)],
      [() => new EDAC({ ...base, hidden_dim: 8, num_critics: 3 }), (path) => EDAC.load(path)],
      [() => new BC({ ...base, policy_kwargs: kwargs }), (path) => BC.load(path)],
    ]
    const obs = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 4)]
    for (const [make, load] of kinds) {
      const [whole, parts] = [keep(make()), keep(make())]
      const before = await whole.getParameters()
      await whole.learn({ train_iterations: 6 })
      expect(await whole.getParameters()).not.toEqual(before)
      await parts.learn({ train_iterations: 2 })
      await parts.learn({ train_iterations: 4 })
      expect(parts.n_updates).toBe(6)
      expect(await parts.getParameters()).toEqual(await whole.getParameters())
      const path = join(work_dir, 'agent.safetensors')
      await whole.save(path)
      const twin = keep(await load(path))
      const deterministic = { deterministic: true }
      const [actions] = await whole.predict(obs, deterministic)
      expect(await twin.predict(obs, deterministic)).toEqual([actions, null])
      for (const action of actions) {
        const [torque] = action as Float32Array
        expect(Math.abs(torque as number)).toBeLessThanOrEqual(2)
      }
      await twin.learn({ train_iterations: 1 })
      expect(twin.n_updates).toBe(7)
    }
    await expect(keep(new TD3BC({ env })).learn({ train_iterations: 1 })).rejects.toThrow(/no dataset/)
    await expect(CQL.load(join(work_dir, 'agent.safetensors'))).rejects.toThrow(CheckpointError)
  })

  it('of discrete actions learns from a dataset, goes on, predicts and comes back from its file', async () => {
    const work_dir = temporaryFolder()
    const dataset = await cartPoleData(work_dir, 200)
    const make = () =>
      keep(
        new DiscreteCQL({ dataset, env: 'CartPole-v1', seed: 1, batch_size: 16, policy_kwargs: smallNets }),
      )
    const [whole, parts] = [make(), make()]
    await whole.learn({ train_iterations: 30 })
    const seen: number[] = []
    await parts.learn({
      train_iterations: 12,
      callback: (_locals, { num_timesteps }) => void seen.push(num_timesteps),
    })
    await parts.learn({ train_iterations: 18 })
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
    expect(parts.n_updates).toBe(30)
    expect(await parts.getParameters()).toEqual(await whole.getParameters())
    await parts.learn({ train_iterations: 100, callback: (_locals, { n_calls }) => n_calls < 3 })
    expect(parts.n_updates).toBe(33)
    const path = join(work_dir, 'agent.safetensors')
    await whole.save(path)
    const twin = keep(await DiscreteCQL.load(path))
    const obs = [new Float32Array(4), Float32Array.of(1, 1, 1, 1)]
    expect(await twin.predict(obs)).toEqual(await whole.predict(obs))
  })

  it('clones discrete actions too, and is evaluated', async () => {
    const work_dir = temporaryFolder()
    const dataset = await cartPoleData(work_dir, 100)
    const agent = keep(
      new BC({ dataset, env: 'CartPole-v1', seed: 1, batch_size: 16, policy_kwargs: smallNets }),
    )
    await agent.learn({ train_iterations: 5 })
    const [mean] = await evaluatePolicy(agent, 'CartPole-v1', { n_eval_episodes: 2 })
    expect(mean).toBeGreaterThan(5)
  })

  it('learns what the data do, in the units of the environment', async () => {
    const dataset = await pendulumData(temporaryFolder(), () => 1.5)
    const kinds = [
      new BC({ dataset, env, seed: 1, learning_rate: 0.01, policy_kwargs: kwargs }),
      // Without a value of the critics it is cloning.
      new TD3BC({ dataset, env, seed: 1, learning_rate: 0.01, alpha: 0, policy_kwargs: kwargs }),
    ]
    for (const agent of kinds) {
      await keep(agent).learn({ train_iterations: 300 })
      const [action] = await agent.predict(Float32Array.of(1, 0, 0), { deterministic: true })
      expect(Math.abs(((action as Float32Array)[0] as number) - 1.5)).toBeLessThan(0.1)
    }
  })
})
