import type { StepOutcome } from '../base_env.js'
import { resolveConfig } from '../env_config.js'
import type { RandomStream } from '../light_imports.js'
import { extendSchema } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box, Discrete } from '../spaces/index.js'
import { ClassicControlEnv, type ClassicSpec, classicConfig, clip } from './classic_env.js'
import { valleyScene } from './valley.js'

const MIN_POSITION = -1.2
const MAX_POSITION = 0.6
const MAX_SPEED = 0.07
const GOAL_POSITION = 0.5
const FORCE = 0.001
const GRAVITY = 0.0025

const SPECS = {
  'MountainCar-v0': { max_episode_steps: 200, stop_value: -110 },
} as const satisfies Record<string, ClassicSpec>

/**
 * Moore's car in a valley (1990), as in Gymnasium (classic_control/mountain_car.py). Observation: position, velocity.
 * Actions: accelerate left, not at all, right. Reward -1 a step until the goal at position 0.5.
 */
export class MountainCarEnv extends ClassicControlEnv<number> {
  static readonly config = extendSchema(classicConfig('MountainCar-v0', SPECS['MountainCar-v0']), {
    goal_velocity: {
      doc: 'Least velocity at which the goal counts as reached.',
      format: 'number',
      default: 0,
    },
  })

  readonly observation_space = new Box([MIN_POSITION, -MAX_SPEED], [MAX_POSITION, MAX_SPEED])
  readonly action_space = new Discrete(3)
  override readonly reward_space = new Box(-1, 0, [1])
  private readonly goalVelocity: number

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, SPECS, 2)
    this.goalVelocity = resolveConfig(new.target.config, cfg, 'The env config').goal_velocity
  }

  protected override begin(random: RandomStream): Float32Array {
    this.state[0] = -0.6 + 0.2 * random.nextFloat()
    this.state[1] = 0
    return this.observe()
  }

  protected override advance(action: number): StepOutcome<Float32Array> {
    let position = this.state[0]!
    let velocity = this.state[1]!
    velocity += (action - 1) * FORCE + Math.cos(3 * position) * -GRAVITY
    velocity = clip(velocity, -MAX_SPEED, MAX_SPEED)
    position = clip(position + velocity, MIN_POSITION, MAX_POSITION)
    if (position === MIN_POSITION && velocity < 0) velocity = 0
    this.state[0] = position
    this.state[1] = velocity
    return {
      obs: this.observe(),
      reward: -1,
      terminated: position >= GOAL_POSITION && velocity >= this.goalVelocity,
    }
  }

  protected override observe(): Float32Array {
    return Float32Array.from(this.state)
  }

  override scene(): Scene2D {
    return valleyScene(this.state[0]!, GOAL_POSITION)
  }
}
