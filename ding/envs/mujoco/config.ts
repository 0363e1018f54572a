import { baseEnvConfig } from '../env_config.js'
import { type ConfigOf, extendSchema } from '../light_imports.js'

/** A lower and an upper bound; null or an infinity: none on that side. */
export type Range = readonly [low: number | null, high: number | null]

/** Whether a value can stand where a range is asked for. */
export function number_range(value: unknown): value is Range {
  const pair = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : undefined
  const bound = (v: unknown): boolean => v === null || (typeof v === 'number' && !Number.isNaN(v))
  if (pair === undefined || !pair.every(bound)) {
    throw new Error('Give a list of two numbers, [low, high]; null for no bound on that side.')
  }
  const [low, high] = boundsOf(pair as unknown as Range)
  if (low > high) throw new Error(`The lower bound ${low} is above the upper one ${high}.`)
  return true
}

/** The two bounds of a range as numbers. */
export function boundsOf([low, high]: Range): [low: number, high: number] {
  return [low ?? -Infinity, high ?? Infinity]
}

/** Whether a value can stand at DI-engine's `norm_obs` or `norm_reward`: those of an environment that normalises nothing. */
export function norm_off(value: unknown): value is { readonly use_norm: false } {
  if (typeof value === 'object' && value !== null && 'use_norm' in value && value.use_norm === false)
    return true
  throw new Error(
    'Give {use_norm: false}, or leave it out: here the policy normalises, by policy.vec_normalize {norm_obs, norm_reward, gamma}, or with a ' +
      "dataset by policy.collect {use_norm, reward_norm}. Neither is the same as DI-engine's wrappers, whose statistics begin anew with each episode.",
  )
}

const normKey = {
  doc: "DI-engine's key, for its configs: {use_norm: false}. It has no effect; policy.vec_normalize normalises.",
  format: norm_off,
  nullable: true,
  default: null,
} as const

/** Schema of the keys that every MuJoCo environment has, with the defaults of one id. */
export function mujocoConfig(env_id: string, frame_skip: number, stop_value = Number.POSITIVE_INFINITY) {
  return extendSchema(baseEnvConfig, {
    env_id: { default: env_id },
    stop_value: { default: stop_value },
    act_scale: {
      doc: 'Actions are in [-1, 1], which action_space then says, and are scaled to the range of the motors.',
      format: 'boolean',
      default: true,
    },
    frame_skip: {
      doc: 'Physics steps of one environment step.',
      format: 'positive_int',
      default: frame_skip,
    },
    legacy_contact_margin: {
      doc: 'True: contact margins combine as in MuJoCo before 3.5, with which most published results were made. False: as today.',
      format: 'boolean',
      default: true,
    },
    xml_file: {
      doc: 'Path of a self-contained MJCF file (nothing included, no meshes from files) in place of the built-in model; null: the built-in model.',
      format: 'string',
      nullable: true,
      default: null,
    },
    norm_obs: normKey,
    norm_reward: normKey,
  })
}

export type MujocoBaseConfig = ConfigOf<ReturnType<typeof mujocoConfig>>

/** Keys that several environments share; each gives its own defaults. */
export const forward_reward_weight = {
  doc: 'Weight of the reward for the velocity along x.',
  format: 'number',
  default: 1,
} as const

export const ctrl_cost_weight = {
  doc: 'Weight of the cost of control, the sum of the squared motor inputs.',
  format: 'number',
  default: 0.1,
} as const

export const reset_noise_scale = {
  doc: 'Scale of the random change of positions and velocities at a reset.',
  format: 'number',
  default: 0.1,
} as const

export const exclude_current_positions_from_observation = {
  doc: 'Leaves the position along the ground out of the observations.',
  format: 'boolean',
  default: true,
} as const

export const healthy_reward = {
  doc: 'Reward of each step that counts as healthy.',
  format: 'number',
  default: 1,
} as const

export const terminate_when_unhealthy = {
  doc: 'The episode ends when the robot is not healthy.',
  format: 'boolean',
  default: true,
} as const

export const healthy_z_range = {
  doc: 'Heights of the torso (m) that are healthy, [low, high]; null: no bound.',
  format: number_range,
  default: [0.7, null],
} as const

export const healthy_angle_range = {
  doc: 'Angles of the torso (rad) that are healthy, [low, high]; null: no bound.',
  format: number_range,
  default: [-0.2, 0.2],
} as const
