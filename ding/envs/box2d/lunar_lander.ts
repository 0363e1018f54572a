import { resolveConfig } from '../env_config.js'
import { type ConfigOf, extendSchema } from '../light_imports.js'
import { Box, Discrete } from '../spaces/index.js'
import { Box2dEnv, type Box2dSpec, box2dConfig, specOf, unitBox } from './box2d_env.js'
import type { Draws } from './draws.js'
import { type LunarLanderOptions, LunarLanderWorld } from './lunar_lander_world.js'

interface LanderSpec extends Box2dSpec {
  readonly continuous: boolean
}

const SPECS = {
  'LunarLander-v3': { max_episode_steps: 1000, stop_value: 200, continuous: false },
  'LunarLanderContinuous-v3': { max_episode_steps: 1000, stop_value: 200, continuous: true },
} as const satisfies Record<string, LanderSpec>

/** Whether a value can be the gravity: Gymnasium's bounds. */
function lander_gravity(value: unknown): boolean {
  if (typeof value === 'number' && value > -12 && value < 0) return true
  throw new Error('Give a number between -12 and 0, both excluded.')
}

function landerConfig(env_id: keyof typeof SPECS) {
  return extendSchema(box2dConfig(env_id, SPECS[env_id]), {
    continuous: {
      doc: 'True: the action is the throttles of the main and the side engines. False: one of four. null: as env_id says.',
      format: 'boolean',
      nullable: true,
      default: null,
    },
    gravity: { doc: 'Gravity, m/s^2, between -12 and 0.', format: lander_gravity, default: -10 },
    enable_wind: {
      doc: 'Wind and turbulence push the lander while no leg touches the ground.',
      format: 'boolean',
      default: false,
    },
    wind_power: {
      doc: 'Largest force of the wind, N; Gymnasium recommends 0 to 20.',
      format: 'number',
      default: 15,
    },
    turbulence_power: {
      doc: 'Largest torque of the turbulence, N m; Gymnasium recommends 0 to 2.',
      format: 'number',
      default: 1.5,
    },
  })
}

export type LunarLanderConfig = ConfigOf<ReturnType<typeof landerConfig>>

declare module '../../config/index.js' {
  interface EnvConfigMap
    extends Record<'lunarlander' | 'LunarLander-v3' | 'LunarLanderContinuous-v3', LunarLanderConfig> {}
}

/**
 * Landing on the moon as in Gymnasium (box2d/lunar_lander.py, v3) on planck. Observation: x, y, velocities, angle, angular
 * velocity, whether each leg touches the ground. Reward: how much closer, slower and more upright the lander got, less the fuel;
 * -100 for a crash or for leaving the window at a side, 100 for coming to rest.
 */
export class LunarLanderEnv extends Box2dEnv<number | Float32Array, LunarLanderWorld> {
  static readonly config = landerConfig('LunarLander-v3')

  readonly observation_space = new Box(
    [-2.5, -2.5, -10, -10, -2 * Math.PI, -10, 0, 0],
    [2.5, 2.5, 10, 10, 2 * Math.PI, 10, 1, 1],
  )
  readonly action_space: Box | Discrete
  private readonly options: LunarLanderOptions

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings: LunarLanderConfig = resolveConfig(new.target.config, cfg, 'The env config')
    const spec: LanderSpec = specOf(SPECS, settings.env_id)
    super(settings.env_id, settings.max_episode_steps ?? spec.max_episode_steps)
    const { gravity, enable_wind, wind_power, turbulence_power } = settings
    const continuous = settings.continuous ?? spec.continuous
    this.options = { continuous, gravity: Number(gravity), enable_wind, wind_power, turbulence_power }
    this.action_space = continuous ? unitBox(2) : new Discrete(4)
  }

  protected override build(draws: Draws): LunarLanderWorld {
    return new LunarLanderWorld(this.options, draws)
  }

  protected override numbersOf(action: number | Float32Array): readonly number[] {
    return typeof action === 'number' ? [action] : Array.from(Float32Array.from(action))
  }
}

/** The lander with throttles. */
export class LunarLanderContinuousEnv extends LunarLanderEnv {
  static override readonly config = landerConfig('LunarLanderContinuous-v3')
}
