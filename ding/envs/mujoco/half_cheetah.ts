import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import {
  ctrl_cost_weight,
  exclude_current_positions_from_observation,
  forward_reward_weight,
  mujocoConfig,
  reset_noise_scale,
} from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { HALF_CHEETAH } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { MujocoEnv, squares, type Verdict } from './mujoco_env.js'

const halfCheetahConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`HalfCheetah-v${version}`, 5, 4800), {
    forward_reward_weight,
    ctrl_cost_weight,
    reset_noise_scale,
    exclude_current_positions_from_observation,
  })

export type HalfCheetahConfig = ConfigOf<ReturnType<typeof halfCheetahConfig>>

/** Run forward. Observation: 8 positions, 9 velocities. It never terminates. */
export class HalfCheetahEnv extends MujocoEnv<HalfCheetahConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    look_at: [0, 0, 0.45],
    distance: 2.9,
  }

  constructor(mujoco: Mujoco, settings: HalfCheetahConfig, version: 4 | 5) {
    super(mujoco, settings, { model: HALF_CHEETAH, max_episode_steps: 1000, version })
  }

  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'normal')
  }

  protected override observe(): number[] {
    return this.coordinates(this.settings.exclude_current_positions_from_observation ? 1 : 0)
  }

  protected override measure(): readonly number[] {
    return [this.simulation.qpos[0]!]
  }

  protected override judge(
    control: ArrayLike<number>,
    [before]: readonly number[],
    [after]: readonly number[],
  ): Verdict {
    const x_velocity = (after! - before!) / this.dt
    const forward = this.settings.forward_reward_weight * x_velocity
    const reward_ctrl = -this.settings.ctrl_cost_weight * squares(control)
    return {
      reward: forward + reward_ctrl,
      terminated: false,
      info: {
        x_position: after,
        x_velocity,
        [this.version === 4 ? 'reward_run' : 'reward_forward']: forward,
        reward_ctrl,
      },
    }
  }
}

export const HALF_CHEETAH_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `HalfCheetah-v${version}` as const,
  config: halfCheetahConfig(version),
  create: (mujoco: Mujoco, settings: HalfCheetahConfig) => new HalfCheetahEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap extends Record<'HalfCheetah-v4' | 'HalfCheetah-v5', HalfCheetahConfig> {}
}
