import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import { mujocoConfig } from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { REACHER } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { distance, MujocoEnv, squares, uniform, type Verdict } from './mujoco_env.js'

/** The target lies within this distance of the centre, m. */
const TARGET_RADIUS = 0.2

const reacherConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`Reacher-v${version}`, 2, -3.75), {
    reward_dist_weight: {
      doc: 'Weight of the cost of the distance between fingertip and target.',
      format: 'number',
      default: 1,
    },
    reward_control_weight: {
      doc: 'Weight of the cost of control, the sum of the squared motor inputs.',
      format: 'number',
      default: 1,
    },
  })

export type ReacherConfig = ConfigOf<ReturnType<typeof reacherConfig>>

/**
 * Bring the tip of a two-link arm to a target. Observation: cos and sin of the two angles, the target, the two angular
 * velocities, tip minus target (in v4 with its z, which is 0). It never terminates.
 */
export class ReacherEnv extends MujocoEnv<ReacherConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    follow: null,
    look_at: [0, -0.02, 0],
    distance: 0.8,
    elevation: -62,
    tile: 0.1,
  }

  constructor(mujoco: Mujoco, settings: ReacherConfig, version: 4 | 5) {
    super(mujoco, settings, { model: REACHER, max_episode_steps: 50, version })
  }

  protected override place(random: RandomStream): void {
    const { qpos, qvel } = this.simulation
    for (let i = 0; i < qpos.length; i++) qpos[i]! += uniform(random, -0.1, 0.1)
    let x: number
    let y: number
    do {
      x = uniform(random, -TARGET_RADIUS, TARGET_RADIUS)
      y = uniform(random, -TARGET_RADIUS, TARGET_RADIUS)
    } while (Math.hypot(x, y) >= TARGET_RADIUS)
    qpos[2] = x
    qpos[3] = y
    for (let i = 0; i < 2; i++) qvel[i] = uniform(random, -0.005, 0.005)
  }

  protected override observe(): number[] {
    const { qpos, qvel } = this.simulation
    const angles = Array.from(qpos.subarray(0, 2))
    const tip = this.positionOf('fingertip')
    const target = this.positionOf('target')
    const offset = tip.map((v, i) => v - target[i]!)
    return [
      ...angles.map(Math.cos),
      ...angles.map(Math.sin),
      ...qpos.subarray(2),
      ...qvel.subarray(0, 2),
      ...(this.version === 4 ? offset : offset.slice(0, 2)),
    ]
  }

  protected override measure(): readonly number[] {
    return [distance(this.positionOf('fingertip'), this.positionOf('target'))]
  }

  protected override judge(
    control: ArrayLike<number>,
    [before]: readonly number[],
    [after]: readonly number[],
  ): Verdict {
    // v4 pays for the distance before the step.
    const reward_dist = -this.settings.reward_dist_weight * (this.version === 4 ? before! : after!)
    const reward_ctrl = -this.settings.reward_control_weight * squares(control)
    return { reward: reward_dist + reward_ctrl, terminated: false, info: { reward_dist, reward_ctrl } }
  }
}

export const REACHER_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `Reacher-v${version}` as const,
  config: reacherConfig(version),
  create: (mujoco: Mujoco, settings: ReacherConfig) => new ReacherEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap extends Record<'Reacher-v4' | 'Reacher-v5', ReacherConfig> {}
}
