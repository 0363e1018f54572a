import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import { healthy_reward, mujocoConfig, reset_noise_scale } from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { INVERTED_DOUBLE_PENDULUM, INVERTED_PENDULUM } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { MujocoEnv, type Verdict } from './mujoco_env.js'

/** rad; the pole of InvertedPendulum has fallen beyond it. */
const FALLEN_ANGLE = 0.2
/** m; the tip of InvertedDoublePendulum has fallen at or below it. */
const FALLEN_HEIGHT = 1
/** Velocities and constraint forces in the observations of InvertedDoublePendulum are cut to this. */
const OBSERVED_LIMIT = 10

const singleConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`InvertedPendulum-v${version}`, 2, 950), {
    reset_noise_scale: { ...reset_noise_scale, default: 0.01 },
  })

const doubleConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`InvertedDoublePendulum-v${version}`, 5, 9100), {
    healthy_reward: { ...healthy_reward, default: 10 },
    reset_noise_scale,
  })

export type InvertedPendulumConfig = ConfigOf<ReturnType<typeof singleConfig>>
export type InvertedDoublePendulumConfig = ConfigOf<ReturnType<typeof doubleConfig>>

/** Balance a pole on a cart. Observation: position and angle, velocity and angular velocity. */
export class InvertedPendulumEnv extends MujocoEnv<InvertedPendulumConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    follow: null,
    look_at: [0, 0, 0.25],
    distance: 2.4,
    elevation: -6,
  }

  constructor(mujoco: Mujoco, settings: InvertedPendulumConfig, version: 4 | 5) {
    super(mujoco, settings, { model: INVERTED_PENDULUM, max_episode_steps: 1000, version })
  }

  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'uniform')
  }

  protected override observe(): number[] {
    return this.coordinates(0)
  }

  protected override judge(): Verdict {
    const terminated = !this.finite() || Math.abs(this.simulation.qpos[1]!) > FALLEN_ANGLE
    // v4 pays for the step in which the pole falls too.
    const reward = this.version === 4 || !terminated ? 1 : 0
    return { reward, terminated, info: this.version === 4 ? {} : { reward_survive: reward } }
  }
}

/**
 * Balance two poles in a row on a cart. Observation: position, sines and cosines of the two angles, 3 velocities and the
 * force of the cart's stop (in v4 the constraint forces of all 3 joints).
 */
export class InvertedDoublePendulumEnv extends MujocoEnv<InvertedDoublePendulumConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    follow: null,
    look_at: [0, 0, 0.4],
    distance: 3.4,
    elevation: -6,
  }

  constructor(mujoco: Mujoco, settings: InvertedDoublePendulumConfig, version: 4 | 5) {
    super(mujoco, settings, { model: INVERTED_DOUBLE_PENDULUM, max_episode_steps: 1000, version })
  }

  protected override place(random: RandomStream): void {
    this.scatter(random, this.settings.reset_noise_scale, 'normal')
  }

  protected override observe(): number[] {
    const { qpos, qvel, qfrc_constraint } = this.simulation
    const angles = Array.from(qpos.subarray(1))
    const cut = (v: number): number => Math.min(Math.max(v, -OBSERVED_LIMIT), OBSERVED_LIMIT)
    const forces = Array.from(qfrc_constraint, cut)
    return [
      qpos[0]!,
      ...angles.map(Math.sin),
      ...angles.map(Math.cos),
      ...Array.from(qvel, cut),
      ...(this.version === 4 ? forces : forces.slice(0, 1)),
    ]
  }

  protected override judge(): Verdict {
    const { site_xpos, qvel } = this.simulation
    const x = site_xpos[0]!
    const height = site_xpos[2]!
    const terminated = height <= FALLEN_HEIGHT
    const distance = 0.01 * x ** 2 + (height - 2) ** 2
    const velocity = 1e-3 * qvel[1]! ** 2 + 5e-3 * qvel[2]! ** 2
    // v4 pays for the step in which the poles fall too.
    const reward_survive = this.version === 4 || !terminated ? this.settings.healthy_reward : 0
    return {
      reward: reward_survive - distance - velocity,
      terminated,
      info:
        this.version === 4
          ? {}
          : { reward_survive, distance_penalty: -distance, velocity_penalty: -velocity },
    }
  }
}

export const INVERTED_PENDULUM_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `InvertedPendulum-v${version}` as const,
  config: singleConfig(version),
  create: (mujoco: Mujoco, settings: InvertedPendulumConfig) =>
    new InvertedPendulumEnv(mujoco, settings, version),
}))

export const INVERTED_DOUBLE_PENDULUM_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `InvertedDoublePendulum-v${version}` as const,
  config: doubleConfig(version),
  create: (mujoco: Mujoco, settings: InvertedDoublePendulumConfig) =>
    new InvertedDoublePendulumEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap
    extends Record<'InvertedPendulum-v4' | 'InvertedPendulum-v5', InvertedPendulumConfig>,
      Record<'InvertedDoublePendulum-v4' | 'InvertedDoublePendulum-v5', InvertedDoublePendulumConfig> {}
}
