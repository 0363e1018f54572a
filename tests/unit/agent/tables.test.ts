import { describe, expect, it } from 'vitest'
import { configOf } from '../../../ding/agent/agent_config.js'
import { type AgentTable, checkArguments } from '../../../ding/agent/arguments.js'
import {
  CQN,
  CrossQ,
  DDPG,
  DQN,
  OrnsteinUhlenbeckActionNoise,
  QRDQN,
  REDQ,
  SAC,
  TD3,
} from '../../../ding/agent/index.js'
import { Box } from '../../../ding/envs/index.js'
import { ConfigError } from '../../../ding/utils/index.js'
import { closeAgents, crossq, keep, policyOf } from './support.js'

closeAgents()

const env = 'Pendulum-v1'
const buffer = { replay_buffer_size: 1_000_000, replace: true }

describe('the defaults are those of the references', () => {
  it('CrossQ: SB3-contrib', async () => {
    expect(await policyOf(new CrossQ({ env }))).toMatchObject({
      type: 'crossq',
      random_collect_size: 100,
      nstep: 1,
      learn: {
        learning_rate_q: 1e-3,
        learning_rate_policy: 1e-3,
        learning_rate_alpha: 1e-3,
        batch_size: 256,
        update_per_collect: 1,
        discount_factor: 0.99,
        actor_update_freq: 3,
        ent_coef: 'auto',
        optimizer_betas: [0.5, 0.999],
        log_prob_eps: 1e-6,
      },
      collect: { n_sample: 1, noise_type: null },
      model: {
        obs_shape: 3,
        action_shape: 1,
        net_arch: { pi: [256, 256], qf: [1024, 1024] },
        n_critics: 2,
        batch_norm: true,
        batch_norm_momentum: 0.01,
        batch_norm_eps: 0.001,
        renorm_warmup_steps: 100_000,
        use_sde: false,
        log_std_init: -3,
      },
      other: { replay_buffer: buffer },
    })
  })

  it('SAC, TD3, DDPG: SB3', async () => {
    const rates = { learning_rate_q: 3e-4, learning_rate_policy: 3e-4, learning_rate_alpha: 3e-4 }
    expect(await policyOf(new SAC({ env }))).toMatchObject({
      random_collect_size: 100,
      learn: {
        ...rates,
        batch_size: 256,
        target_theta: 0.005,
        ent_coef: 'auto',
        init_w: null,
        target_update_interval: 1,
      },
      model: { net_arch: [256, 256], n_critics: 2, activation: 'relu' },
      other: { replay_buffer: buffer },
    })
    const td3 = {
      random_collect_size: 100,
      learn: {
        learning_rate_critic: 1e-3,
        learning_rate_actor: 1e-3,
        actor_update_freq: 2,
        target_update_with_actor: true,
        noise: true,
        noise_sigma: 0.2,
        noise_range: { min: -0.5, max: 0.5 },
      },
      collect: { noise_type: null },
      model: { net_arch: [400, 300], n_critics: 2 },
    }
    expect(await policyOf(new TD3({ env }))).toMatchObject(td3)
    expect(await policyOf(new DDPG({ env }))).toMatchObject({
      learn: { actor_update_freq: 1, noise: false, learning_rate_actor: 1e-3 },
      model: { net_arch: [400, 300], n_critics: 1 },
    })
  })

  it('REDQ: Tianshou', async () => {
    expect(await policyOf(new REDQ({ env }))).toMatchObject({
      random_collect_size: 10_000,
      learn: {
        learning_rate_q: 1e-3,
        learning_rate_policy: 1e-3,
        update_per_collect: 20,
        actor_update_freq: 20,
        subset_size: 2,
        target_mode: 'min',
        target_theta: 0.005,
        ent_coef: 0.2,
      },
      model: { ensemble_num: 10, net_arch: [256, 256] },
    })
  })

  it('DQN: SB3; QRDQN: SB3-contrib; CQN: AgileRL', async () => {
    const cartpole = 'CartPole-v1'
    expect(await policyOf(new DQN({ env: cartpole }))).toMatchObject({
      discount_factor: 0.99,
      double: false,
      learn: {
        learning_rate: 1e-4,
        batch_size: 32,
        update_per_collect: 1,
        criterion: 'smooth_l1',
        grad_clip_type: 'clip_norm',
        grad_clip_value: 10,
        target_update_freq: 2500,
      },
      collect: { n_sample: 4 },
      model: {
        obs_shape: 4,
        action_shape: 2,
        encoder_hidden_size_list: [64, 64],
        dueling: false,
        head_layer_num: 0,
      },
      other: { eps: { type: 'linear', start: 1, end: 0.05, decay_fraction: 0.1 }, replay_buffer: buffer },
    })
    expect(await policyOf(new QRDQN({ env: cartpole }))).toMatchObject({
      learn: { learning_rate: 5e-5, optimizer_eps: 0.01 / 32, grad_clip_type: null },
      model: { num_quantiles: 200 },
      other: { eps: { end: 0.01, decay_fraction: 0.005 } },
    })
    expect(await policyOf(new CQN({ env: cartpole }))).toMatchObject({
      type: 'cqn',
      learn: {
        learning_rate: 1e-4,
        batch_size: 64,
        target_update_freq: null,
        target_theta: 1e-3,
        grad_clip_value: 1,
      },
      collect: { n_sample: 5 },
      other: { replay_buffer: { replay_buffer_size: 100_000 } },
    })
  })
})

describe('arguments', () => {
  it('go to the keys of the config', async () => {
    const agent = new CrossQ({
      env: { type: 'Pendulum-v1', cfg: { max_episode_steps: 50 } },
      train_freq: [2, 'episode'],
      gradient_steps: -1,
      action_noise: new OrnsteinUhlenbeckActionNoise([0], [0.3]),
      replay_buffer_class: 'PrioritizedReplayBuffer',
      replay_buffer_kwargs: { handle_timeout_termination: true, alpha: 0.5 },
      n_steps: 3,
      ent_coef: 'auto_0.1',
      target_entropy: -2,
      policy_delay: 2,
      policy_kwargs: {
        activation_fn: 'Tanh',
        n_critics: 3,
        optimizer_class: 'AdamW',
        optimizer_kwargs: { eps: 1e-5 },
      },
      config: { learn: { grad_clip_type: 'clip_norm' } },
    })
    expect(await policyOf(agent)).toMatchObject({
      nstep: 3,
      priority: true,
      learn: {
        update_per_collect: -1,
        actor_update_freq: 2,
        ent_coef: 'auto_0.1',
        target_entropy: -2,
        optimizer_type: 'adamw',
        weight_decay: null,
        optimizer_eps: 1e-5,
        optimizer_betas: [0.9, 0.999],
        grad_clip_type: 'clip_norm',
      },
      collect: {
        n_sample: null,
        n_episode: 2,
        noise_type: 'ou',
        noise_sigma: [0.3],
        noise_kwargs: { mu: [0], theta: 0.15, dt: 0.01 },
      },
      model: { activation: 'tanh', n_critics: 3 },
      other: { replay_buffer: { alpha: 0.5 } },
      create_config: { collector: { type: 'episode' }, replay_buffer: { type: 'advanced' } },
    })
  })

  it('of CrossQ that are rarely given go to their keys too', async () => {
    const agent = new CrossQ({
      env,
      n_envs: 2,
      learning_starts: 33,
      buffer_size: 5000,
      optimize_memory_usage: true,
      use_sde: true,
      sde_sample_freq: 4,
      use_sde_at_warmup: true,
      tensorboard_log: 'logs',
      verbose: 2,
      _init_setup_model: false,
      policy_kwargs: {
        batch_norm: false,
        batch_norm_momentum: 0.2,
        batch_norm_eps: 0.1,
        renorm_warmup_steps: 5,
        log_std_init: -1,
        use_expln: true,
        clip_mean: 0,
      },
    })
    expect(agent.verbose).toBe(2)
    expect(await policyOf(agent)).toMatchObject({
      random_collect_size: 33,
      transition_with_policy_data: true,
      collect: { n_sample: 2, sde_sample_freq: 4 },
      model: {
        use_sde: true,
        log_std_init: -1,
        use_expln: true,
        clip_mean: 0,
        batch_norm: false,
        batch_norm_momentum: 0.2,
        batch_norm_eps: 0.1,
        renorm_warmup_steps: 5,
      },
      other: { replay_buffer: { replay_buffer_size: 5000, optimize_memory_usage: true } },
    })
    // Without a GPU such an agent cannot be set up.
    const spaces = { observation_space: new Box(-1, 1, [3]), action_space: new Box(-1, 1, [1]) }
    const table: AgentTable = CrossQ.table
    for (const device of ['auto', 'cpu', 'cuda']) {
      const args = checkArguments(table, { device })
      const [main] = configOf({ table, args, ...spaces, env: undefined, seed: 0 })
      expect(main).toMatchObject({ policy: { cuda: device === 'cuda' } })
    }
    // The defaults of the same.
    expect(await policyOf(new CrossQ({ env }))).toMatchObject({
      cuda: false,
      transition_with_policy_data: false,
      collect: { sde_sample_freq: -1 },
      model: { activation: 'relu', use_expln: false, clip_mean: 2, normalize_images: false },
      other: { replay_buffer: { optimize_memory_usage: false } },
    })
  })

  it("of SAC's noise that depends on the state go to the model's keys of the same names", async () => {
    const sde = { log_std_init: -1, use_expln: true, clip_mean: 0.5 }
    const sac = await policyOf(new SAC({ env, use_sde: true, policy_kwargs: sde }))
    expect(sac.model).toMatchObject({ use_sde: true, ...sde })
  })

  it.each(Object.entries({ SAC, TD3, DDPG, REDQ, CrossQ }))('of %s take AdamW', async (_name, Agent) => {
    const agent = new Agent({ env, policy_kwargs: { optimizer_class: 'AdamW' } })
    expect(await policyOf(agent)).toMatchObject({ learn: { optimizer_type: 'adamw', weight_decay: null } })
  })

  it('of the value-based agents take AdamW, QRDQN then with its usual epsilon', async () => {
    const given = { env: 'CartPole-v1', policy_kwargs: { optimizer_class: 'AdamW' } } as const
    for (const agent of [new DQN(given), new QRDQN(given)]) {
      expect(await policyOf(agent)).toMatchObject({
        learn: { optimizer_type: 'adamw', weight_decay: null, optimizer_eps: 1e-8 },
      })
    }
    // @ts-expect-error: no such optimizer
    expect(() => new DQN({ env: 'CartPole-v1', policy_kwargs: { optimizer_class: 'SGD' } })).toThrow(/AdamW/)
  })

  it('give way to config, lists to records too', async () => {
    const net_arch = { pi: [64, 64], qf: [40, 30] }
    const agent = new SAC({ env, config: { model: { net_arch }, learn: { batch_size: 32 } } })
    expect(await policyOf(agent)).toMatchObject({ model: { net_arch }, learn: { batch_size: 32 } })
  })

  it('that do not exist are errors, with what was perhaps meant', async () => {
    // @ts-expect-error: no such argument
    expect(() => new CrossQ({ env, lerning_rate: 1 })).toThrow(/no argument "lerning_rate".*learning_rate/)
    // @ts-expect-error: SB3's positional arguments
    expect(() => new CrossQ('MlpPolicy', 'Pendulum-v1')).toThrow(/as one object/)
    // @ts-expect-error: no such argument, there
    expect(() => new SAC({ env, policy_delay: 2 })).toThrow(ConfigError)
    // @ts-expect-error: no such key
    expect(() => new TD3({ env, policy_kwargs: { net_arc: [1] } })).toThrow(/net_arch/)
    // @ts-expect-error: a number
    expect(() => new CrossQ({ env, batch_size: 'many' })).toThrow(/batch_size/)
    expect(() => new SAC({ env, sde_sample_freq: 0 })).toThrow(/sde_sample_freq.*at least 1, or -1/)
    // @ts-expect-error: no such unit
    expect(() => new CrossQ({ env, train_freq: [1, 'epoch'] })).toThrow(/train_freq/)
    // @ts-expect-error: no such noise
    expect(() => new TD3({ env, action_noise: { type: 'gaus', sigma: 1 } })).toThrow(/action_noise/)
    expect(() => new TD3({ env, action_noise: { type: 'gauss', sigma: [0.1, -1] } })).toThrow(/at least 0/)
    const extractor = (features_extractor_kwargs: null | Record<string, never>) =>
      new SAC({ env, policy_kwargs: { features_extractor_kwargs } })
    expect(() => [extractor({}), extractor(null)]).not.toThrow()
    expect(() => extractor({ features_dim: 128 as never })).toThrow(/chosen by the observation space/)
    // null is Python's None: the default.
    expect(() => new CrossQ({ env, action_noise: null, replay_buffer_class: null, seed: null })).not.toThrow()
    await expect(new DQN({ env: 'CartPole-v1', tau: 0.5 }).setup()).rejects.toThrow(
      /target_update_interval to 1/,
    )
    await expect(new CrossQ({ env, replay_buffer_kwargs: { colour: 1 } }).setup()).rejects.toThrow(/colour/)
    await expect(new CrossQ({ env: 'Pendulum-v9' }).setup()).rejects.toThrow(/Pendulum-v1/)
  })

  it.each([
    [{}, 1 - (1 - 0.005) ** 4],
    [{ train_freq: 1 }, 0.005],
    [{ train_freq: 1, gradient_steps: 2 }, 1 - (1 - 0.005) ** 0.5],
    [{ train_freq: 4, target_update_interval: 2 }, 1 - (1 - 0.005) ** 2],
    // SB3 counts steps of all environments at once.
    [{ train_freq: 3, n_envs: 2 }, 1 - (1 - 0.005) ** 3],
    [{ train_freq: 3, n_envs: 2, gradient_steps: -1 }, 1 - (1 - 0.005) ** 0.5],
    [{ train_freq: [1, 'episode'], gradient_steps: -1 }, 0.005],
  ] as const)('of a soft target come to what SB3 moves it between two updates: %j', async (more, theta) => {
    const soft = { env: 'CartPole-v1', tau: 0.005, target_update_interval: 1, ...more }
    for (const agent of [new DQN(soft), new QRDQN(soft)]) {
      const { learn } = await policyOf(agent)
      expect(learn['target_update_freq']).toBeNull()
      expect(learn['target_theta']).toBeCloseTo(theta, 12)
    }
    // AgileRL's moves with every update.
    expect((await policyOf(new CQN(soft))).learn['target_theta']).toBe(0.005)
  })

  it('of a target that cannot move so often as they say are errors', async () => {
    const soft = { env: 'CartPole-v1', tau: 0.005 }
    await expect(new DQN(soft).setup()).rejects.toThrow(/10000 env steps, longer than a collect \(4\)/)
    await expect(new CQN({ ...soft, target_update_interval: 6 }).setup()).rejects.toThrow(/a collect \(5\)/)
    const episodes = { ...soft, target_update_interval: 1, train_freq: [1, 'episode'] as const }
    await expect(new DQN(episodes).setup()).rejects.toThrow(/no fixed number.*gradient_steps to -1/)
    expect((await policyOf(new CQN(episodes))).learn['target_theta']).toBe(0.005)
    expect((await policyOf(new CQN({ env: 'CartPole-v1', gradient_steps: 10 }))).learn).toMatchObject({
      target_update_freq: null,
      target_theta: 1e-3,
    })
  })

  it('make the same agent from the same seed, and another without', async () => {
    const [a, b, c] = [crossq(), crossq(), crossq({ seed: null })]
    expect(await a.getParameters()).toEqual(await b.getParameters())
    expect(await a.getParameters()).not.toEqual(await c.getParameters())
    expect(c.seed).not.toBe(keep(new CrossQ({ env })).seed)
  })
})
