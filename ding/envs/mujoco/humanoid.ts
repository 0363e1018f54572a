import { type ConfigOf, extendSchema } from '../light_imports.js'
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
import { HumanFigureEnv, observationKeys } from './humanoid_env.js'
import { HUMANOID } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { squares, type Verdict } from './mujoco_env.js'

const shared = {
  forward_reward_weight: { ...forward_reward_weight, default: 1.25 },
  ctrl_cost_weight,
  healthy_reward: { ...healthy_reward, default: 5 },
  terminate_when_unhealthy,
  healthy_z_range: { ...healthy_z_range, default: [1, 2] },
  reset_noise_scale: { ...reset_noise_scale, default: 0.01 },
  exclude_current_positions_from_observation,
} as const

const humanoidV4Config = extendSchema(mujocoConfig('Humanoid-v4', 5), shared)

const humanoidV5Config = extendSchema(mujocoConfig('Humanoid-v5', 5), {
  ...shared,
  contact_cost_weight: {
    doc: 'Weight of the cost of contacts, the sum of the squared contact forces.',
    format: 'number',
    default: 5e-7,
  },
  contact_cost_range: {
    doc: 'Range to which the cost of contacts is cut, [low, high]; null: no bound.',
    format: number_range,
    default: [null, 10],
  },
  ...observationKeys,
})

export type HumanoidV4Config = ConfigOf<typeof humanoidV4Config>
export type HumanoidV5Config = ConfigOf<typeof humanoidV5Config>

/** Walk forward on two legs. */
abstract class HumanoidEnv<C extends HumanoidV4Config> extends HumanFigureEnv<C> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    look_at: [0, 0, 0.95],
    azimuth: 115,
  }

  /** x and y of the centre of mass of the whole model. */
  protected override measure(): readonly number[] {
    const { xipos } = this.simulation
    let x = 0
    let y = 0
    let total = 0
    for (const [body, mass] of this.masses().entries()) {
      x += mass * xipos[3 * body]!
      y += mass * xipos[3 * body + 1]!
      total += mass
    }
    return [x / total, y / total]
  }

  protected healthy(): boolean {
    const [low, high] = boundsOf(this.settings.healthy_z_range)
    const z = this.simulation.qpos[2]!
    return low < z && z < high
  }

  private masses(): readonly number[] {
    this.bodyMasses ??= this.simulation.modelArray('body_mass')
    return this.bodyMasses
  }

  private bodyMasses: readonly number[] | undefined
}

export class HumanoidV4Env extends HumanoidEnv<HumanoidV4Config> {
  constructor(mujoco: Mujoco, settings: HumanoidV4Config) {
    super(mujoco, settings, { model: HUMANOID, max_episode_steps: 1000, version: 4 })
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
    const forward_reward = settings.forward_reward_weight * x_velocity
    const ctrl = settings.ctrl_cost_weight * squares(control)
    // The last, unhealthy step is paid for too.
    const reward_alive = healthy || settings.terminate_when_unhealthy ? settings.healthy_reward : 0
    return {
      reward: forward_reward + reward_alive - ctrl,
      terminated: !healthy && settings.terminate_when_unhealthy,
      info: {
        reward_linvel: forward_reward,
        reward_quadctrl: -ctrl,
        reward_alive,
        x_position: x,
        y_position: y,
        distance_from_origin: Math.hypot(x!, y!),
        x_velocity,
        y_velocity,
        forward_reward,
      },
    }
  }
}

export class HumanoidV5Env extends HumanoidEnv<HumanoidV5Config> {
  constructor(mujoco: Mujoco, settings: HumanoidV5Config) {
    super(mujoco, settings, { model: HUMANOID, max_episode_steps: 1000, version: 5 })
  }

  protected override judge(
    control: ArrayLike<number>,
    before: readonly number[],
    after: readonly number[],
  ): Verdict {
    const { settings, simulation } = this
    const [x, y] = simulation.qpos
    const healthy = this.healthy()
    const x_velocity = (after[0]! - before[0]!) / this.dt
    const y_velocity = (after[1]! - before[1]!) / this.dt
    const [low, high] = boundsOf(settings.contact_cost_range)
    const contact = settings.contact_cost_weight * squares(simulation.cfrc_ext)
    const reward_forward = settings.forward_reward_weight * x_velocity
    const reward_survive = healthy ? settings.healthy_reward : 0
    const reward_ctrl = -settings.ctrl_cost_weight * squares(control)
    const reward_contact = -Math.min(Math.max(contact, low), high)
    return {
      reward: reward_forward + reward_survive + (reward_ctrl + reward_contact),
      terminated: !healthy && settings.terminate_when_unhealthy,
      info: {
        x_position: x,
        y_position: y,
        ...this.tendons(),
        distance_from_origin: Math.hypot(x!, y!),
        x_velocity,
        y_velocity,
        reward_survive,
        reward_forward,
        reward_ctrl,
        reward_contact,
      },
    }
  }
}

export const HUMANOID_V4_ENTRY = {
  id: 'Humanoid-v4' as const,
  config: humanoidV4Config,
  create: (mujoco: Mujoco, settings: HumanoidV4Config) => new HumanoidV4Env(mujoco, settings),
}

export const HUMANOID_V5_ENTRY = {
  id: 'Humanoid-v5' as const,
  config: humanoidV5Config,
  create: (mujoco: Mujoco, settings: HumanoidV5Config) => new HumanoidV5Env(mujoco, settings),
}

declare module '../../config/index.js' {
  interface EnvConfigMap {
    'Humanoid-v4': HumanoidV4Config
    'Humanoid-v5': HumanoidV5Config
  }
}
