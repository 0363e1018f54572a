import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import {
  ctrl_cost_weight,
  exclude_current_positions_from_observation,
  forward_reward_weight,
  mujocoConfig,
  reset_noise_scale,
} from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { SWIMMER } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { MujocoEnv, squares, type Verdict } from './mujoco_env.js'

const swimmerConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`Swimmer-v${version}`, 4, 360), {
    forward_reward_weight,
    ctrl_cost_weight: { ...ctrl_cost_weight, default: 1e-4 },
    reset_noise_scale,
    exclude_current_positions_from_observation,
  })

export type SwimmerConfig = ConfigOf<ReturnType<typeof swimmerConfig>>

/** Swim to the right in a plane. Observation: 3 angles, 5 velocities. It never terminates. */
export class SwimmerEnv extends MujocoEnv<SwimmerConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    look_at: [0, 0, 0],
    distance: 5,
    elevation: -50,
    tile: 1,
  }

  constructor(mujoco: Mujoco, settings: SwimmerConfig, version: 4 | 5) {
    super(mujoco, settings, { model: SWIMMER, max_episode_steps: 1000, version })
  }

  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'uniform')
  }

  protected override observe(): number[] {
    return this.coordinates(this.settings.exclude_current_positions_from_observation ? 2 : 0)
  }

  protected override measure(): readonly number[] {
    return Array.from(this.simulation.qpos.subarray(0, 2))
  }

  protected override judge(
    control: ArrayLike<number>,
    before: readonly number[],
    [x, y]: readonly number[],
  ): Verdict {
    const x_velocity = (x! - before[0]!) / this.dt
    const y_velocity = (y! - before[1]!) / this.dt
    const forward = this.settings.forward_reward_weight * x_velocity
    const reward_ctrl = -this.settings.ctrl_cost_weight * squares(control)
    return {
      reward: forward + reward_ctrl,
      terminated: false,
      info: {
        x_position: x,
        y_position: y,
        distance_from_origin: Math.hypot(x!, y!),
        x_velocity,
        y_velocity,
        ...(this.version === 4
          ? { reward_fwd: forward, forward_reward: forward }
          : { reward_forward: forward }),
        reward_ctrl,
      },
    }
  }
}

export const SWIMMER_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `Swimmer-v${version}` as const,
  config: swimmerConfig(version),
  create: (mujoco: Mujoco, settings: SwimmerConfig) => new SwimmerEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap extends Record<'Swimmer-v4' | 'Swimmer-v5', SwimmerConfig> {}
}
