import { type ConfigOf, extendSchema } from '../light_imports.js'
import {
  boundsOf,
  ctrl_cost_weight,
  exclude_current_positions_from_observation,
  mujocoConfig,
  number_range,
  reset_noise_scale,
} from './config.js'
import { type MujocoView, SIDE_VIEW } from './geom_scene.js'
import { HumanFigureEnv, observationKeys } from './humanoid_env.js'
import { HUMANOID_STANDUP } from './models/index.js'
import type { Mujoco } from './mujoco.js'
import { squares, type Verdict } from './mujoco_env.js'

const shared = {
  uph_cost_weight: {
    doc: 'Weight of the reward for the height of the torso.',
    format: 'number',
    default: 1,
  },
  ctrl_cost_weight,
  impact_cost_weight: {
    doc: 'Weight of the cost of impacts, the sum of the squared contact forces.',
    format: 'number',
    default: 5e-7,
  },
  impact_cost_range: {
    doc: 'Range to which the cost of impacts is cut, [low, high]; null: no bound.',
    format: number_range,
    default: [null, 10],
  },
  reset_noise_scale: { ...reset_noise_scale, default: 0.01 },
  exclude_current_positions_from_observation,
} as const

const standupV4Config = extendSchema(mujocoConfig('HumanoidStandup-v4', 5), shared)
const standupV5Config = extendSchema(mujocoConfig('HumanoidStandup-v5', 5), { ...shared, ...observationKeys })

export type HumanoidStandupV4Config = ConfigOf<typeof standupV4Config>
export type HumanoidStandupV5Config = ConfigOf<typeof standupV5Config>

/** Stand up from the ground and stay up. It never terminates. */
export class HumanoidStandupEnv<
  C extends HumanoidStandupV4Config = HumanoidStandupV4Config,
> extends HumanFigureEnv<C> {
  protected override readonly view: MujocoView = {
    ...SIDE_VIEW,
    look_at: [0, 0, 0.6],
    distance: 3.6,
    azimuth: 115,
    elevation: -15,
  }

  constructor(mujoco: Mujoco, settings: C, version: 4 | 5) {
    super(mujoco, settings, { model: HUMANOID_STANDUP, max_episode_steps: 1000, version })
  }

  protected override judge(control: ArrayLike<number>): Verdict {
    const { settings, simulation } = this
    const [x, y, z] = simulation.qpos
    // A height over a physics step's duration, as published: a reward, for all its name.
    const reward_linup = settings.uph_cost_weight * (z! / simulation.timestep)
    const [low, high] = boundsOf(settings.impact_cost_range)
    const impact = settings.impact_cost_weight * squares(simulation.cfrc_ext)
    const ctrl = settings.ctrl_cost_weight * squares(control)
    const cut = Math.min(Math.max(impact, low), high)
    const rewards = { reward_linup, reward_quadctrl: -ctrl, reward_impact: -cut }
    return {
      reward: reward_linup - ctrl - cut + 1,
      terminated: false,
      info:
        this.version === 4
          ? rewards
          : {
              x_position: x,
              y_position: y,
              z_distance_from_origin: z! - this.initialPositions[2]!,
              ...this.tendons(),
              ...rewards,
            },
    }
  }
}

export const HUMANOID_STANDUP_V4_ENTRY = {
  id: 'HumanoidStandup-v4' as const,
  config: standupV4Config,
  create: (mujoco: Mujoco, settings: HumanoidStandupV4Config) => new HumanoidStandupEnv(mujoco, settings, 4),
}

export const HUMANOID_STANDUP_V5_ENTRY = {
  id: 'HumanoidStandup-v5' as const,
  config: standupV5Config,
  create: (mujoco: Mujoco, settings: HumanoidStandupV5Config) => new HumanoidStandupEnv(mujoco, settings, 5),
}

declare module '../../config/index.js' {
  interface EnvConfigMap {
    'HumanoidStandup-v4': HumanoidStandupV4Config
    'HumanoidStandup-v5': HumanoidStandupV5Config
  }
}
