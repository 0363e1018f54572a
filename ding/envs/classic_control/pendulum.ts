import { scaleAction } from '../act_scale.js'
import type { StepOutcome } from '../base_env.js'
import { resolveConfig } from '../env_config.js'
import type { RandomStream } from '../light_imports.js'
import { extendSchema } from '../light_imports.js'
import { COLORS } from '../render/colors.js'
import { circle, line } from '../render/shapes.js'
import type { Scene2D } from '../render/types.js'
import { Box, Discrete } from '../spaces/index.js'
import { ClassicControlEnv, type ClassicSpec, classicConfig, clip } from './classic_env.js'

const MAX_SPEED = 8
/** N m. */
const MAX_TORQUE = 2.0
/** s. */
const TIME_STEP = 0.05
const MASS = 1.0
const LENGTH = 1.0
const DISCRETE_ACTIONS = 11

const SPECS = {
  'Pendulum-v1': { max_episode_steps: 200, stop_value: -250 },
} as const satisfies Record<string, ClassicSpec>

const TORQUE_BOX = new Box(-MAX_TORQUE, MAX_TORQUE, [1])

/**
 * Swing-up of a pendulum, as in Gymnasium (classic_control/pendulum.py). Observation: cos, sin of the angle (0 is
 * upright), angular velocity. Action: torque. Reward -(angle^2 + 0.1 speed^2 + 0.001 torque^2). It never terminates.
 */
export class PendulumEnv extends ClassicControlEnv<Float32Array | number> {
  static readonly config = extendSchema(classicConfig('Pendulum-v1', SPECS['Pendulum-v1']), {
    act_scale: {
      doc: 'Actions are in [-1, 1], which action_space then says, and are scaled to the torques -2 to 2 N m.',
      format: 'boolean',
      default: true,
    },
    g: { doc: 'Gravity, m/s^2.', format: 'number', default: 10 },
    continuous: {
      doc: 'True: the action is a torque. False: one of 11 evenly spaced ones.',
      format: 'boolean',
      default: true,
    },
  })

  readonly observation_space = new Box([-1, -1, -MAX_SPEED], [1, 1, MAX_SPEED])
  readonly action_space: Box | Discrete
  readonly native_action_space?: Box
  override readonly reward_space = new Box(
    -(Math.PI ** 2 + 0.1 * MAX_SPEED ** 2 + 0.001 * MAX_TORQUE ** 2),
    0,
    [1],
  )
  override readonly render_fps = 30
  private readonly actScale: boolean
  private readonly gravity: number

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, SPECS, 2)
    const { act_scale, continuous, g } = resolveConfig(new.target.config, cfg, 'The env config')
    this.actScale = act_scale
    this.gravity = g
    this.action_space = continuous
      ? act_scale
        ? new Box(-1, 1, [1])
        : TORQUE_BOX
      : new Discrete(DISCRETE_ACTIONS)
    if (continuous && act_scale) this.native_action_space = TORQUE_BOX
  }

  protected override begin(random: RandomStream): Float32Array {
    this.state[0] = -Math.PI + 2 * Math.PI * random.nextFloat()
    this.state[1] = -1 + 2 * random.nextFloat()
    return this.observe()
  }

  protected override advance(action: Float32Array | number): StepOutcome<Float32Array> {
    const theta = this.state[0]!
    const speed = this.state[1]!
    const u = this.torqueOf(action)
    const angle = normalizeAngle(theta)
    const cost = angle * angle + 0.1 * (speed * speed) + 0.001 * (u * u)
    const acceleration =
      ((3 * this.gravity) / (2 * LENGTH)) * Math.sin(theta) + (3.0 / (MASS * (LENGTH * LENGTH))) * u
    const newSpeed = clip(speed + acceleration * TIME_STEP, -MAX_SPEED, MAX_SPEED)
    this.state[0] = theta + newSpeed * TIME_STEP
    this.state[1] = newSpeed
    return { obs: this.observe(), reward: -cost, terminated: false }
  }

  protected override observe(): Float32Array {
    const theta = this.state[0]!
    return Float32Array.of(Math.cos(theta), Math.sin(theta), this.state[1]!)
  }

  /** Upright at angle 0, leaning to the left at a positive one. */
  override scene(): Scene2D {
    const theta = this.state[0]!
    const tip = [-LENGTH * Math.sin(theta), LENGTH * Math.cos(theta)] as const
    return {
      view: [-1.4, -1.4, 1.4, 1.4],
      shapes: [
        circle(0, 0, 1.14, COLORS.mist),
        circle(0, 0, 1.12, COLORS.paper),
        line([[0, 0], tip], 0.2, COLORS.red),
        circle(0, 0, 0.06, COLORS.ink),
      ],
    }
  }

  /** The torque of an action. As in DI-engine a discrete one means a number in [-1, 1], which act_scale scales. */
  private torqueOf(action: Float32Array | number): number {
    const raw = typeof action === 'number' ? (action / (DISCRETE_ACTIONS - 1)) * 2 - 1 : action[0]!
    const torque = this.actScale ? scaleAction([raw], TORQUE_BOX.low, TORQUE_BOX.high)[0]! : raw
    return clip(torque, -MAX_TORQUE, MAX_TORQUE)
  }
}

/** The angle in [-pi, pi), with the sign rule of Python's remainder. */
function normalizeAngle(x: number): number {
  const turn = 2 * Math.PI
  const remainder = (x + Math.PI) % turn
  return (remainder < 0 ? remainder + turn : remainder) - Math.PI
}
