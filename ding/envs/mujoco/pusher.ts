import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import { mujocoConfig } from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { pusher } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { distance, MujocoEnv, squares, uniform, type Verdict } from './mujoco_env.js'

/** Joints of the arm; after them come the two slides of the object and the two of the goal. */
const ARM_JOINTS = 7
/** The object starts farther than this from the goal, m. */
const START_DISTANCE = 0.17

const pusherConfig = (version: 4 | 5) =>
  extendSchema(mujocoConfig(`Pusher-v${version}`, 5, 0), {
    reward_near_weight: {
      doc: 'Weight of the cost of the distance between fingertip and object.',
      format: 'number',
      default: 0.5,
    },
    reward_dist_weight: {
      doc: 'Weight of the cost of the distance between object and goal.',
      format: 'number',
      default: 1,
    },
    reward_control_weight: {
      doc: 'Weight of the cost of control, the sum of the squared motor inputs.',
      format: 'number',
      default: 0.1,
    },
  })

export type PusherConfig = ConfigOf<ReturnType<typeof pusherConfig>>

/**
 * Push a cylinder to a goal. Observation: 7 angles, 7 angular velocities, positions of fingertip, object and goal. It
 * never terminates.
 */
export class PusherEnv extends MujocoEnv<PusherConfig> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    follow: null,
    look_at: [0.3, -0.2, -0.2],
    distance: 2.2,
    azimuth: -65,
    elevation: -35,
    tile: 0.25,
  }

  constructor(mujoco: Mujoco, settings: PusherConfig, version: 4 | 5) {
    super(mujoco, settings, { model: pusher(version === 4 ? 1e-5 : 0.01), max_episode_steps: 100, version })
  }

  protected override place(random: RandomStream): void {
    const { qpos, qvel } = this.simulation
    let first: number
    let second: number
    do {
      first = uniform(random, -0.3, 0)
      second = uniform(random, -0.2, 0.2)
    } while (Math.hypot(first, second) <= START_DISTANCE)
    qpos.set([first, second, 0, 0], ARM_JOINTS)
    for (let i = 0; i < ARM_JOINTS; i++) qvel[i] = uniform(random, -0.005, 0.005)
  }

  protected override observe(): number[] {
    const { qpos, qvel } = this.simulation
    return [
      ...qpos.subarray(0, ARM_JOINTS),
      ...qvel.subarray(0, ARM_JOINTS),
      ...this.positionOf('tips_arm'),
      ...this.positionOf('object'),
      ...this.positionOf('goal'),
    ]
  }

  /** Distances of the object to the fingertip and to the goal. */
  protected override measure(): readonly number[] {
    const object = this.positionOf('object')
    return [distance(object, this.positionOf('tips_arm')), distance(object, this.positionOf('goal'))]
  }

  protected override judge(
    control: ArrayLike<number>,
    before: readonly number[],
    after: readonly number[],
  ): Verdict {
    const { reward_near_weight, reward_dist_weight, reward_control_weight } = this.settings
    // v4 pays for the distances before the step.
    const [near, dist] = this.version === 4 ? before : after
    const effort = squares(control)
    const reward_near = -reward_near_weight * near!
    const reward_dist = -reward_dist_weight * dist!
    const reward_ctrl = -reward_control_weight * effort
    return {
      reward: reward_dist + reward_ctrl + reward_near,
      terminated: false,
      // v4 reports the cost of control without its weight.
      info:
        this.version === 4
          ? { reward_dist, reward_ctrl: -effort }
          : { reward_dist, reward_ctrl, reward_near },
    }
  }
}

export const PUSHER_ENTRIES = ([4, 5] as const).map((version) => ({
  id: `Pusher-v${version}` as const,
  config: pusherConfig(version),
  create: (mujoco: Mujoco, settings: PusherConfig) => new PusherEnv(mujoco, settings, version),
}))

declare module '../../config/index.js' {
  interface EnvConfigMap extends Record<'Pusher-v4' | 'Pusher-v5', PusherConfig> {}
}
