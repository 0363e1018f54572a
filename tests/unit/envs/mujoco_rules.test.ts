import { describe, expect, it } from 'vitest'
import { createEnv, type EnvTimestep, MujocoEnv } from '../../../ding/envs/index.js'

// What differs between Gymnasium's v4 and v5 (all golden files but one are v5), and how contact margins add up. Keys: mujoco_keys.test.ts.

type Config = Record<string, unknown>

interface Result extends EnvTimestep<Float32Array> {
  /** Observations in float64 before and after the step. */
  before: number[]
  after: number[]
  contacts: number
}

/** One step from the model's initial position with some coordinates changed, at rest. */
async function stepFrom(id: string, change: Record<number, number>, cfg: Config = {}): Promise<Result> {
  const env = await createEnv({ type: id, cfg })
  if (!(env instanceof MujocoEnv)) throw new Error(`${id} is no MuJoCo environment`)
  const qpos = env.simulation.modelArray('qpos0')
  for (const [i, v] of Object.entries(change)) qpos[Number(i)] = v
  env.setState(qpos, new Float64Array(env.simulation.nv))
  const before = Array.from(env.observation())
  const { contacts } = env.simulation.usage
  const step = env.step(new Float32Array(env.action_space.shape[0]!).fill(0.25)) as EnvTimestep<Float32Array>
  const result = { ...step, before, after: Array.from(env.observation()), contacts }
  env.close()
  return result
}

async function versions(
  name: string,
  change: Record<number, number>,
  v4: Config = {},
  v5: Config = {},
): Promise<[Result, Result]> {
  return [await stepFrom(`${name}-v4`, change, v4), await stepFrom(`${name}-v5`, change, v5)]
}

const norm = (values: readonly number[]): number => Math.hypot(...values)

describe('v4 and v5', () => {
  // Starts in the air, so that no contact matters.
  it.each([
    ['Hopper', { 1: 3, 2: 0.5 }, 1],
    ['Walker2d', { 1: 3 }, 1],
    ['Ant', { 2: 1.5 }, 1],
    ['Humanoid', { 2: 3 }, 5],
    ['InvertedPendulum', { 1: 0.5 }, 1],
    ['InvertedDoublePendulum', { 1: 2 }, 10],
  ] as [string, Record<number, number>, number][])(
    '%s: v4 pays the healthy reward in the last step too',
    async (name, change, bonus) => {
      const [v4, v5] = await versions(name, change)
      expect([v4.terminated, v5.terminated]).toEqual([true, true])
      expect(v4.reward - v5.reward).toBeCloseTo(bonus, 9)
      if (name.startsWith('Inverted')) return
      const [on4, on5] = await versions(
        name,
        change,
        { terminate_when_unhealthy: false },
        { terminate_when_unhealthy: false },
      )
      expect([on4.terminated, on5.terminated]).toEqual([false, false])
      expect([on4.reward, on5.reward]).toEqual([v5.reward, v5.reward])
    },
  )

  it('HalfCheetah: both pay for the way forward, a second, less 0.1 of the squared controls', async () => {
    const cfg = { exclude_current_positions_from_observation: false }
    for (const { before, after, reward, info } of await versions('HalfCheetah', { 1: 1 }, cfg, cfg)) {
      const forward = ((after[0] as number) - (before[0] as number)) / 0.05
      expect(Math.abs(forward)).toBeGreaterThan(0.01)
      expect(reward).toBeCloseTo(forward - 0.1 * 6 * 0.25 ** 2, 9)
      expect(info['x_velocity']).toBeCloseTo(forward, 9)
    }
  })

  it('Reacher: v4 pays for the distance before the step', async () => {
    const [v4, v5] = await versions('Reacher', { 0: 1 })
    expect(v4.info['reward_dist']).toBeCloseTo(-norm(v4.before.slice(8)), 12)
    expect(v5.info['reward_dist']).toBeCloseTo(-norm(v5.after.slice(8)), 12)
    expect(v4.info['reward_dist']).not.toBe(v5.info['reward_dist'])
    expect(v4.after).toEqual([...v5.after, 0])
    expect(v5.reward).toBe((v5.info['reward_dist'] as number) - 2 * 0.25 ** 2)
  })

  it('Pusher: v4 pays for the distances before the step and has a lighter object', async () => {
    const [v4, v5] = await versions('Pusher', { 7: -0.2, 8: -0.1 })
    const distances = (obs: readonly number[]) => {
      const [tip, object, goal] = [obs.slice(14, 17), obs.slice(17, 20), obs.slice(20)] as [
        number[],
        number[],
        number[],
      ]
      return [norm(object.map((v, i) => v - tip[i]!)), norm(object.map((v, i) => v - goal[i]!))] as const
    }
    const effort = 7 * 0.5 ** 2
    const [near4, dist4] = distances(v4.before)
    expect(v4.reward).toBeCloseTo(-dist4 - 0.1 * effort - 0.5 * near4, 12)
    expect(v4.info).toMatchObject({ reward_ctrl: -effort })
    const [near5, dist5] = distances(v5.after)
    expect(v5.reward).toBeCloseTo(-dist5 - 0.1 * effort - 0.5 * near5, 12)
    expect(v5.info).toMatchObject({ reward_ctrl: expect.closeTo(-0.1 * effort, 12) })
    const mass = async (id: string) => {
      const env = (await createEnv({ type: id, cfg: {} })) as MujocoEnv
      const { simulation } = env
      const value = simulation.modelArray('body_mass')[simulation.id('body', 'object')]!
      env.close()
      return value
    }
    expect((await mass('Pusher-v5')) / (await mass('Pusher-v4'))).toBeCloseTo(1000, 6)
  })

  it('Walker2d: the right foot of v4 slides more easily', async () => {
    const friction = async (id: string) => {
      const env = (await createEnv({ type: id, cfg: {} })) as MujocoEnv
      const { simulation } = env
      const of = (geom: string) =>
        simulation.modelArray('geom_friction')[3 * simulation.id('geom', geom)] as number
      const pair = [of('foot_geom'), of('foot_left_geom')]
      env.close()
      return pair
    }
    expect(await friction('Walker2d-v4')).toEqual([0.9, 1.9])
    expect(await friction('Walker2d-v5')).toEqual([1.9, 1.9])
  })

  it('Ant: contact forces are optional in v4, and in v5 left out of the observation only', async () => {
    const standing = { 2: 0.255 }
    const [plain, v5] = await versions('Ant', standing)
    const with4 = await stepFrom('Ant-v4', standing, { use_contact_forces: true })
    const without5 = await stepFrom('Ant-v5', standing, { include_cfrc_ext_in_observation: false })
    expect(v5.contacts).toBeGreaterThan(0)
    const cost = -(v5.info['reward_contact'] as number)
    expect(cost).toBeGreaterThan(1e-4)
    expect(Math.max(...v5.after.slice(27).map(Math.abs))).toBe(1)
    expect(with4.after).toEqual([...v5.after.slice(0, 27), 0, 0, 0, 0, 0, 0, ...v5.after.slice(27)])
    expect(plain.after).toEqual(v5.after.slice(0, 27))
    expect(without5.after).toEqual(plain.after)
    expect(with4.reward).toBeCloseTo(v5.reward, 12)
    expect(without5.reward).toBe(v5.reward)
    expect(plain.reward - v5.reward).toBeCloseTo(cost, 12)
    const wide = await stepFrom('Ant-v5', standing, { contact_force_range: [null, null] })
    expect(Math.max(...wide.after.slice(27).map(Math.abs))).toBeGreaterThan(1)
  })

  it('Humanoid: v5 leaves out what is always 0, and pays for contacts', async () => {
    const standing = { 2: 1.28 }
    const [v4, v5] = await versions('Humanoid', standing)
    const zeros = (count: number) => new Array<number>(count).fill(0)
    const [state, cinert, cvel, motors, forces] = [
      v5.after.slice(0, 45),
      v5.after.slice(45, 175),
      v5.after.slice(175, 253),
      v5.after.slice(253, 270),
      v5.after.slice(270),
    ] as [number[], number[], number[], number[], number[]]
    expect(v4.after).toEqual([
      ...state,
      ...zeros(10),
      ...cinert,
      ...zeros(6),
      ...cvel,
      ...zeros(6),
      ...motors,
      ...zeros(6),
      ...forces,
    ])
    // 0.25 of 0.4, times the gear.
    expect(motors[0]).toBeCloseTo(10, 5)
    const cost = -(v5.info['reward_contact'] as number)
    expect(cost).toBeCloseTo(Math.min(10, 5e-7 * norm(forces) ** 2), 12)
    expect(cost).toBeGreaterThan(0)
    expect(v4.reward - v5.reward).toBeCloseTo(cost, 12)
    const parts = ['cinert', 'cvel', 'qfrc_actuator', 'cfrc_ext']
    const bare = Object.fromEntries(parts.map((part) => [`include_${part}_in_observation`, false]))
    expect((await stepFrom('Humanoid-v5', standing, bare)).after).toEqual(state)
  })

  it('InvertedDoublePendulum: v4 observes the constraint forces of all joints', async () => {
    const [v4, v5] = await versions('InvertedDoublePendulum', { 0: 1.001 })
    expect(v4.after).toHaveLength(11)
    expect(v4.after.slice(0, 9)).toEqual(v5.after)
    // The cart is past its stop, which pushes back with more than what is shown.
    expect(v5.after[8]).toBe(-10)
  })

  it('HumanoidStandup: height over the physics time step', async () => {
    const [v4, v5] = await versions('HumanoidStandup', { 2: 2 })
    const linup = v5.info['reward_linup'] as number
    expect(linup).toBeCloseTo((v5.after[0] as number) / 0.003, 6)
    const { reward_quadctrl, reward_impact } = v5.info as Record<string, number>
    expect(reward_quadctrl).toBeCloseTo(-0.1 * 17 * 0.1 ** 2, 7)
    const impact = norm(v5.after.slice(270))
    expect(reward_impact).toBeCloseTo(-5e-7 * impact ** 2, 12)
    expect(v5.reward).toBeCloseTo(linup + reward_quadctrl! + reward_impact! + 1, 9)
    expect(v4.reward).toBe(v5.reward)
  })

  it.each([
    ['HalfCheetah-v4', ['reward_ctrl', 'reward_run', 'x_position', 'x_velocity']],
    ['HalfCheetah-v5', ['reward_ctrl', 'reward_forward', 'x_position', 'x_velocity']],
    ['Hopper-v4', ['x_position', 'x_velocity']],
    [
      'Swimmer-v4',
      [
        'distance_from_origin',
        'forward_reward',
        'reward_ctrl',
        'reward_fwd',
        'x_position',
        'x_velocity',
        'y_position',
        'y_velocity',
      ],
    ],
  ])('%s reports what Gymnasium reports', async (id, keys) => {
    expect(Object.keys((await stepFrom(id, {})).info).sort()).toEqual(keys)
  })
})

describe('contact margins', () => {
  it('legacy_contact_margin: 1 mm of margin on both sides is 1 mm, not 2', async () => {
    // The foot's lower side is 4 cm above the ground at the initial height of 1.25 m.
    const above = (gap: number) => ({ 1: 1.25 - 0.04 + gap })
    const contacts = async (gap: number, cfg: Config) =>
      (await stepFrom('Hopper-v5', above(gap), cfg)).contacts
    expect(await contacts(0.0015, {})).toBe(0)
    expect(await contacts(0.0015, { legacy_contact_margin: false })).toBe(2)
    expect(await contacts(0.0008, {})).toBe(2)
    expect(await contacts(0.0025, { legacy_contact_margin: false })).toBe(0)
  })
})
