import type { Body, World } from 'planck'
import type { Color, Point, Scene2D, Shape } from '../render/types.js'
import type { Draws } from './draws.js'
import {
  addEdge,
  addHinge,
  type Box2dWorld,
  boxShape,
  ContactWatch,
  createWorld,
  dynamicBody,
  FPS,
  LANDER,
  pixelPolygon,
  ROBOT,
  SCALE,
  stepWorld,
  VIEW_HEIGHT,
  VIEW_WIDTH,
  type WorldStep,
} from './physics.js'
import { bodyShapes, flag } from './scene.js'

export interface LunarLanderOptions {
  readonly continuous: boolean
  /** m/s^2, negative: downwards. */
  readonly gravity: number
  readonly enable_wind: boolean
  /** Largest force of the wind, N. */
  readonly wind_power: number
  /** Largest torque of the turbulence, N m. */
  readonly turbulence_power: number
}

const MAIN_ENGINE_POWER = 13
const SIDE_ENGINE_POWER = 0.6
/** Pixels. */
const MAIN_ENGINE_BELOW = 4
const SIDE_ENGINE_AWAY = 12
const SIDE_ENGINE_HEIGHT = 14
/** Of the point where a side engine pushes along the hull's axis, sideways; the reference takes another number than for the height. */
const SIDE_ENGINE_SHIFT = 17
/** The push at the start is up to this force, N, in each direction for one step. */
const INITIAL_FORCE = 1000
const HULL: readonly Point[] = [
  [-14, 17],
  [-17, 0],
  [-17, -10],
  [17, -10],
  [17, 0],
  [14, 17],
]
const LEG_AWAY = 20
const LEG_DOWN = 18
const LEG_HALF_WIDTH = 2
const LEG_HALF_HEIGHT = 8
const LEG_SPRING_TORQUE = 40
const LEG_SPEED = 0.3

const EDGES = 10
const PAD_HEIGHT = VIEW_HEIGHT / 4

const HULL_FILL: Color = '#8066e6'
const HULL_STROKE: Color = '#4d4d80'
const WHITE: Color = '#ffffff'
const BLACK: Color = '#000000'
const FLAG: Color = '#cccc00'
const FLAME: Color = '#ff7828'

/** tanh of two sines whose periods have no common multiple, in [-1, 1]. */
function gust(t: number): number {
  return Math.tanh(Math.sin(0.02 * t) + Math.sin(Math.PI * 0.01 * t))
}

/** An episode of the lander; the constructor ends with the step of no thrust that Gymnasium's reset does. */
export class LunarLanderWorld implements Box2dWorld {
  readonly world: World
  readonly bodies: Readonly<Record<'lander' | 'leg0' | 'leg1', Body>>
  readonly contacts: ContactWatch
  /** The surface of the moon, from left to right. */
  readonly surface: readonly Point[]
  /** The flat part between the flags. */
  readonly helipad: { readonly x1: number; readonly x2: number; readonly y: number }
  observation: readonly number[]
  private shaping: number | undefined
  private windTime = 0
  private turbulenceTime = 0
  private thrust = { main: 0, side: 0, direction: 0 }

  constructor(
    private readonly options: LunarLanderOptions,
    private readonly draws: Draws,
  ) {
    this.world = createWorld(options.gravity)
    this.surface = surfaceOf(draws)
    this.helipad = { x1: this.surface[4]![0], x2: this.surface[6]![0], y: PAD_HEIGHT }
    const moon = this.world.createBody({ type: 'static' })
    addEdge(moon, [0, 0], [VIEW_WIDTH, 0], 0.2)
    for (let i = 0; i < EDGES; i++) addEdge(moon, this.surface[i]!, this.surface[i + 1]!, 0.1)

    const lander = dynamicBody(this.world, [VIEW_WIDTH / 2, VIEW_HEIGHT], 0, pixelPolygon(HULL), {
      density: 5,
      friction: 0.1,
      filterCategoryBits: LANDER,
    })
    const force = {
      x: draws.uniform(-INITIAL_FORCE, INITIAL_FORCE),
      y: draws.uniform(-INITIAL_FORCE, INITIAL_FORCE),
    }
    lander.applyForceToCenter(force, true)
    if (options.enable_wind) {
      this.windTime = draws.integer(-9999, 9999)
      this.turbulenceTime = draws.integer(-9999, 9999)
    }
    const leg0 = this.addLeg(lander, -1)
    const leg1 = this.addLeg(lander, 1)
    this.bodies = { lander, leg0, leg1 }
    this.contacts = new ContactWatch(this.world, lander, [leg0, leg1])
    this.observation = this.step(options.continuous ? [0, 0] : [0]).obs
  }

  private addLeg(lander: Body, side: -1 | 1): Body {
    const position: Point = [VIEW_WIDTH / 2 - (side * LEG_AWAY) / SCALE, VIEW_HEIGHT]
    const shape = boxShape(LEG_HALF_WIDTH / SCALE, LEG_HALF_HEIGHT / SCALE)
    const leg = dynamicBody(this.world, position, side * 0.05, shape, {
      density: 1,
      filterCategoryBits: ROBOT,
    })
    addHinge(this.world, lander, leg, {
      anchorA: [0, 0],
      anchorB: [(side * LEG_AWAY) / SCALE, LEG_DOWN / SCALE],
      limits: side === -1 ? [0.4, 0.9] : [-0.9, -0.4],
      maxTorque: LEG_SPRING_TORQUE,
      speed: LEG_SPEED * side,
    })
    return leg
  }

  /** @param action discrete: one of 0 none, 1 left engine, 2 main, 3 right; continuous: throttles of the main and the side engines */
  step(action: ArrayLike<number>): WorldStep {
    this.blow()
    this.fire(action)
    stepWorld(this.world)
    const obs = this.observe()
    const shaping = shapingOf(obs)
    const { main, side } = this.thrust
    let reward = (this.shaping === undefined ? 0 : shaping - this.shaping) - 0.3 * main - 0.03 * side
    this.shaping = shaping
    this.observation = obs
    let terminated = false
    if (this.contacts.crashed || Math.abs(obs[0]!) >= 1) {
      terminated = true
      reward = -100
    }
    if (!this.bodies.lander.isAwake()) {
      terminated = true
      reward = 100
    }
    return { obs, reward, terminated }
  }

  private blow(): void {
    const { enable_wind, wind_power, turbulence_power } = this.options
    if (!enable_wind || this.contacts.touching.includes(true)) return
    this.bodies.lander.applyForceToCenter({ x: gust(this.windTime++) * wind_power, y: 0 }, true)
    this.bodies.lander.applyTorque(gust(this.turbulenceTime++) * turbulence_power, true)
  }

  private fire(action: ArrayLike<number>): void {
    const { lander } = this.bodies
    const angle = lander.getAngle()
    const tip = { x: Math.sin(angle), y: Math.cos(angle) }
    const side = { x: -tip.y, y: tip.x }
    // Drawn at every step, so that the draws do not depend on the actions.
    const along = this.draws.uniform(-1, 1) / SCALE
    const across = this.draws.uniform(-1, 1) / SCALE
    this.thrust = throttle(action, this.options.continuous)
    const { main, side: lateral, direction } = this.thrust
    const { x, y } = lander.getPosition()
    if (main > 0) {
      const reach = MAIN_ENGINE_BELOW / SCALE + 2 * along
      const ox = tip.x * reach + side.x * across
      const oy = -tip.y * reach - side.y * across
      const power = MAIN_ENGINE_POWER * main
      lander.applyLinearImpulse({ x: -ox * power, y: -oy * power }, { x: x + ox, y: y + oy }, true)
    }
    if (lateral > 0) {
      // The push is not moved again by the main engine's: its impulse changes the velocity only.
      const reach = 3 * across + (direction * SIDE_ENGINE_AWAY) / SCALE
      const ox = tip.x * along + side.x * reach
      const oy = -tip.y * along - side.y * reach
      const at = {
        x: x + ox - (tip.x * SIDE_ENGINE_SHIFT) / SCALE,
        y: y + oy + (tip.y * SIDE_ENGINE_HEIGHT) / SCALE,
      }
      const power = SIDE_ENGINE_POWER * lateral
      lander.applyLinearImpulse({ x: -ox * power, y: -oy * power }, at, true)
    }
  }

  private observe(): number[] {
    const { lander } = this.bodies
    const position = lander.getPosition()
    const velocity = lander.getLinearVelocity()
    const halfWidth = VIEW_WIDTH / 2
    const halfHeight = VIEW_HEIGHT / 2
    return [
      (position.x - halfWidth) / halfWidth,
      (position.y - (this.helipad.y + LEG_DOWN / SCALE)) / halfHeight,
      (velocity.x * halfWidth) / FPS,
      (velocity.y * halfHeight) / FPS,
      lander.getAngle(),
      (20 * lander.getAngularVelocity()) / FPS,
      ...this.contacts.touching.map(Number),
    ]
  }

  scene(): Scene2D {
    const { lander, leg0, leg1 } = this.bodies
    const { x1, x2, y } = this.helipad
    const ground: Point[] = [[0, 0], ...this.surface, [VIEW_WIDTH, 0]]
    return {
      view: [0, 0, VIEW_WIDTH, VIEW_HEIGHT],
      background: BLACK,
      shapes: [
        { type: 'polygon', points: ground, fill: WHITE },
        ...this.flames(),
        ...bodyShapes(lander, HULL_FILL, HULL_STROKE),
        ...bodyShapes(leg0, HULL_FILL, HULL_STROKE),
        ...bodyShapes(leg1, HULL_FILL, HULL_STROKE),
        ...flag(x1, y, FLAG, WHITE),
        ...flag(x2, y, FLAG, WHITE),
      ],
    }
  }

  /** The exhaust of the last step. The reference draws it as particles, which it adds to the physics when it renders. */
  private flames(): Shape[] {
    const { main, side, direction } = this.thrust
    const { lander } = this.bodies
    const triangle = (corners: readonly Point[]): Shape => {
      const points = corners.map(([px, py]): Point => {
        const { x, y } = lander.getWorldPoint({ x: px / SCALE, y: py / SCALE })
        return [x, y]
      })
      return { type: 'polygon', points, fill: FLAME }
    }
    const shapes: Shape[] = []
    if (main > 0) {
      shapes.push(
        triangle([
          [-6, -10],
          [6, -10],
          [0, -10 - 24 * main],
        ]),
      )
    }
    if (side > 0) {
      const away = -17 * direction
      shapes.push(
        triangle([
          [away, 10],
          [away, 18],
          [away - 12 * direction * side, 14],
        ]),
      )
    }
    return shapes
  }
}

/** Heights drawn for each point and then averaged with their neighbours'; the pad's five are set first. */
function surfaceOf(draws: Draws): Point[] {
  const heights = Array.from({ length: EDGES + 2 }, () => draws.uniform(0, VIEW_HEIGHT / 2))
  const middle = (EDGES + 1) >> 1
  for (let i = middle - 2; i <= middle + 2; i++) heights[i] = PAD_HEIGHT
  return Array.from({ length: EDGES + 1 }, (_, i): Point => {
    const before = heights.at(i - 1)!
    return [(VIEW_WIDTH / EDGES) * i, 0.33 * (before + heights[i]! + heights[i + 1]!)]
  })
}

/** How far the engines are open, 0 or 0.5 to 1, and which side engine: -1 the left, 1 the right. */
function throttle(
  action: ArrayLike<number>,
  continuous: boolean,
): { main: number; side: number; direction: number } {
  if (!continuous) {
    const choice = action[0]!
    const lateral = choice === 1 || choice === 3
    return { main: choice === 2 ? 1 : 0, side: lateral ? 1 : 0, direction: lateral ? choice - 2 : 0 }
  }
  const clip = (v: number): number => Math.min(1, Math.max(-1, v))
  const main = clip(action[0]!)
  const lateral = clip(action[1]!)
  const fires = Math.abs(lateral) > 0.5
  return {
    main: main > 0 ? (main + 1) * 0.5 : 0,
    side: fires ? Math.abs(lateral) : 0,
    direction: fires ? Math.sign(lateral) : 0,
  }
}

function shapingOf(obs: readonly number[]): number {
  const [x, y, vx, vy, angle, , left, right] = obs as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return (
    -100 * Math.sqrt(x * x + y * y) -
    100 * Math.sqrt(vx * vx + vy * vy) -
    100 * Math.abs(angle) +
    10 * left +
    10 * right
  )
}
