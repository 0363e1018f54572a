// Every key of every MuJoCo environment, against Gymnasium's formulas: one step with another value of the key must give what the formula gives
// with it, which must not be what it gives with the default.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultsOf, type Schema } from '../../../ding/config/index.js'
import { createEnv, type EnvTimestep, MUJOCO_IDS, MujocoEnv } from '../../../ding/envs/index.js'
import { mujocoConfig } from '../../../ding/envs/mujoco/config.js'
import * as models from '../../../ding/envs/mujoco/models/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import {
  type Family,
  FORMULAS,
  type Outcome,
  physicsOf,
  type Settings,
  type Step,
} from './mujoco_formulas.js'

/** In v5's `__init__`; where v4 has numbers in its code instead, they are the same. */
const running = {
  forward_reward_weight: 1,
  reset_noise_scale: 0.1,
  exclude_current_positions_from_observation: true,
}
const walking = {
  ...running,
  ctrl_cost_weight: 1e-3,
  healthy_reward: 1,
  terminate_when_unhealthy: true,
  reset_noise_scale: 5e-3,
}
const figure = {
  ctrl_cost_weight: 0.1,
  reset_noise_scale: 0.01,
  exclude_current_positions_from_observation: true,
  include_cinert_in_observation: true,
  include_cvel_in_observation: true,
  include_qfrc_actuator_in_observation: true,
  include_cfrc_ext_in_observation: true,
}
const DEFAULTS: Record<Family, Partial<Settings>> = {
  HalfCheetah: { ...running, ctrl_cost_weight: 0.1 },
  Swimmer: { ...running, ctrl_cost_weight: 1e-4 },
  Hopper: {
    ...walking,
    healthy_z_range: [0.7, null],
    healthy_angle_range: [-0.2, 0.2],
    healthy_state_range: [-100, 100],
  },
  Walker2d: { ...walking, healthy_z_range: [0.8, 2], healthy_angle_range: [-1, 1] },
  Ant: {
    ...running,
    ctrl_cost_weight: 0.5,
    contact_cost_weight: 5e-4,
    contact_force_range: [-1, 1],
    healthy_reward: 1,
    main_body: 1,
    terminate_when_unhealthy: true,
    healthy_z_range: [0.2, 1],
    include_cfrc_ext_in_observation: true,
    use_contact_forces: false,
  },
  Humanoid: {
    ...figure,
    forward_reward_weight: 1.25,
    contact_cost_weight: 5e-7,
    contact_cost_range: [null, 10],
    healthy_reward: 5,
    terminate_when_unhealthy: true,
    healthy_z_range: [1, 2],
  },
  HumanoidStandup: {
    ...figure,
    uph_cost_weight: 1,
    impact_cost_weight: 0.5e-6,
    impact_cost_range: [null, 10],
  },
  Reacher: { reward_dist_weight: 1, reward_control_weight: 1 },
  Pusher: { reward_near_weight: 0.5, reward_dist_weight: 1, reward_control_weight: 0.1 },
  InvertedPendulum: { reset_noise_scale: 0.01 },
  InvertedDoublePendulum: { healthy_reward: 10, reset_noise_scale: 0.1 },
}

type Setup = [
  frame_skip: number,
  timestep: number,
  motor: number,
  margin: number,
  model: string,
  start: object,
]

/**
 * Physics steps of a step, s of one of them, the largest input of the motors, the contact margin of the geoms (m), the model, and what
 * differs from the initial positions where a step begins: robots that pay for contacts touch the ground.
 */
const SETUP: Record<Family, Setup> = {
  HalfCheetah: [5, 0.01, 1, 0, models.HALF_CHEETAH, { 1: 0.1 }],
  Swimmer: [4, 0.01, 1, 0, models.SWIMMER, { 0: 1 }],
  Hopper: [4, 0.002, 1, 0.001, models.HOPPER, { 2: 0.05 }],
  Walker2d: [4, 0.002, 1, 0, models.walker2d(1.9), { 2: 0.05 }],
  Ant: [5, 0.01, 1, 0.01, models.ANT, { 2: 0.255 }],
  Humanoid: [5, 0.003, Math.fround(0.4), 0.001, models.HUMANOID, { 2: 1.28 }],
  HumanoidStandup: [5, 0.003, Math.fround(0.4), 0.001, models.HUMANOID_STANDUP, {}],
  Reacher: [2, 0.01, 1, 0, models.REACHER, { 0: 1, 3: 0.1 }],
  Pusher: [5, 0.01, 2, 0.002, models.pusher(0.01), { 7: -0.2, 8: -0.1 }],
  InvertedPendulum: [2, 0.02, 3, 0, models.INVERTED_PENDULUM, { 1: 0.05 }],
  InvertedDoublePendulum: [5, 0.01, 1, 0, models.INVERTED_DOUBLE_PENDULUM, { 1: 0.1, 2: -0.1 }],
}

type Key = keyof Settings
type Part = 'observation' | 'reward' | 'terminated'
/** For these ids: a key, a value of it, what it changes at least, and the keys set besides. */
type Row = readonly [RegExp, Key, unknown, readonly Part[], Partial<Settings>?]

const robots = /^(HalfCheetah|Swimmer|Hopper|Walker2d|Ant|Humanoid\w*)-/
const walkers = /^(Hopper|Walker2d|Ant|Humanoid)-/
const figures = /^Humanoid(Standup)?-v5/
const forces = { contact_cost_weight: 0.5 }
const forces4 = { ...forces, use_contact_forces: true }

const ROWS: readonly Row[] = [
  [/^(HalfCheetah|Swimmer|Hopper|Walker2d|Humanoid)-|^Ant-v5/, 'forward_reward_weight', 3, ['reward']],
  [robots, 'ctrl_cost_weight', 2, ['reward']],
  [robots, 'exclude_current_positions_from_observation', false, ['observation']],
  [/^(Hopper|Walker2d|Ant|Humanoid|InvertedDoublePendulum)-/, 'healthy_reward', 7, ['reward']],
  [walkers, 'terminate_when_unhealthy', false, ['terminated'], { healthy_z_range: [5, null] }],
  [walkers, 'healthy_z_range', [5, null], ['terminated']],
  [walkers, 'healthy_z_range', [null, 0.01], ['terminated']],
  [/^(Hopper|Walker2d)-/, 'healthy_angle_range', [2, null], ['terminated']],
  [/^(Hopper|Walker2d)-/, 'healthy_angle_range', [-1, -0.5], ['terminated']],
  [/^Hopper-/, 'healthy_state_range', [-0.01, 100], ['terminated']],
  [/^Hopper-/, 'healthy_state_range', [null, 0.01], ['terminated']],
  [/^Ant-v4/, 'use_contact_forces', true, ['reward', 'observation'], forces],
  [/^Ant-v4/, 'contact_cost_weight', 0.5, ['reward'], { use_contact_forces: true }],
  [/^Ant-v4/, 'contact_force_range', [-0.1, 0.05], ['reward', 'observation'], forces4],
  [/^Ant-v4/, 'contact_force_range', [null, null], ['reward', 'observation'], forces4],
  [/^Ant-v5/, 'contact_cost_weight', 0.5, ['reward']],
  [/^Ant-v5/, 'contact_force_range', [-0.1, 0.05], ['reward', 'observation'], forces],
  [/^Ant-v5/, 'contact_force_range', [null, null], ['reward', 'observation'], forces],
  [/^Ant-v5/, 'main_body', 'aux_1', ['reward']],
  [/^Ant-v5/, 'main_body', 4, ['reward']],
  [/^Ant-v5|^Humanoid(Standup)?-v5/, 'include_cfrc_ext_in_observation', false, ['observation']],
  [figures, 'include_cinert_in_observation', false, ['observation']],
  [figures, 'include_cvel_in_observation', false, ['observation']],
  [figures, 'include_qfrc_actuator_in_observation', false, ['observation']],
  [/^Humanoid-v5/, 'contact_cost_weight', 1e-6, ['reward']],
  [/^Humanoid-v5/, 'contact_cost_range', [30, 40], ['reward']],
  [/^Humanoid-v5/, 'contact_cost_range', [null, null], ['reward'], { contact_cost_weight: 1e-2 }],
  [/^HumanoidStandup-/, 'uph_cost_weight', 3, ['reward']],
  [/^HumanoidStandup-/, 'impact_cost_weight', 1e-6, ['reward']],
  [/^HumanoidStandup-/, 'impact_cost_range', [30, 40], ['reward']],
  [/^HumanoidStandup-/, 'impact_cost_range', [null, null], ['reward'], { impact_cost_weight: 1e-2 }],
  [/^(Reacher|Pusher)-/, 'reward_dist_weight', 3, ['reward']],
  [/^(Reacher|Pusher)-/, 'reward_control_weight', 3, ['reward']],
  [/^Pusher-/, 'reward_near_weight', 3, ['reward']],
]

const familyOf = (id: string) => id.slice(0, -3) as Family
const versionOf = (id: string) => Number(id.at(-1)) as 4 | 5
const DRAWN = MUJOCO_IDS.filter((id) => 'reset_noise_scale' in DEFAULTS[familyOf(id)])

async function using<T>(id: string, cfg: object, use: (env: MujocoEnv) => T): Promise<T> {
  const env = await createEnv({ type: id, cfg: { ...cfg } })
  if (!(env instanceof MujocoEnv)) throw new Error(`${id} is no MuJoCo environment`)
  try {
    return use(env)
  } finally {
    env.close()
  }
}

/** The keys that all ids have, as far as a step depends on them. */
interface General {
  readonly act_scale: boolean
  readonly frame_skip: number
  readonly timestep: number
}

/** One step: what the environment says, and what the formulas say and go by. */
function play(env: MujocoEnv, id: string, given: Partial<Settings>, general: Partial<General> = {}) {
  const family = familyOf(id)
  const [frame_skip, timestep, motor, , , start] = SETUP[family]
  const all = { act_scale: true, frame_skip, timestep, ...general }
  const { simulation } = env
  const qpos = Object.assign(simulation.modelArray('qpos0'), start)
  env.setState(
    qpos,
    Array.from({ length: simulation.nv }, (_, i) => 0.1 * Math.sin(i + 1)),
  )
  // Some are beyond the range, to which act_scale cuts them.
  const action = Float32Array.from({ length: simulation.nu }, (_, i) => 1.2 * Math.cos(i))
  const before = physicsOf(env)
  const seen = env.step(action) as EnvTimestep<Float32Array>
  const step: Step = {
    version: versionOf(id),
    settings: { ...DEFAULTS[family], ...given } as Settings,
    control: Array.from(action, (a) => (all.act_scale ? Math.max(-1, Math.min(a, 1)) * motor : a)),
    before,
    after: physicsOf(env),
    dt: all.frame_skip * all.timestep,
    timestep: all.timestep,
    masses: simulation.modelArray('body_mass'),
    body: (name) => simulation.id('body', name),
  }
  // The first number of a state is the time.
  expect(simulation.state()[0]).toBeCloseTo(step.dt, 12)
  expect(largest(simulation.ctrl, step.control)).toBeLessThan(1e-12)
  return { step, seen, observation: env.observation(), expected: FORMULAS[family](step) }
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length ? Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!))) : Infinity

function agree({ seen, observation, expected }: ReturnType<typeof play>): void {
  expect(largest(observation, expected.observation)).toBeLessThan(1e-9)
  expect(Array.from(seen.obs)).toEqual(Array.from(observation, Math.fround))
  expect(seen.reward).toBeCloseTo(expected.reward, 8)
  expect(seen.terminated).toBe(expected.terminated)
  for (const [name, part] of Object.entries(expected.info)) expect(seen.info[name], name).toBeCloseTo(part, 8)
}

function differences(a: Outcome, b: Outcome): Part[] {
  const parts: Part[] = []
  if (largest(a.observation, b.observation) > 1e-3) parts.push('observation')
  if (Math.abs(a.reward - b.reward) > 1e-3) parts.push('reward')
  if (a.terminated !== b.terminated) parts.push('terminated')
  return parts
}

describe("an environment's own keys", () => {
  it.each(MUJOCO_IDS)('%s: they are those of this file, and the defaults are published', async (id) => {
    const { config } = ENV_REGISTRY.get(id) as unknown as { config: Schema<Record<string, unknown>> }
    const general = new Set(Object.keys(defaultsOf(mujocoConfig(id, 1))))
    const own = Object.entries(defaultsOf(config)).filter(([key]) => !general.has(key))
    const keys = ROWS.filter(([ids]) => ids.test(id)).map(([, key]) => key)
    if (DRAWN.includes(id)) keys.push('reset_noise_scale')
    const published = DEFAULTS[familyOf(id)]
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(keys.map((key) => [key, published[key]])))
    await using(id, {}, (env) => agree(play(env, id, {})))
  })

  const each = ROWS.flatMap(([ids, key, value, parts, besides = {}]) =>
    MUJOCO_IDS.filter((id) => ids.test(id)).map((id) => ({ id, key, value, parts, besides })),
  )
  it.each(each)('$id: $key $value changes $parts', async ({ id, key, value, parts, besides }) => {
    const given = { ...besides, [key]: value }
    await using(id, given, (env) => {
      const played = play(env, id, given)
      agree(played)
      const { step, expected } = played
      const settings = { ...step.settings, [key]: DEFAULTS[familyOf(id)][key] }
      const ignored = FORMULAS[familyOf(id)]({ ...step, settings })
      expect(differences(expected, ignored)).toEqual(expect.arrayContaining([...parts]))
    })
  })

  it.each(DRAWN)('%s: reset_noise_scale is the scale of both draws at a reset', async (id) => {
    const normal = /^(HalfCheetah|Ant|InvertedDouble)/.test(id)
    for (const reset_noise_scale of [DEFAULTS[familyOf(id)].reset_noise_scale!, 0.3]) {
      await using(id, { reset_noise_scale }, (env) => {
        const [positions, velocities]: [number[], number[]] = [[], []]
        const initial = env.simulation.modelArray('qpos0')
        env.seed(1)
        for (let i = 0; i < 150; i++) {
          env.reset()
          positions.push(...Array.from(env.simulation.qpos, (v, j) => Math.abs(v - initial[j]!)))
          velocities.push(...Array.from(env.simulation.qvel, Math.abs))
        }
        for (const draws of normal ? [positions] : [positions, velocities]) {
          expect(Math.max(...draws)).toBeLessThanOrEqual(reset_noise_scale * (1 + 1e-9))
          expect(Math.max(...draws)).toBeGreaterThan(0.9 * reset_noise_scale)
        }
        if (!normal) return
        // Of n squared normal numbers the mean is 1 with a deviation of sqrt(2 / n): five of these.
        const mean = velocities.reduce((sum, v) => sum + (v / reset_noise_scale) ** 2, 0) / velocities.length
        expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(2 / velocities.length))
        expect(Math.max(...velocities)).toBeGreaterThan(2 * reset_noise_scale)
      })
    }
  })
})

describe('the keys of all', () => {
  it.each(MUJOCO_IDS)('%s: range of actions, physics steps, margins, model and time limit', async (id) => {
    const [, , motor, margin, model] = SETUP[familyOf(id)]
    const margins = (env: MujocoEnv) => [...new Set(env.simulation.modelArray('geom_margin'))]
    const high = (env: MujocoEnv) => [...new Set(env.action_space.high as Float32Array)]
    await using(id, {}, (env) => {
      expect([high(env), margins(env)]).toEqual([[1], [margin / 2]])
      expect(play(env, id, {}).seen.truncated).toBe(false)
    })
    const xml_file = join(temporaryFolder(), 'model.xml')
    writeFileSync(xml_file, model.replace('</mujoco>', '<option timestep="0.0015"/></mujoco>'))
    const general = { act_scale: false, frame_skip: 3 }
    const cfg = { ...general, legacy_contact_margin: false, xml_file, max_episode_steps: 1 }
    await using(id, cfg, (env) => {
      expect([high(env), margins(env)]).toEqual([[motor], [margin]])
      const played = play(env, id, {}, { ...general, timestep: 0.0015 })
      agree(played)
      expect([env.dt, played.seen.truncated]).toEqual([expect.closeTo(0.0045, 12), true])
    })
  })
})
