import { resolveConfig } from '../env_config.js'
import { type ConfigOf, extendSchema } from '../light_imports.js'
import { Box } from '../spaces/index.js'
import { BipedalWalkerWorld } from './bipedal_walker_world.js'
import { Box2dEnv, type Box2dSpec, box2dConfig, specOf, unitBox } from './box2d_env.js'
import type { Draws } from './draws.js'

interface WalkerSpec extends Box2dSpec {
  readonly hardcore: boolean
}

const SPECS = {
  'BipedalWalker-v3': { max_episode_steps: 1600, stop_value: 300, hardcore: false },
  'BipedalWalkerHardcore-v3': { max_episode_steps: 2000, stop_value: 300, hardcore: true },
} as const satisfies Record<string, WalkerSpec>

function walkerConfig(env_id: keyof typeof SPECS) {
  return extendSchema(box2dConfig(env_id, SPECS[env_id]), {
    hardcore: {
      doc: 'True: stumps, stairs and pits. False: uneven grass only. null: as env_id says.',
      format: 'boolean',
      nullable: true,
      default: null,
    },
  })
}

export type BipedalWalkerConfig = ConfigOf<ReturnType<typeof walkerConfig>>

declare module '../../config/index.js' {
  interface EnvConfigMap
    extends Record<'bipedalwalker' | 'BipedalWalker-v3' | 'BipedalWalkerHardcore-v3', BipedalWalkerConfig> {}
}

const LEG_BOUNDS = [Math.PI, 5, Math.PI, 5]
const RAYS = Array.from({ length: 10 }, () => 1)

/**
 * A robot of a hull and two legs that learns to walk, as in Gymnasium (box2d/bipedal_walker.py, v3) on planck. Observation: angle and
 * velocities of the hull, of each leg the angles and speeds of hip and knee and whether the foot touches the ground, and ten
 * lidar rays. Action: torques of hip and knee of each leg. Reward: way forward, about 300 in all, less the torques; -100 for a fall.
 */
export class BipedalWalkerEnv extends Box2dEnv<Float32Array, BipedalWalkerWorld> {
  static readonly config = walkerConfig('BipedalWalker-v3')

  readonly observation_space = new Box(
    [
      -Math.PI,
      -5,
      -5,
      -5,
      ...LEG_BOUNDS.map((v) => -v),
      0,
      ...LEG_BOUNDS.map((v) => -v),
      0,
      ...RAYS.map((v) => -v),
    ],
    [Math.PI, 5, 5, 5, ...LEG_BOUNDS, 5, ...LEG_BOUNDS, 5, ...RAYS],
  )
  readonly action_space = unitBox(4)
  private readonly hardcore: boolean

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings: BipedalWalkerConfig = resolveConfig(new.target.config, cfg, 'The env config')
    const spec: WalkerSpec = specOf(SPECS, settings.env_id)
    super(settings.env_id, settings.max_episode_steps ?? spec.max_episode_steps)
    this.hardcore = settings.hardcore ?? spec.hardcore
  }

  protected override build(draws: Draws): BipedalWalkerWorld {
    return new BipedalWalkerWorld(this.hardcore, draws)
  }

  protected override numbersOf(action: Float32Array): readonly number[] {
    return Array.from(Float32Array.from(action))
  }
}

/** The walker on the course with obstacles. */
export class BipedalWalkerHardcoreEnv extends BipedalWalkerEnv {
  static override readonly config = walkerConfig('BipedalWalkerHardcore-v3')
}
