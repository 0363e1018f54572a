import type { StateTree } from '../../utils/index.js'
import type { StepOutcome } from '../base_env.js'
import { resolveConfig } from '../env_config.js'
import type { RandomStream } from '../light_imports.js'
import { extendSchema } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box } from '../spaces/index.js'
import { ClassicControlEnv, type ClassicSpec, classicConfig, clip } from './classic_env.js'
import { valleyScene } from './valley.js'

const MIN_POSITION = -1.2
const MAX_POSITION = 0.6
const MAX_SPEED = 0.07
const GOAL_POSITION = 0.45
const POWER = 0.0015

const SPECS = {
  'MountainCarContinuous-v0': { max_episode_steps: 999, stop_value: 90 },
} as const satisfies Record<string, ClassicSpec>

/**
 * The car in a valley with a force from -1 to 1, as in Gymnasium (classic_control/continuous_mountain_car.py).
 * Observation: position, velocity. Reward -0.1 force^2 a step and 100 at the goal, position 0.45.
 *
 * The reference keeps its state as float32 after the first step and computes in float64 around it; which operations
 * round to float32 follows NumPy 2's promotion rules for a float64 action, the form in which the golden numbers were made.
 */
export class MountainCarContinuousEnv extends ClassicControlEnv<Float32Array> {
  static readonly config = extendSchema(
    classicConfig('MountainCarContinuous-v0', SPECS['MountainCarContinuous-v0']),
    {
      act_scale: {
        doc: 'Actions are in [-1, 1] and scaled to the native box, which is [-1, 1] too: it changes nothing here.',
        format: 'boolean',
        default: true,
      },
      goal_velocity: {
        doc: 'Least velocity at which the goal counts as reached.',
        format: 'number',
        default: 0,
      },
    },
  )

  readonly observation_space = new Box([MIN_POSITION, -MAX_SPEED], [MAX_POSITION, MAX_SPEED])
  readonly action_space = new Box(-1, 1, [1])
  override readonly reward_space = new Box(-Infinity, 100, [1])
  /** Whether the state went through the reference's float32 array; a starting state did not. */
  private rounded = false
  private readonly goalVelocity: number

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, SPECS, 2)
    this.goalVelocity = resolveConfig(new.target.config, cfg, 'The env config').goal_velocity
  }

  protected override begin(random: RandomStream): Float32Array {
    this.state[0] = -0.6 + 0.2 * random.nextFloat()
    this.state[1] = 0
    this.rounded = false
    return this.observe()
  }

  /** @param rounded the state is one that a step returned, not a starting state */
  override setState(state: ArrayLike<number>, rounded = false): Float32Array {
    this.rounded = rounded
    return super.setState(state)
  }

  protected override advance(action: Float32Array): StepOutcome<Float32Array> {
    const start = this.state[0]!
    const force = clip(action[0]!, -1, 1)
    const angle = this.rounded ? Math.fround(3 * start) : 3 * start
    // What was clipped is a Python number, which meets a float32 number in float32: in sums and in comparisons.
    const single = (v: number): number => (this.rounded ? Math.fround(v) : v)
    const double = (v: number): number => v
    const ofForce = force === action[0] ? double : single
    const free = ofForce(this.state[1]! + ofForce(force * POWER - 0.0025 * Math.cos(angle)))
    const clipped = free > ofForce(MAX_SPEED) || free < ofForce(-MAX_SPEED)
    let velocity = clipped ? Math.sign(free) * MAX_SPEED : free
    const ofSpeed = clipped ? single : ofForce
    const moved = ofSpeed(start + ofSpeed(velocity))
    const beyond = moved > ofSpeed(MAX_POSITION) || moved < ofSpeed(MIN_POSITION)
    const position = beyond ? (moved > 0 ? MAX_POSITION : MIN_POSITION) : moved
    const ofPosition = beyond ? double : ofSpeed
    if (position === ofPosition(MIN_POSITION) && velocity < 0) velocity = 0
    const fast = velocity >= (clipped ? this.goalVelocity : ofForce(this.goalVelocity))
    const terminated = position >= ofPosition(GOAL_POSITION) && fast
    this.state[0] = Math.fround(position)
    this.state[1] = Math.fround(velocity)
    this.rounded = true
    const reward = (terminated ? 100 : 0) - action[0]! * action[0]! * 0.1
    return { obs: this.observe(), reward, terminated }
  }

  protected override observe(): Float32Array {
    return Float32Array.from(this.state)
  }

  override scene(): Scene2D {
    return valleyScene(this.state[0]!, GOAL_POSITION)
  }

  protected override saveState(): StateTree {
    return { ...super.saveState(), rounded: this.rounded }
  }

  protected override restoreState(state: StateTree): void {
    super.restoreState(state)
    this.rounded = state['rounded'] === true
  }
}
