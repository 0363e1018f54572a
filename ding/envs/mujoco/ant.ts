import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import {
  boundsOf,
  ctrl_cost_weight,
  exclude_current_positions_from_observation,
  forward_reward_weight,
  healthy_reward,
  healthy_z_range,
  mujocoConfig,
  number_range,
  reset_noise_scale,
  terminate_when_unhealthy,
} from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { ANT } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { MujocoEnv, squares, type Verdict } from './mujoco_env.js'

/** Whether a value can stand at `main_body`. */
function body_name_or_number(value: unknown): value is string | number {
  if (typeof value !== 'string' && !Number.isInteger(value))
    throw new Error("Give a body's name or its number.")
  return true
}

const shared = {
  ctrl_cost_weight: { ...ctrl_cost_weight, default: 0.5 },
  contact_cost_weight: {
    doc: 'Weight of the cost of contacts, the sum of the squared contact forces, each cut to contact_force_range.',
    format: 'number',
    default: 5e-4,
  },
  healthy_reward,
  terminate_when_unhealthy,
  healthy_z_range: { ...healthy_z_range, default: [0.2, 1] },
  contact_force_range: {
    doc: 'Range to which contact forces are cut, [low, high]; null: no bound.',
    format: number_range,
    default: [-1, 1],
  },
  reset_noise_scale,
  exclude_current_positions_from_observation,
} as const

const antV4Config = extendSchema(mujocoConfig('Ant-v4', 5, 6000), {
  ...shared,
  use_contact_forces: {
    doc: 'Adds the contact forces to the observations, and their cost to the reward.',
    format: 'boolean',
    default: false,
  },
})

const antV5Config = extendSchema(mujocoConfig('Ant-v5', 5, 6000), {
  ...shared,
  forward_reward_weight,
  main_body: {
    doc: 'The body, by name or number, whose velocity is rewarded.',
    format: body_name_or_number,
    default: 1,
  },
  include_cfrc_ext_in_observation: {
    doc: 'Adds the contact forces to the observations.',
    format: 'boolean',
    default: true,
  },
})

export type AntV4Config = ConfigOf<typeof antV4Config>
export type AntV5Config = ConfigOf<typeof antV5Config>

/**
 * Walk forward on four legs. Observation: 13 positions, 14 velocities, then the contact forces on the bodies (torque and
 * force, 6 each) if asked for: in v4 of all 14 bodies, in v5 without the world's, which are 0.
 */
abstract class AntEnv<C extends AntV4Config | AntV5Config> extends MujocoEnv<C> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    look_at: [0, 0, 0.4],
    distance: 4,
    elevation: -28,
    tile: 1,
  }

  /** Whether the contact forces are part of the observation. */
  protected abstract get observesContacts(): boolean
  protected abstract get mainBody(): string | number

  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'normal')
  }

  protected override observe(): number[] {
    const out = this.coordinates(this.settings.exclude_current_positions_from_observation ? 2 : 0)
    if (!this.observesContacts) return out
    const forces = this.contactForces()
    return out.concat(this.version === 4 ? forces : forces.slice(6))
  }

  protected override measure(): readonly number[] {
    return this.positionOf(this.mainBody)
  }

  protected contactForces(): number[] {
    const [low, high] = boundsOf(this.settings.contact_force_range)
    return Array.from(this.simulation.cfrc_ext, (f) => Math.min(Math.max(f, low), high))
  }

  protected contactCost(): number {
    return this.settings.contact_cost_weight * squares(this.contactForces())
  }

  protected healthy(): boolean {
    const [low, high] = boundsOf(this.settings.healthy_z_range)
    const z = this.simulation.qpos[2]!
    return this.finite() && low <= z && z <= high
  }
}

export class AntV4Env extends AntEnv<AntV4Config> {
  constructor(mujoco: Mujoco, settings: AntV4Config) {
    super(mujoco, settings, { model: ANT, max_episode_steps: 1000, version: 4 })
  }

  protected override get observesContacts(): boolean {
    return this.settings.use_contact_forces
  }

  protected override get mainBody(): string {
    return 'torso'
  }

  protected override judge(
    control: ArrayLike<number>,
    before: readonly number[],
    [x, y]: readonly number[],
  ): Verdict {
    const { settings } = this
    const healthy = this.healthy()
    const x_velocity = (x! - before[0]!) / this.dt
    const y_velocity = (y! - before[1]!) / this.dt
    const ctrl = settings.ctrl_cost_weight * squares(control)
    const contact = settings.use_contact_forces ? this.contactCost() : 0
    // The last, unhealthy step is paid for too.
    const reward_survive = healthy || settings.terminate_when_unhealthy ? settings.healthy_reward : 0
    return {
      reward: x_velocity + reward_survive - (ctrl + contact),
      terminated: !healthy && settings.terminate_when_unhealthy,
      info: {
        reward_forward: x_velocity,
        // With contact forces, Gymnasium's v4 reports their cost under this name.
        reward_ctrl: settings.use_contact_forces ? -contact : -ctrl,
        reward_survive,
        x_position: x,
        y_position: y,
        distance_from_origin: Math.hypot(x!, y!),
        x_velocity,
        y_velocity,
        forward_reward: x_velocity,
      },
    }
  }
}

export class AntV5Env extends AntEnv<AntV5Config> {
  constructor(mujoco: Mujoco, settings: AntV5Config) {
    super(mujoco, settings, { model: ANT, max_episode_steps: 1000, version: 5 })
  }

  protected override get observesContacts(): boolean {
    return this.settings.include_cfrc_ext_in_observation
  }

  protected override get mainBody(): string | number {
    return this.settings.main_body
  }

  protected override judge(
    control: ArrayLike<number>,
    before: readonly number[],
    after: readonly number[],
  ): Verdict {
    const { settings } = this
    const [x, y] = this.simulation.qpos
    const healthy = this.healthy()
    const x_velocity = (after[0]! - before[0]!) / this.dt
    const y_velocity = (after[1]! - before[1]!) / this.dt
    const reward_forward = settings.forward_reward_weight * x_velocity
    const reward_survive = healthy ? settings.healthy_reward : 0
    const reward_ctrl = -settings.ctrl_cost_weight * squares(control)
    const reward_contact = -this.contactCost()
    return {
      reward: reward_forward + reward_survive + (reward_ctrl + reward_contact),
      terminated: !healthy && settings.terminate_when_unhealthy,
      info: {
        reward_forward,
        reward_ctrl,
        reward_contact,
        reward_survive,
        x_position: x,
        y_position: y,
        distance_from_origin: Math.hypot(x!, y!),
        x_velocity,
        y_velocity,
      },
    }
  }
}

export const ANT_V4_ENTRY = {
  id: 'Ant-v4' as const,
  config: antV4Config,
  create: (mujoco: Mujoco, settings: AntV4Config) => new AntV4Env(mujoco, settings),
}

export const ANT_V5_ENTRY = {
  id: 'Ant-v5' as const,
  config: antV5Config,
  create: (mujoco: Mujoco, settings: AntV5Config) => new AntV5Env(mujoco, settings),
}

declare module '../../config/index.js' {
  interface EnvConfigMap {
    'Ant-v4': AntV4Config
    'Ant-v5': AntV5Config
  }
}
