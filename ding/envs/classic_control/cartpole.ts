import type { StepOutcome } from '../base_env.js'
import { resolveConfig } from '../env_config.js'
import type { RandomStream } from '../light_imports.js'
import { extendSchema } from '../light_imports.js'
import { COLORS } from '../render/colors.js'
import { circle, line, placed, polygon, rectangle } from '../render/shapes.js'
import type { Scene2D } from '../render/types.js'
import { Box, Discrete } from '../spaces/index.js'
import { ClassicControlEnv, type ClassicSpec, classicConfig } from './classic_env.js'

const GRAVITY = 9.8
const CART_MASS = 1.0
const POLE_MASS = 0.1
const TOTAL_MASS = POLE_MASS + CART_MASS
/** Half of the pole's length, m. */
const HALF_LENGTH = 0.5
const POLE_MOMENT = POLE_MASS * HALF_LENGTH
/** N. */
const FORCE = 10.0
/** s. */
const TIME_STEP = 0.02
const ANGLE_LIMIT = (12 * 2 * Math.PI) / 360
const POSITION_LIMIT = 2.4

const SPECS = {
  'CartPole-v0': { max_episode_steps: 200, stop_value: 195 },
  'CartPole-v1': { max_episode_steps: 500, stop_value: 475 },
} as const satisfies Record<string, ClassicSpec>

function cartPoleConfig(env_id: keyof typeof SPECS) {
  return extendSchema(classicConfig(env_id, SPECS[env_id]), {
    sutton_barto_reward: {
      doc: 'True: reward 0 a step and -1 for the one that ends the task. False: 1 a step.',
      format: 'boolean',
      default: false,
    },
  })
}

/**
 * The pole on a cart of Barto, Sutton and Anderson (1983), as in Gymnasium (classic_control/cartpole.py), Euler steps of
 * 0.02 s. Observation: position, velocity, angle, angular velocity. Actions: push left, push right. Reward 1 a step.
 */
export class CartPoleEnv extends ClassicControlEnv<number> {
  static readonly config = cartPoleConfig('CartPole-v0')

  readonly observation_space = new Box(
    [-2 * POSITION_LIMIT, -Infinity, -2 * ANGLE_LIMIT, -Infinity],
    [2 * POSITION_LIMIT, Infinity, 2 * ANGLE_LIMIT, Infinity],
  )
  readonly action_space = new Discrete(2)
  override readonly reward_space: Box
  override readonly render_fps = 1 / TIME_STEP
  private readonly suttonBarto: boolean

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, SPECS, 4)
    this.suttonBarto = resolveConfig(new.target.config, cfg, 'The env config').sutton_barto_reward
    this.reward_space = this.suttonBarto ? new Box(-1, 0, [1]) : new Box(0, 1, [1])
  }

  protected override begin(random: RandomStream): Float32Array {
    for (let i = 0; i < 4; i++) this.state[i] = -0.05 + 0.1 * random.nextFloat()
    return this.observe()
  }

  protected override advance(action: number): StepOutcome<Float32Array> {
    const s = this.state
    const x = s[0]!
    const xDot = s[1]!
    const theta = s[2]!
    const thetaDot = s[3]!
    const force = action === 1 ? FORCE : -FORCE
    const cos = Math.cos(theta)
    const sin = Math.sin(theta)
    const temp = (force + POLE_MOMENT * (thetaDot * thetaDot) * sin) / TOTAL_MASS
    const thetaAcc =
      (GRAVITY * sin - cos * temp) / (HALF_LENGTH * (4.0 / 3.0 - (POLE_MASS * (cos * cos)) / TOTAL_MASS))
    const xAcc = temp - (POLE_MOMENT * thetaAcc * cos) / TOTAL_MASS
    s[0] = x + TIME_STEP * xDot
    s[1] = xDot + TIME_STEP * xAcc
    s[2] = theta + TIME_STEP * thetaDot
    s[3] = thetaDot + TIME_STEP * thetaAcc
    const terminated = Math.abs(s[0]) > POSITION_LIMIT || Math.abs(s[2]) > ANGLE_LIMIT
    return { obs: this.observe(), reward: this.rewardOf(terminated), terminated }
  }

  private rewardOf(terminated: boolean): number {
    if (!this.suttonBarto) return 1
    return terminated ? -1 : 0
  }

  protected override observe(): Float32Array {
    return Float32Array.from(this.state)
  }

  /** The track in metres; a positive angle leans to the right. The cart's size is the drawing's only. */
  override scene(): Scene2D {
    const x = this.state[0]!
    const theta = this.state[2]!
    const pole = [
      [-0.045, -0.045],
      [0.045, -0.045],
      [0.045, 2 * HALF_LENGTH],
      [-0.045, 2 * HALF_LENGTH],
    ] as const
    const end = (at: number) => rectangle(at - 0.02, -0.12, at + 0.02, 0.12, COLORS.grey)
    return {
      view: [-2.6, -0.8, 2.6, 1.9],
      shapes: [
        line(
          [
            [-3, 0],
            [3, 0],
          ],
          0.03,
          COLORS.grey,
        ),
        end(-POSITION_LIMIT),
        end(POSITION_LIMIT),
        rectangle(x - 0.25, -0.15, x + 0.25, 0.15, COLORS.ink),
        circle(x - 0.14, -0.15, 0.07, COLORS.grey),
        circle(x + 0.14, -0.15, 0.07, COLORS.grey),
        polygon(placed(pole, -theta, [x, 0.1]), COLORS.orange),
        circle(x, 0.1, 0.035, COLORS.mist),
      ],
    }
  }
}

/** CartPole-v1: 500 steps. */
export class CartPoleV1Env extends CartPoleEnv {
  static override readonly config = cartPoleConfig('CartPole-v1')
}
