// The loops of SB3 and Tianshou in keys of ours: what acts while the buffer fills, and how many updates follow a step.
import { describe, expect, test } from 'vitest'
import { BaseEnv, Box, type ConfigPair } from '../../ding/index.js'
import { serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** Keeps what it is told to do. Episodes of 10 steps. */
class Recorder extends BaseEnv<Float32Array, Float32Array> {
  readonly observation_space = new Box(-1, 1, [2])
  readonly action_space = new Box(-1, 1, [1])

  constructor(private readonly actions: number[]) {
    super('recorder', 10)
  }

  protected override begin(): Float32Array {
    return Float32Array.of(0.5, -0.5)
  }

  protected override advance(action: Float32Array) {
    this.actions.push(action[0] as number)
    return { obs: this.begin(), reward: 1, terminated: false }
  }
}

/** A run of 60 env steps, the first 40 of which fill the buffer, and the actions of its training environment. */
async function run(type: string, policy: Record<string, unknown>, learn: object = {}, model: object = {}) {
  const actions: number[] = []
  const config = [
    {
      exp_name: 'run',
      env: { collector_env_num: 1, evaluator_env_num: 1, n_evaluator_episode: 1, stop_value: 1e9 },
      policy: {
        random_collect_size: 40,
        model: { obs_shape: 2, action_shape: 1, net_arch: [8], ...model },
        learn: { batch_size: 8, ...learn },
        collect: { n_sample: 2 },
        other: { replay_buffer: { replay_buffer_size: 200 } },
        ...policy,
      },
    },
    { env: { type: 'pendulum' }, policy: { type } },
  ] as unknown as ConfigPair
  const result = await serial_pipeline(config, 0, {
    console: 'quiet',
    work_dir: temporaryFolder(),
    max_env_step: 60,
    env_setting: { collector: [() => new Recorder(actions)], evaluator: [() => new Recorder([])] },
  })
  return { result, actions }
}

const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs))

describe('while the buffer fills', () => {
  test('actions are uniform over the whole range', async () => {
    const { actions } = await run('crossq', {}, {}, { use_sde: true })
    expect(actions).toHaveLength(60)
    expect(largest(actions.slice(0, 40))).toBeGreaterThan(0.9)
  })

  test("they are so of sac too, unless DI-engine's default is set", async () => {
    const first = async (type: string, policy: object) =>
      (await run(type, { ...policy })).actions.slice(0, 40)
    const uniform = await first('td3', {})
    expect(await first('sac', {})).toEqual(uniform)
    expect(await first('sac', { transition_with_policy_data: true })).not.toEqual(uniform)
  })

  test('with transition_with_policy_data the policy acts, with its own noise (use_sde_at_warmup)', async () => {
    const sde = { use_sde: true, log_std_init: -3 }
    // The warm-up is one collect, whose noise stays the same unless it is drawn anew every so many steps.
    const policy = { transition_with_policy_data: true, collect: { n_sample: 2, sde_sample_freq: 1 } }
    const { actions } = await run('crossq', policy, {}, sde)
    const first = actions.slice(0, 40)
    // An untrained actor stays near the middle, and its noise, e^-3 a feature, is small but there.
    expect(largest(first)).toBeLessThan(0.9)
    expect(new Set(first).size).toBeGreaterThan(1)
    const silent = await run('crossq', policy, {}, { ...sde, log_std_init: -20 })
    expect(new Set(silent.actions.slice(0, 40).map((a) => a.toFixed(4))).size).toBe(1)
    expect(first[0]).not.toBeCloseTo(silent.actions[0] as number, 4)
  })
})

describe('after each collect', () => {
  test('redq does its 20 updates, none of them before the buffer is filled', async () => {
    const { result } = await run('redq', {}, {}, { ensemble_num: 3 })
    expect(result).toMatchObject({ env_step: 60, train_iter: ((60 - 40) / 2) * 20 })
  })

  test('update_per_collect sets another number', async () => {
    const { result } = await run('redq', {}, { update_per_collect: 3 }, { ensemble_num: 3 })
    expect(result.train_iter).toBe(30)
  })
})
