import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Box,
  createEnv,
  createEnvManager,
  envSources,
  loadMujoco,
  MUJOCO_IDS,
  MujocoEnv,
} from '../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { ConfigError, EnvError, type StateTree } from '../../../ding/utils/index.js'
import { envParityCase } from '../../parity/envs.js'
import { mujocoFacts } from '../../parity/mujoco_facts.js'

const GOLDEN = process.env['DING_GOLDEN'] ?? resolve(import.meta.dirname, '../../../../shared/golden')

async function make(id: string, cfg: Record<string, unknown> = {}): Promise<MujocoEnv> {
  const env = await createEnv({ type: id, cfg })
  if (!(env instanceof MujocoEnv)) throw new Error(`${id} is no MuJoCo environment`)
  return env
}

async function using<T>(
  id: string,
  cfg: Record<string, unknown>,
  use: (env: MujocoEnv) => T | Promise<T>,
): Promise<T> {
  const env = await make(id, cfg)
  try {
    return await use(env)
  } finally {
    env.close()
  }
}

/** Observations and rewards of random steps, with a reset at the end of each episode. */
function rollOut(env: MujocoEnv, steps: number): number[] {
  const seen: number[] = []
  for (let i = 0; i < steps; i++) {
    const { obs, reward, done } = env.step(env.random_action())
    seen.push(...obs, reward)
    if (done) seen.push(...env.reset())
  }
  return seen
}

describe.skipIf(!existsSync(join(GOLDEN, 'mujoco_facts')))(`golden numbers in ${GOLDEN}`, () => {
  const read = (folder: string, name: string) =>
    JSON.parse(readFileSync(join(GOLDEN, folder, `${name}.json`), 'utf8')) as Record<string, unknown>

  it.each([
    'Ant-v5',
    'Ant-v5_legacy_margin',
    'HalfCheetah-v4',
    'HalfCheetah-v5',
    'Hopper-v5',
    'Hopper-v5_legacy_margin',
    'Humanoid-v5_legacy_margin',
    'InvertedDoublePendulum-v5',
    'InvertedPendulum-v5',
    'Pusher-v5_legacy_margin',
    'Reacher-v5',
    'Swimmer-v5',
    'Walker2d-v5',
  ])('one-step restarts of %s', async (name) => {
    const result = await envParityCase(read('envs', name), name)
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases.length).toBeGreaterThan(2)
    expect(result.cases.filter((each) => !each.pass)).toEqual([])
  })

  it.each([
    'ant',
    'half_cheetah',
    'hopper',
    'humanoid',
    'humanoidstandup',
    'inverted_double_pendulum',
    'inverted_pendulum',
    'pusher_v5',
    'reacher',
    'swimmer',
    'walker2d',
    'walker2d_v5',
  ])('the compiled model against the fact sheet of %s', async (name) => {
    const result = await mujocoFacts(read('mujoco_facts', name), name)
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases.length).toBeGreaterThan(70)
    expect(result.cases.filter((each) => !each.pass)).toEqual([])
  })

  it('spaces, limits and thresholds', async () => {
    const result = await envParityCase(read('envs', 'registry'), 'registry')
    if (!('cases' in result)) throw new Error(result.skipped)
    const ours = result.cases.filter((each) => MUJOCO_IDS.some((id) => each.name.startsWith(`${id} `)))
    expect(ours).toHaveLength(MUJOCO_IDS.length)
    expect(ours.filter((each) => !each.pass)).toEqual([])
  })

  it('the comparisons notice a wrong number', async () => {
    const json = read('envs', 'Hopper-v5')
    const [first, second, third] = json['episodes'] as {
      qvel: number[][]
      reward: number[]
      terminated: number[]
    }[]
    first!.qvel[3]![1]! += 2e-9
    second!.reward[5]! += 2e-9
    third!.terminated[7] = 1
    const result = await envParityCase(json, 'x')
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases.map((each) => each.pass)).toEqual([false, false, false])

    const facts = read('mujoco_facts', 'hopper')
    ;(facts['bodies'] as { mass: number }[])[2]!.mass += 1e-9
    const compared = await mujocoFacts(facts, 'x')
    if (!('cases' in compared)) throw new Error(compared.skipped)
    expect(compared.cases.filter((each) => !each.pass).map((each) => each.name)).toEqual([
      'hopper.xml bodies mass',
    ])
  })
})

describe('MuJoCo environments', () => {
  // id, observation, action, largest control, time limit, stop_value; as in Gymnasium's registry.
  const EXPECTED: [string, number, number, number, number, number][] = [
    ['HalfCheetah-v4', 17, 6, 1, 1000, 4800],
    ['HalfCheetah-v5', 17, 6, 1, 1000, 4800],
    ['Hopper-v4', 11, 3, 1, 1000, 3800],
    ['Hopper-v5', 11, 3, 1, 1000, 3800],
    ['Walker2d-v4', 17, 6, 1, 1000, Infinity],
    ['Walker2d-v5', 17, 6, 1, 1000, Infinity],
    ['Swimmer-v4', 8, 2, 1, 1000, 360],
    ['Swimmer-v5', 8, 2, 1, 1000, 360],
    ['Reacher-v4', 11, 2, 1, 50, -3.75],
    ['Reacher-v5', 10, 2, 1, 50, -3.75],
    ['Pusher-v4', 23, 7, 2, 100, 0],
    ['Pusher-v5', 23, 7, 2, 100, 0],
    ['InvertedPendulum-v4', 4, 1, 3, 1000, 950],
    ['InvertedPendulum-v5', 4, 1, 3, 1000, 950],
    ['InvertedDoublePendulum-v4', 11, 1, 1, 1000, 9100],
    ['InvertedDoublePendulum-v5', 9, 1, 1, 1000, 9100],
    ['Ant-v4', 27, 8, 1, 1000, 6000],
    ['Ant-v5', 105, 8, 1, 1000, 6000],
    ['Humanoid-v4', 376, 17, 0.4, 1000, Infinity],
    ['Humanoid-v5', 348, 17, 0.4, 1000, Infinity],
    ['HumanoidStandup-v4', 376, 17, 0.4, 1000, Infinity],
    ['HumanoidStandup-v5', 348, 17, 0.4, 1000, Infinity],
  ]

  it('are all in this list', () => {
    expect([...MUJOCO_IDS].sort()).toEqual(EXPECTED.map(([id]) => id).sort())
  })

  it.each(EXPECTED)(
    '%s has the published spaces, limit and threshold',
    async (id, obs, act, high, limit, stop) => {
      await using(id, { act_scale: false }, (env) => {
        expect(env.observation_space.shape).toEqual([obs])
        expect(env.action_space.high).toEqual(new Float32Array(act).fill(high))
        expect(env.action_space.low).toEqual(new Float32Array(act).fill(-high))
        expect(env['maxEpisodeSteps']).toBe(limit)
        env.seed(3)
        expect(env.observation_space.contains(env.reset())).toBe(true)
        const { obs: next, reward, done } = env.step(env.random_action())
        expect(next).toHaveLength(obs)
        expect(next.every(Number.isFinite) && Number.isFinite(reward)).toBe(true)
        expect(done).toBe(false)
      })
      const { config } = ENV_REGISTRY.get(id) as unknown as {
        config: { root: { children: Map<string, { default: unknown }> } }
      }
      expect(config.root.children.get('stop_value')?.default).toBe(stop)
    },
  )

  it('repeat with the seed, and differ between seeds and episodes', async () => {
    await using('Ant-v5', {}, (env) => {
      const episodes = (seed: number) => {
        env.seed(seed)
        return [env.reset(), env.reset()].map((obs) => Array.from(obs))
      }
      const [first, second] = episodes(5)
      expect(episodes(5)).toEqual([first, second])
      expect(second).not.toEqual(first)
      expect(episodes(6)[0]).not.toEqual(first)
    })
  })

  it('draw resets from the published ranges', async () => {
    await using('Pusher-v5', {}, (env) => {
      for (let i = 0; i < 100; i++) {
        env.reset()
        const [first, second] = env.simulation.qpos.subarray(7) as unknown as [number, number]
        expect(Math.hypot(first, second)).toBeGreaterThan(0.17)
        expect(first).toBeLessThanOrEqual(0)
        expect(Math.abs(second)).toBeLessThanOrEqual(0.2)
      }
    })
    await using('Reacher-v5', {}, (env) => {
      for (let i = 0; i < 100; i++) {
        env.reset()
        expect(Math.hypot(env.simulation.qpos[2]!, env.simulation.qpos[3]!)).toBeLessThan(0.2)
      }
    })
  })

  it.each(['HalfCheetah-v5', 'Ant-v4', 'Humanoid-v5', 'Pusher-v4', 'Reacher-v4'])(
    '%s goes on bit for bit from a saved state',
    async (id) => {
      const going = await make(id)
      const resumed = await make(id)
      going.seed(11)
      going.reset()
      rollOut(going, 25)
      // Through text, as a checkpoint has it.
      const saved = JSON.parse(JSON.stringify(going.state_dict())) as StateTree
      const after = rollOut(going, 40)
      resumed.reset()
      rollOut(resumed, 3)
      resumed.load_state_dict(saved)
      expect(rollOut(resumed, 40)).toEqual(after)
      going.close()
      resumed.close()
    },
  )

  it('scale actions of [-1, 1] to the motors unless told not to', async () => {
    await using('InvertedPendulum-v5', {}, (env) => {
      expect(env.action_space.high).toEqual(Float32Array.of(1))
      env.reset()
      env.step(Float32Array.of(0.5))
      expect(env.simulation.ctrl[0]).toBe(1.5)
    })
    await using('InvertedPendulum-v5', { act_scale: false }, (env) => {
      expect((env.action_space as Box).high).toEqual(Float32Array.of(3))
      env.reset()
      env.step(Float32Array.of(0.5))
      expect(env.simulation.ctrl[0]).toBe(0.5)
    })
  })

  it('truncate at the time limit, and keep the raw return', async () => {
    await using('Reacher-v5', {}, (env) => {
      env.reset()
      let total = 0
      for (let i = 1; i <= 50; i++) {
        const { reward, terminated, truncated, info } = env.step(env.random_action())
        total += reward
        expect([terminated, truncated]).toEqual([false, i === 50])
        expect(info['eval_episode_return']).toBe(i === 50 ? total : undefined)
      }
    })
    await using('HalfCheetah-v4', { max_episode_steps: 2 }, (env) => {
      env.reset()
      env.step(env.random_action())
      expect(env.step(env.random_action()).truncated).toBe(true)
    })
  })

  it('run in worker threads with the same numbers', async () => {
    const env = { type: 'mujoco', env_id: 'Hopper-v4', collector_env_num: 2 }
    const managers = ['base', 'subprocess'].map((type) =>
      createEnvManager({ type }, envSources('collector', env)),
    )
    const seen: unknown[] = []
    for (const manager of managers) {
      manager.seed(7)
      await manager.launch()
      const steps = []
      for (let i = 0; i < 5; i++) {
        const actions = Object.fromEntries(
          manager.ready_obs_id.map((id) => [id, Float32Array.of(0.1 * id, -0.2, 0.3)]),
        )
        const result = await manager.step(actions)
        steps.push(Object.entries(result).map(([id, { obs, reward }]) => [id, obs, reward]))
      }
      seen.push(steps)
      await manager.close()
    }
    expect(seen[1]).toEqual(seen[0])
  })

  it('read a model of the user', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ding_mujoco_'))
    const file = join(folder, 'cart.xml')
    const model = (margin: string) => `<mujoco><worldbody><body>
      <joint name="x" type="slide" axis="1 0 0"/><joint name="y" axis="0 1 0"/><geom size="0.1" ${margin}/>
      </body><geom type="plane" size="1 1 1"/></worldbody>
      <actuator><motor joint="x" ctrlrange="-2 2"/></actuator></mujoco>`
    writeFileSync(file, model(''))
    await using('InvertedPendulum-v5', { xml_file: file, act_scale: false, frame_skip: 3 }, (env) => {
      expect(env.action_space.high).toEqual(Float32Array.of(2))
      expect(env.dt).toBeCloseTo(0.006, 12)
      expect(env.reset()).toHaveLength(4)
    })
    // The old rule for margins cannot be had where they differ.
    writeFileSync(file, model('margin="0.1"'))
    await expect(make('InvertedPendulum-v5', { xml_file: file })).rejects.toThrow(/legacy_contact_margin/)
    await using('InvertedPendulum-v5', { xml_file: file, legacy_contact_margin: false }, (env) => env.reset())
    rmSync(folder, { recursive: true })
    await expect(make('InvertedPendulum-v5', { xml_file: file })).rejects.toThrow(/cannot read .*cart\.xml/)
    expect((await loadMujoco()).modelCount).toBe(0)
  })
})

describe('type "mujoco"', () => {
  it('makes the env of env_id, with its own defaults where a key is null', async () => {
    const env = await make('mujoco', {
      env_id: 'Ant-v4',
      use_contact_forces: true,
      healthy_reward: null,
      xml_file: null,
    })
    expect(env.name).toBe('Ant-v4')
    expect(env.observation_space.shape).toEqual([111])
    env.close()
  })

  it('refuses an unknown id and a key that the id does not have', async () => {
    await expect(make('mujoco', { env_id: 'HalfCheeta-v4' })).rejects.toThrow(/Did you mean "HalfCheetah-v4"/)
    await expect(make('mujoco', { env_id: 'HalfCheetah-v4', healthy_reward: 2 })).rejects.toThrow(
      /HalfCheetah-v4 has no key "healthy_reward"/,
    )
    await expect(make('Hopper-v5', { healthy_z_range: [2, 1] })).rejects.toThrow(ConfigError)
    await expect(make('Hopper-v5', { healthy_z_range: 1 })).rejects.toThrow(/list of two numbers/)
    await expect(make('Ant-v5', { main_body: 99 })).rejects.toThrow(EnvError)
  })
})
