import type { StepOutcome } from '../base_env.js'
import type { RandomStream } from '../light_imports.js'
import { COLORS } from '../render/colors.js'
import { circle, line } from '../render/shapes.js'
import type { Point, Scene2D } from '../render/types.js'
import { Box, Discrete } from '../spaces/index.js'
import { ClassicControlEnv, type ClassicSpec, classicConfig, clip } from './classic_env.js'

const LINK_LENGTH = 1.0
const LINK_MASS = 1.0
const CENTER_OF_MASS = 0.5
const INERTIA = 1.0
const GRAVITY = 9.8
/** s. */
const TIME_STEP = 0.2
const MAX_SPEED_1 = 4 * Math.PI
const MAX_SPEED_2 = 9 * Math.PI

const SPECS = {
  'Acrobot-v1': { max_episode_steps: 500, stop_value: -100 },
} as const satisfies Record<string, ClassicSpec>

/**
 * Sutton's two-link pendulum (1996) with the equations of Sutton and Barto's book, one Runge-Kutta step of 0.2 s, as in
 * Gymnasium (classic_control/acrobot.py). Observation: cos, sin of both angles, both angular velocities. Actions: torque
 * -1, 0, 1 on the joint. Reward -1 a step, 0 when the free end gets one link's length above the base.
 */
export class AcrobotEnv extends ClassicControlEnv<number> {
  static readonly config = classicConfig('Acrobot-v1', SPECS['Acrobot-v1'])

  readonly observation_space = new Box(
    [-1, -1, -1, -1, -MAX_SPEED_1, -MAX_SPEED_2],
    [1, 1, 1, 1, MAX_SPEED_1, MAX_SPEED_2],
  )
  readonly action_space = new Discrete(3)
  override readonly reward_space = new Box(-1, 0, [1])
  override readonly render_fps = 15

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, SPECS, 4)
  }

  /** Gymnasium rounds the starting state to float32. */
  protected override begin(random: RandomStream): Float32Array {
    for (let i = 0; i < 4; i++) this.state[i] = Math.fround(-0.1 + 0.2 * random.nextFloat())
    return this.observe()
  }

  protected override advance(action: number): StepOutcome<Float32Array> {
    const s = rungeKutta(this.state, action - 1)
    s[0] = wrapAngle(s[0]!)
    s[1] = wrapAngle(s[1]!)
    s[2] = clip(s[2]!, -MAX_SPEED_1, MAX_SPEED_1)
    s[3] = clip(s[3]!, -MAX_SPEED_2, MAX_SPEED_2)
    this.state.set(s)
    const terminated = -Math.cos(s[0]) - Math.cos(s[1] + s[0]) > 1.0
    return { obs: this.observe(), reward: terminated ? 0 : -1, terminated }
  }

  protected override observe(): Float32Array {
    const [theta1, theta2, speed1, speed2] = this.state as unknown as [number, number, number, number]
    return Float32Array.of(
      Math.cos(theta1),
      Math.sin(theta1),
      Math.cos(theta2),
      Math.sin(theta2),
      speed1,
      speed2,
    )
  }

  /** The links hang down at angle 0; the free end has to get above the line. */
  override scene(): Scene2D {
    const [theta1, theta2] = this.state as unknown as [number, number]
    const elbow: Point = [LINK_LENGTH * Math.sin(theta1), -LINK_LENGTH * Math.cos(theta1)]
    const tip: Point = [
      elbow[0] + LINK_LENGTH * Math.sin(theta1 + theta2),
      elbow[1] - LINK_LENGTH * Math.cos(theta1 + theta2),
    ]
    const goal: Point[] = [
      [-3, LINK_LENGTH],
      [3, LINK_LENGTH],
    ]
    return {
      view: [-2.3, -2.3, 2.3, 2.3],
      shapes: [
        line(goal, 0.03, COLORS.green),
        line([[0, 0], elbow], 0.2, COLORS.blue),
        line([elbow, tip], 0.2, COLORS.teal),
        circle(0, 0, 0.07, COLORS.ink),
        circle(...elbow, 0.07, COLORS.ink),
        circle(...tip, 0.07, COLORS.gold),
      ],
    }
  }
}

/** Time derivative of [theta1, theta2, speed1, speed2] under a torque; operations in the reference's order. */
function derivative(s: Float64Array, torque: number): Float64Array {
  const theta1 = s[0]!
  const theta2 = s[1]!
  const speed1 = s[2]!
  const speed2 = s[3]!
  const m = LINK_MASS
  const l = LINK_LENGTH
  const lc = CENTER_OF_MASS
  const sin2 = Math.sin(theta2)
  const cos2 = Math.cos(theta2)
  const d1 = m * (lc * lc) + m * (l * l + lc * lc + 2 * l * lc * cos2) + INERTIA + INERTIA
  const d2 = m * (lc * lc + l * lc * cos2) + INERTIA
  const phi2 = m * lc * GRAVITY * Math.cos(theta1 + theta2 - Math.PI / 2.0)
  const phi1 =
    -m * l * lc * (speed2 * speed2) * sin2 -
    2 * m * l * lc * speed2 * speed1 * sin2 +
    (m * lc + m * l) * GRAVITY * Math.cos(theta1 - Math.PI / 2) +
    phi2
  const acc2 =
    (torque + (d2 / d1) * phi1 - m * l * lc * (speed1 * speed1) * sin2 - phi2) /
    (m * (lc * lc) + INERTIA - (d2 * d2) / d1)
  const acc1 = -(d2 * acc2 + phi1) / d1
  return Float64Array.of(speed1, speed2, acc1, acc2)
}

function rungeKutta(start: Float64Array, torque: number): Float64Array {
  const half = TIME_STEP / 2.0
  const k1 = derivative(start, torque)
  const k2 = derivative(
    start.map((v, i) => v + half * k1[i]!),
    torque,
  )
  const k3 = derivative(
    start.map((v, i) => v + half * k2[i]!),
    torque,
  )
  const k4 = derivative(
    start.map((v, i) => v + TIME_STEP * k3[i]!),
    torque,
  )
  return start.map((v, i) => v + (TIME_STEP / 6.0) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!))
}

/** The angle in [-pi, pi], by whole turns. */
function wrapAngle(angle: number): number {
  let x = angle
  while (x > Math.PI) x -= 2 * Math.PI
  while (x < -Math.PI) x += 2 * Math.PI
  return x
}
