import type { RandomStream, SchemaDefinition } from '../light_imports.js'
import type { MujocoBaseConfig } from './config.js'
import { MujocoEnv } from './mujoco_env.js'

/** Components of cinert, and of cvel and cfrc_ext, for each body. */
const INERTIA_SIZE = 10
const SPATIAL_SIZE = 6
/** Degrees of freedom of the free joint, which no motor drives. */
const FREE_DOFS = 6

/** Keys of v5 that say what the human figures observe. */
export const observationKeys = {
  include_cinert_in_observation: {
    doc: 'Adds mass and inertia of the bodies to the observations.',
    format: 'boolean',
    default: true,
  },
  include_cvel_in_observation: {
    doc: "Adds the bodies' velocities to the observations.",
    format: 'boolean',
    default: true,
  },
  include_qfrc_actuator_in_observation: {
    doc: "Adds the motors' forces to the observations.",
    format: 'boolean',
    default: true,
  },
  include_cfrc_ext_in_observation: {
    doc: 'Adds the contact forces to the observations.',
    format: 'boolean',
    default: true,
  },
} as const satisfies SchemaDefinition

interface ObservationConfig extends MujocoBaseConfig {
  readonly reset_noise_scale: number
  readonly exclude_current_positions_from_observation: boolean
  readonly include_cinert_in_observation?: boolean
  readonly include_cvel_in_observation?: boolean
  readonly include_qfrc_actuator_in_observation?: boolean
  readonly include_cfrc_ext_in_observation?: boolean
}

/**
 * What the two human figures share. Observation: 22 positions, 23 velocities, then of each body mass and inertia (10) and
 * velocity (6), the motors' forces, and the contact forces (6 a body). v4 has all bodies and degrees of freedom, v5 leaves out
 * the world and the free joint, whose numbers are 0.
 */
export abstract class HumanFigureEnv<C extends ObservationConfig> extends MujocoEnv<C> {
  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'uniform')
  }

  protected override observe(): number[] {
    const { settings, simulation } = this
    const { cinert, cvel, qfrc_actuator, cfrc_ext } = simulation
    const all = this.version === 4
    const parts: Float64Array[] = []
    if (settings.include_cinert_in_observation ?? true) parts.push(cinert.subarray(all ? 0 : INERTIA_SIZE))
    if (settings.include_cvel_in_observation ?? true) parts.push(cvel.subarray(all ? 0 : SPATIAL_SIZE))
    if (settings.include_qfrc_actuator_in_observation ?? true) {
      parts.push(qfrc_actuator.subarray(all ? 0 : FREE_DOFS))
    }
    if (settings.include_cfrc_ext_in_observation ?? true)
      parts.push(cfrc_ext.subarray(all ? 0 : SPATIAL_SIZE))
    const out = this.coordinates(settings.exclude_current_positions_from_observation ? 2 : 0)
    for (const part of parts) for (const value of part) out.push(value)
    return out
  }

  protected tendons(): { tendon_length: number[]; tendon_velocity: number[] } {
    const { ten_length, ten_velocity } = this.simulation
    return { tendon_length: Array.from(ten_length), tendon_velocity: Array.from(ten_velocity) }
  }
}
