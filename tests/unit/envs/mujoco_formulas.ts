// What Gymnasium's MuJoCo classes make of a step, computed apart from our environments: from the numbers of the physics before and after it
// (gymnasium/envs/mujoco/*_v4.py and *_v5.py: the defaults of __init__, is_healthy, step, _get_rew, _get_obs).
import type { MujocoEnv } from '../../../ding/envs/index.js'

type Range = readonly [number | null, number | null]

/** All arguments of the classes; each has some of them. */
export interface Settings {
  readonly forward_reward_weight: number
  readonly ctrl_cost_weight: number
  readonly contact_cost_weight: number
  readonly contact_cost_range: Range
  readonly contact_force_range: Range
  readonly healthy_reward: number
  readonly terminate_when_unhealthy: boolean
  readonly healthy_z_range: Range
  readonly healthy_angle_range: Range
  readonly healthy_state_range: Range
  readonly reset_noise_scale: number
  readonly exclude_current_positions_from_observation: boolean
  readonly use_contact_forces: boolean
  readonly main_body: string | number
  readonly include_cfrc_ext_in_observation: boolean
  readonly include_cinert_in_observation: boolean
  readonly include_cvel_in_observation: boolean
  readonly include_qfrc_actuator_in_observation: boolean
  readonly reward_near_weight: number
  readonly reward_dist_weight: number
  readonly reward_control_weight: number
  readonly uph_cost_weight: number
  readonly impact_cost_weight: number
  readonly impact_cost_range: Range
}

const ARRAYS = [
  'qpos',
  'qvel',
  'cinert',
  'cvel',
  'cfrc_ext',
  'qfrc_actuator',
  'qfrc_constraint',
  'xpos',
  'xipos',
  'site_xpos',
] as const

/** A copy of the numbers of mjData. */
export type Physics = Readonly<Record<(typeof ARRAYS)[number], readonly number[]>>

export function physicsOf({ simulation }: MujocoEnv): Physics {
  const copies = ARRAYS.map((name) => [name, Array.from(simulation[name])] as const)
  return Object.fromEntries(copies) as Record<(typeof ARRAYS)[number], number[]>
}

/** A step: its arguments, the inputs of the motors, and the physics around it. */
export interface Step {
  readonly version: 4 | 5
  readonly settings: Settings
  readonly control: readonly number[]
  readonly before: Physics
  readonly after: Physics
  /** s, of the whole step and of one physics step. */
  readonly dt: number
  readonly timestep: number
  readonly masses: readonly number[]
  /** Number of a body. */
  body(name: string): number
}

export interface Outcome {
  readonly observation: readonly number[]
  readonly reward: number
  readonly terminated: boolean
  /** Parts of `info`. */
  readonly info: Readonly<Record<string, number>>
}

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0)
const squares = (values: readonly number[]): number => sum(values.map((v) => v ** 2))
const clip = (v: number, [low, high]: Range): number =>
  Math.min(Math.max(v, low ?? -Infinity), high ?? Infinity)
const within = (v: number | undefined, [low, high]: Range): boolean =>
  (low ?? -Infinity) < v! && v! < (high ?? Infinity)
const point = (positions: readonly number[], i: number): readonly number[] =>
  positions.slice(3 * i, 3 * i + 3)
const between = (a: readonly number[], b: readonly number[]): number =>
  Math.sqrt(squares(a.map((v, i) => v - b[i]!)))

/** Positions from the `hidden`-th on where these are left out, and velocities. */
const coordinates = (
  { settings, after: { qpos, qvel } }: Step,
  hidden: number,
  limit: Range = [null, null],
) => [
  ...qpos.slice(settings.exclude_current_positions_from_observation ? hidden : 0),
  ...qvel.map((v) => clip(v, limit)),
]

/** What v5's and v4's is_healthy, healthy_reward and terminated make of a state. */
function alive({ version, settings }: Step, healthy: boolean) {
  const paid = healthy || (version === 4 && settings.terminate_when_unhealthy)
  return {
    bonus: paid ? settings.healthy_reward : 0,
    terminated: settings.terminate_when_unhealthy && !healthy,
  }
}

const speed = ({ dt }: Step, before: readonly number[], after: readonly number[]) =>
  after.map((v, i) => (v - before[i]!) / dt)

/** HalfCheetah and Swimmer. */
function running(step: Step, hidden: 1 | 2, names: readonly string[]): Outcome {
  const { settings, before, after, control } = step
  const [velocity] = speed(step, before.qpos, after.qpos)
  const forward = settings.forward_reward_weight * velocity!
  const ctrl = settings.ctrl_cost_weight * squares(control)
  return {
    observation: coordinates(step, hidden),
    reward: forward - ctrl,
    terminated: false,
    info: {
      ...Object.fromEntries(names.map((name) => [name, forward])),
      reward_ctrl: -ctrl,
      x_velocity: velocity!,
    },
  }
}

/** Hopper and Walker2d. */
function walking(step: Step, healthyState: boolean): Outcome {
  const { settings, before, after, control, version } = step
  const [, z, angle] = after.qpos
  const { bonus, terminated } = alive(
    step,
    healthyState && within(z, settings.healthy_z_range) && within(angle, settings.healthy_angle_range),
  )
  const [velocity] = speed(step, before.qpos, after.qpos)
  const forward = settings.forward_reward_weight * velocity!
  const ctrl = settings.ctrl_cost_weight * squares(control)
  return {
    observation: coordinates(step, 1, [-10, 10]),
    reward: forward + bonus - ctrl,
    terminated,
    info: version === 4 ? {} : { reward_forward: forward, reward_ctrl: -ctrl, reward_survive: bonus },
  }
}

function ant(step: Step): Outcome {
  const { version, settings, before, after, control, body } = step
  const v4 = version === 4
  const main = v4 ? 'torso' : settings.main_body
  const id = typeof main === 'string' ? body(main) : main
  const [velocity] = speed(step, point(before.xpos, id), point(after.xpos, id))
  const z = after.qpos[2]!
  // The bounds count as healthy here.
  const { bonus, terminated } = alive(step, clip(z, settings.healthy_z_range) === z)
  const forces = after.cfrc_ext.map((f) => clip(f, settings.contact_force_range))
  const forward = (v4 ? 1 : settings.forward_reward_weight) * velocity!
  const ctrl = settings.ctrl_cost_weight * squares(control)
  const contact = !v4 || settings.use_contact_forces ? settings.contact_cost_weight * squares(forces) : 0
  const seen = v4 ? settings.use_contact_forces : settings.include_cfrc_ext_in_observation
  return {
    observation: [...coordinates(step, 2), ...(seen ? forces.slice(v4 ? 0 : 6) : [])],
    reward: forward + bonus - ctrl - contact,
    terminated,
    info: {
      reward_forward: forward,
      reward_survive: bonus,
      ...(v4
        ? { reward_ctrl: settings.use_contact_forces ? -contact : -ctrl }
        : { reward_ctrl: -ctrl, reward_contact: -contact }),
    },
  }
}

/** Of the two human figures; v5 leaves out what belongs to the world and to the free joint. */
function figure(step: Step): number[] {
  const { version, settings, after } = step
  const parts = [
    ['cinert', 10],
    ['cvel', 6],
    ['qfrc_actuator', 6],
    ['cfrc_ext', 6],
  ] as const
  const seen = parts.filter(([name]) => version === 4 || settings[`include_${name}_in_observation`])
  return [
    ...coordinates(step, 2),
    ...seen.flatMap(([name, hidden]) => after[name].slice(version === 4 ? 0 : hidden)),
  ]
}

function humanoid(step: Step): Outcome {
  const { version, settings, before, after, control, masses } = step
  const centre = ({ xipos }: Physics) => [sum(masses.map((m, i) => m * xipos[3 * i]!)) / sum(masses)]
  const [velocity] = speed(step, centre(before), centre(after))
  const { bonus, terminated } = alive(step, within(after.qpos[2], settings.healthy_z_range))
  const forward = settings.forward_reward_weight * velocity!
  const ctrl = settings.ctrl_cost_weight * squares(control)
  const contact =
    version === 4
      ? 0
      : clip(settings.contact_cost_weight * squares(after.cfrc_ext), settings.contact_cost_range)
  return {
    observation: figure(step),
    reward: forward + bonus - ctrl - contact,
    terminated,
    info:
      version === 4
        ? { reward_linvel: forward, reward_quadctrl: -ctrl, reward_alive: bonus }
        : {
            reward_forward: forward,
            reward_ctrl: -ctrl,
            reward_survive: bonus,
            reward_contact: -contact,
          },
  }
}

/** By its documentation: the code of v5 takes uph_cost_weight and leaves it out. */
function standup(step: Step): Outcome {
  const { settings, after, control, timestep } = step
  const up = (settings.uph_cost_weight * after.qpos[2]!) / timestep
  const ctrl = settings.ctrl_cost_weight * squares(control)
  const impact = clip(settings.impact_cost_weight * squares(after.cfrc_ext), settings.impact_cost_range)
  return {
    observation: figure(step),
    reward: up - ctrl - impact + 1,
    terminated: false,
    info: { reward_linup: up, reward_quadctrl: -ctrl, reward_impact: -impact },
  }
}

function reacher(step: Step): Outcome {
  const { version, settings, before, after, control, body } = step
  const pair = ({ xpos }: Physics) => [point(xpos, body('fingertip')), point(xpos, body('target'))] as const
  const dist = -settings.reward_dist_weight * between(...pair(version === 4 ? before : after))
  const ctrl = -settings.reward_control_weight * squares(control)
  const [tip, target] = pair(after)
  const offset = tip.map((v, i) => v - target[i]!)
  const angles = after.qpos.slice(0, 2)
  return {
    observation: [
      ...angles.map(Math.cos),
      ...angles.map(Math.sin),
      ...after.qpos.slice(2),
      ...after.qvel.slice(0, 2),
      ...offset.slice(0, version === 4 ? 3 : 2),
    ],
    reward: dist + ctrl,
    terminated: false,
    info: { reward_dist: dist, reward_ctrl: ctrl },
  }
}

function pusher(step: Step): Outcome {
  const { version, settings, before, after, control, body } = step
  const at = ({ xpos }: Physics) => ['tips_arm', 'object', 'goal'].map((name) => point(xpos, body(name)))
  const [tip, object, goal] = at(version === 4 ? before : after)
  const near = -settings.reward_near_weight * between(object!, tip!)
  const dist = -settings.reward_dist_weight * between(object!, goal!)
  const effort = -squares(control)
  const ctrl = settings.reward_control_weight * effort
  return {
    observation: [...after.qpos.slice(0, 7), ...after.qvel.slice(0, 7), ...at(after).flat()],
    reward: dist + ctrl + near,
    terminated: false,
    info:
      version === 4
        ? { reward_dist: dist, reward_ctrl: effort }
        : { reward_dist: dist, reward_ctrl: ctrl, reward_near: near },
  }
}

function pendulum({ version, after: { qpos, qvel } }: Step): Outcome {
  const terminated = Math.abs(qpos[1]!) > 0.2
  const reward = version === 5 && terminated ? 0 : 1
  return { observation: [...qpos, ...qvel], reward, terminated, info: {} }
}

function doublePendulum({ version, settings, after }: Step): Outcome {
  const { qpos, qvel, qfrc_constraint } = after
  const [x, , y] = point(after.site_xpos, 0)
  const terminated = y! <= 1
  const distance = 0.01 * x! ** 2 + (y! - 2) ** 2
  const velocity = 1e-3 * qvel[1]! ** 2 + 5e-3 * qvel[2]! ** 2
  const bonus = version === 5 && terminated ? 0 : settings.healthy_reward
  const angles = qpos.slice(1)
  const cut = (v: number) => clip(v, [-10, 10])
  return {
    observation: [
      qpos[0]!,
      ...angles.map(Math.sin),
      ...angles.map(Math.cos),
      ...qvel.map(cut),
      ...qfrc_constraint.slice(0, version === 4 ? 3 : 1).map(cut),
    ],
    reward: bonus - distance - velocity,
    terminated,
    info: version === 4 ? {} : { reward_survive: bonus },
  }
}

export const FORMULAS = {
  HalfCheetah: (step: Step) => running(step, 1, [step.version === 4 ? 'reward_run' : 'reward_forward']),
  Swimmer: (step: Step) =>
    running(step, 2, step.version === 4 ? ['reward_fwd', 'forward_reward'] : ['reward_forward']),
  Hopper: (step: Step) => {
    const { settings, after } = step
    const state = [...after.qpos, ...after.qvel].slice(2)
    return walking(
      step,
      state.every((v) => within(v, settings.healthy_state_range)),
    )
  },
  Walker2d: (step: Step) => walking(step, true),
  Ant: ant,
  Humanoid: humanoid,
  HumanoidStandup: standup,
  Reacher: reacher,
  Pusher: pusher,
  InvertedPendulum: pendulum,
  InvertedDoublePendulum: doublePendulum,
} as const satisfies Record<string, (step: Step) => Outcome>

export type Family = keyof typeof FORMULAS
