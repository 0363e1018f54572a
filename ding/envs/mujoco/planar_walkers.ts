import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import {
  boundsOf,
  ctrl_cost_weight,
  exclude_current_positions_from_observation,
  forward_reward_weight,
  healthy_angle_range,
  healthy_reward,
  healthy_z_range,
  mujocoConfig,
  number_range,
  type Range,
  reset_noise_scale,
  terminate_when_unhealthy,
} from './config.js'
import { HOPPER, walker2d } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { MujocoEnv, squares, type Verdict } from './mujoco_env.js'

/** Velocities in the observations are cut to this, m/s and rad/s. */
const VELOCITY_LIMIT = 10

const shared = {
  forward_reward_weight,
  ctrl_cost_weight: { ...ctrl_cost_weight, default: 1e-3 },
  healthy_reward,
  terminate_when_unhealthy,
  healthy_z_range,
  healthy_angle_range,
  reset_noise_scale: { ...reset_noise_scale, default: 5e-3 },
  exclude_current_positions_from_observation,
} as const

const hopperConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`Hopper-v${version}`, 4, 3800), {
    ...shared,
    healthy_state_range: {
      doc: 'Range in which all other positions and velocities are healthy, [low, high]; null: no bound.',
      format: number_range,
      default: [-100, 100],
    },
  })

const walkerConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`Walker2d-v${version}`, 4), {
    ...shared,
    healthy_z_range: { ...healthy_z_range, default: [0.8, 2] },
    healthy_angle_range: { ...healthy_angle_range, default: [-1, 1] },
  })

export type HopperConfig = ConfigOf<ReturnType<typeof hopperConfig>>
export type Walker2dConfig = ConfigOf<ReturnType<typeof walkerConfig>>

function inside(value: number, range: Range): boolean {
  const [low, high] = boundsOf(range)
  return low < value && value < high
}

/** Walk forward in a plane without falling. The state is x, height and angle of the torso, then the joints. */
abstract class PlanarWalkerEnv<C extends Walker2dConfig> extends MujocoEnv<C> {
  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'uniform')
  }

  protected override observe(): number[] {
    return this.coordinates(this.settings.exclude_current_positions_from_observation ? 1 : 0, VELOCITY_LIMIT)
  }

  protected override measure(): readonly number[] {
    return [this.simulation.qpos[0]!]
  }

  protected healthy(): boolean {
    const { healthy_z_range, healthy_angle_range } = this.settings
    const { qpos } = this.simulation
    return inside(qpos[1]!, healthy_z_range) && inside(qpos[2]!, healthy_angle_range)
  }

  protected override judge(
    control: ArrayLike<number>,
    [before]: readonly number[],
    [after]: readonly number[],
  ): Verdict {
    const { settings, simulation } = this
    const healthy = this.healthy()
    const x_velocity = (after! - before!) / this.dt
    const reward_forward = settings.forward_reward_weight * x_velocity
    const reward_ctrl = -settings.ctrl_cost_weight * squares(control)
    // v4 gives the healthy reward to the last, unhealthy step too.
    const paid = healthy || (this.version === 4 && settings.terminate_when_unhealthy)
    const reward_survive = paid ? settings.healthy_reward : 0
    const info = { x_position: after, x_velocity }
    return {
      reward: reward_forward + reward_survive + reward_ctrl,
      terminated: !healthy && settings.terminate_when_unhealthy,
      info:
        this.version === 4
          ? info
          : {
              ...info,
              z_distance_from_origin: simulation.qpos[1]! - this.initialPositions[1]!,
              reward_forward,
              reward_ctrl,
              reward_survive,
            },
    }
  }
}

/** Hop forward on one leg. Observation: 5 positions, 6 velocities. */
export class HopperEnv extends PlanarWalkerEnv<HopperConfig> {
  constructor(mujoco: Mujoco, settings: HopperConfig, version: 4 | 5) {
    super(mujoco, settings, { model: HOPPER, max_episode_steps: 1000, version })
  }

  protected override healthy(): boolean {
    const { qpos, qvel } = this.simulation
    const [low, high] = boundsOf(this.settings.healthy_state_range)
    const within = (v: number): boolean => low < v && v < high
    return super.healthy() && qpos.subarray(2).every(within) && qvel.every(within)
  }
}

/** Walk forward on two legs. Observation: 8 positions, 9 velocities. */
export class Walker2dEnv extends PlanarWalkerEnv<Walker2dConfig> {
  constructor(mujoco: Mujoco, settings: Walker2dConfig, version: 4 | 5) {
    super(mujoco, settings, {
      model: walker2d(version === 4 ? 0.9 : 1.9),
      max_episode_steps: 1000,
      version,
    })
  }
}

export const HOPPER_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `Hopper-v${version}` as const,
  config: hopperConfig(version),
  create: (mujoco: Mujoco, settings: HopperConfig) => new HopperEnv(mujoco, settings, version),
}))

export const WALKER2D_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `Walker2d-v${version}` as const,
  config: walkerConfig(version),
  create: (mujoco: Mujoco, settings: Walker2dConfig) => new Walker2dEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap
    extends Record<'Hopper-v4' | 'Hopper-v5', HopperConfig>,
      Record<'Walker2d-v4' | 'Walker2d-v5', Walker2dConfig> {}
}
