import { type Body, PolygonShape, type RevoluteJoint } from 'planck'
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
  GROUND,
  pixelPolygon,
  ROBOT,
  SCALE,
  stepWorld,
  VIEW_HEIGHT,
  VIEW_WIDTH,
  type WorldStep,
} from './physics.js'
import { bodyShapes, flag, outlined, thinLine } from './scene.js'
import {
  GRASS_LENGTH,
  generateClouds,
  generateTerrain,
  START_PAD,
  TERRAIN_HEIGHT,
  TERRAIN_POINTS,
  TERRAIN_STEP,
  type WalkerTerrain,
} from './walker_terrain.js'

/** N m. */
const MOTOR_TORQUE = 80
/** rad/s. */
const HIP_SPEED = 4
const KNEE_SPEED = 6
/** Rated speed of each of the four motors: hip and knee of one leg, then of the other. */
const SPEEDS: readonly number[] = [HIP_SPEED, KNEE_SPEED, HIP_SPEED, KNEE_SPEED]
const LIDAR_RANGE = 160 / SCALE
const LIDAR_RAYS = 10
/** N. */
const INITIAL_FORCE = 5
const HULL: readonly Point[] = [
  [-30, 9],
  [6, 9],
  [34, 1],
  [34, -8],
  [-30, -8],
]
const HIP_BELOW = 8 / SCALE
const LEG_WIDTH = 8 / SCALE
const LEG_LENGTH = 34 / SCALE
const GROUND_FRICTION = 2.5

const SKY: Color = '#d7d7ff'
const CLOUD: Color = '#ffffff'
const EARTH: Color = '#66994c'
const GRASS: readonly Color[] = ['#4cff4c', '#4ccc4c']
const ROCK: Color = '#ffffff'
const ROCK_EDGE: Color = '#999999'
const HULL_FILL: Color = '#7f33e5'
const HULL_STROKE: Color = '#4c4c7f'
/** Fill and outline of the two legs: the far one is lighter. */
const LEG_COLORS = [
  ['#b26598', '#7f4c65'],
  ['#803366', '#4d1a33'],
] as const satisfies readonly (readonly Color[])[]
const LIDAR: Color = '#ff0000'
const FLAG: Color = '#e63300'
const BLACK: Color = '#000000'

/** An episode of the walker; the constructor ends with the step of no torque that Gymnasium's reset does. */
export class BipedalWalkerWorld implements Box2dWorld {
  readonly world = createWorld(-10)
  readonly bodies: Readonly<Record<'hull' | 'leg0' | 'lower0' | 'leg1' | 'lower1', Body>>
  readonly contacts: ContactWatch
  readonly terrain: WalkerTerrain
  observation: readonly number[]
  private readonly clouds: readonly (readonly Point[])[]
  private readonly joints: readonly RevoluteJoint[]
  private readonly lidar = Array.from({ length: LIDAR_RAYS }, () => 1)
  private shaping: number | undefined

  constructor(hardcore: boolean, draws: Draws) {
    this.terrain = generateTerrain(hardcore, draws)
    this.clouds = generateClouds(draws)
    this.buildTerrain()
    const x = (TERRAIN_STEP * START_PAD) / 2
    const y = TERRAIN_HEIGHT + 2 * LEG_LENGTH
    const hull = dynamicBody(this.world, [x, y], 0, pixelPolygon(HULL), {
      density: 5,
      friction: 0.1,
      filterCategoryBits: ROBOT,
    })
    hull.applyForceToCenter({ x: draws.uniform(-INITIAL_FORCE, INITIAL_FORCE), y: 0 }, true)
    const first = this.addLeg(hull, -1)
    const second = this.addLeg(hull, 1)
    this.joints = [first.hip, first.knee, second.hip, second.knee]
    this.bodies = {
      hull,
      leg0: first.upper,
      lower0: first.lower,
      leg1: second.upper,
      lower1: second.lower,
    }
    this.contacts = new ContactWatch(this.world, hull, [first.lower, second.lower])
    this.observation = this.step([0, 0, 0, 0]).obs
  }

  private buildTerrain(): void {
    const { ground, obstacles } = this.terrain
    const fixture = { friction: GROUND_FRICTION, filterCategoryBits: GROUND }
    for (const corners of obstacles) {
      const shape = new PolygonShape(corners.map(([x, y]) => ({ x, y })))
      this.world.createBody({ type: 'static' }).createFixture(shape, fixture)
    }
    for (let i = 0; i + 1 < ground.length; i++) {
      addEdge(this.world.createBody({ type: 'static' }), ground[i]!, ground[i + 1]!, GROUND_FRICTION)
    }
  }

  private addLeg(hull: Body, side: -1 | 1) {
    const x = (TERRAIN_STEP * START_PAD) / 2
    const top = TERRAIN_HEIGHT + 2 * LEG_LENGTH + HIP_BELOW
    const fixture = { density: 1, filterCategoryBits: ROBOT }
    const angle = side * 0.05
    const upper = dynamicBody(
      this.world,
      [x, top - LEG_LENGTH / 2],
      angle,
      boxShape(LEG_WIDTH / 2, LEG_LENGTH / 2),
      fixture,
    )
    const hipJoint = addHinge(this.world, hull, upper, {
      anchorA: [0, -HIP_BELOW],
      anchorB: [0, LEG_LENGTH / 2],
      limits: [-0.8, 1.1],
      maxTorque: MOTOR_TORQUE,
      speed: side,
    })
    const lower = dynamicBody(
      this.world,
      [x, top - (LEG_LENGTH * 3) / 2],
      angle,
      boxShape((0.8 * LEG_WIDTH) / 2, LEG_LENGTH / 2),
      fixture,
    )
    const kneeJoint = addHinge(this.world, upper, lower, {
      anchorA: [0, -LEG_LENGTH / 2],
      anchorB: [0, LEG_LENGTH / 2],
      limits: [-1.6, -0.1],
      maxTorque: MOTOR_TORQUE,
      speed: 1,
    })
    return { upper, lower, hip: hipJoint, knee: kneeJoint }
  }

  /** @param action torque of each motor as a part of the largest, -1 to 1; the sign is the direction in which it turns */
  step(action: ArrayLike<number>): WorldStep {
    let effort = 0
    this.joints.forEach((joint, i) => {
      const torque = Math.min(1, Math.abs(action[i]!))
      // Box2D wakes the bodies at each setting, planck at a change only.
      joint.getBodyA().setAwake(true)
      joint.getBodyB().setAwake(true)
      joint.setMotorSpeed(SPEEDS[i]! * Math.sign(action[i]!))
      joint.setMaxMotorTorque(MOTOR_TORQUE * torque)
      effort += torque
    })
    stepWorld(this.world)
    this.measure()
    const obs = this.observe()
    const { x } = this.bodies.hull.getPosition()
    const shaping = (130 * x) / SCALE - 5 * Math.abs(obs[0]!)
    let reward = (this.shaping === undefined ? 0 : shaping - this.shaping) - 0.00035 * MOTOR_TORQUE * effort
    this.shaping = shaping
    this.observation = obs
    let terminated = x > (TERRAIN_POINTS - GRASS_LENGTH) * TERRAIN_STEP
    if (this.contacts.crashed || x < 0) {
      reward = -100
      terminated = true
    }
    return { obs, reward, terminated }
  }

  private rayEnd(i: number): Point {
    const { x, y } = this.bodies.hull.getPosition()
    const angle = (1.5 * i) / LIDAR_RAYS
    return [x + Math.sin(angle) * LIDAR_RANGE, y - Math.cos(angle) * LIDAR_RANGE]
  }

  /** How far each ray gets, as a part of its length. */
  private measure(): void {
    const from = this.bodies.hull.getPosition()
    for (let i = 0; i < LIDAR_RAYS; i++) {
      const [x, y] = this.rayEnd(i)
      let nearest = 1
      this.world.rayCast(from, { x, y }, (fixture, _point, _normal, fraction) => {
        if ((fixture.getFilterCategoryBits() & GROUND) === 0) return -1
        nearest = fraction
        return fraction
      })
      this.lidar[i] = nearest
    }
  }

  private observe(): number[] {
    const { hull } = this.bodies
    const velocity = hull.getLinearVelocity()
    const leg = (first: number, touching: boolean): number[] => {
      const hip = this.joints[first]!
      const knee = this.joints[first + 1]!
      return [
        hip.getJointAngle(),
        hip.getJointSpeed() / HIP_SPEED,
        knee.getJointAngle() + 1,
        knee.getJointSpeed() / KNEE_SPEED,
        Number(touching),
      ]
    }
    return [
      hull.getAngle(),
      (2 * hull.getAngularVelocity()) / FPS,
      (0.3 * velocity.x * VIEW_WIDTH) / FPS,
      (0.3 * velocity.y * VIEW_HEIGHT) / FPS,
      ...leg(0, this.contacts.touching[0]!),
      ...leg(2, this.contacts.touching[1]!),
      ...this.lidar,
    ]
  }

  scene(): Scene2D {
    const { hull, leg0, lower0, leg1, lower1 } = this.bodies
    const { x, y } = hull.getPosition()
    const scroll = x - VIEW_WIDTH / 5
    const left = Math.max(0, scroll)
    const right = left + VIEW_WIDTH
    const near = (points: readonly Point[]): boolean =>
      points.some(([px]) => px >= left - 2) && points.some(([px]) => px <= right + 2)
    const shapes: Shape[] = []
    for (const cloud of this.clouds) {
      // Clouds move at half the speed: they are far away.
      const points = cloud.map(([px, py]): Point => [px + left / 2, py])
      if (near(points)) shapes.push({ type: 'polygon', points, fill: CLOUD })
    }
    shapes.push(...this.groundShapes(near))
    this.lidar.forEach((part, i) => {
      const [ex, ey] = this.rayEnd(i)
      const end: Point = [x + (ex - x) * part, y + (ey - y) * part]
      const start: Point = [x, y]
      shapes.push(thinLine([start, end], LIDAR))
    })
    for (const [fill, stroke, ...parts] of [
      [...LEG_COLORS[0], leg0, lower0],
      [...LEG_COLORS[1], leg1, lower1],
      [HULL_FILL, HULL_STROKE, hull],
    ] as const) {
      for (const body of parts) shapes.push(...bodyShapes(body, fill, stroke))
    }
    shapes.push(...flag(TERRAIN_STEP * 3, TERRAIN_HEIGHT, FLAG, BLACK))
    return { view: [left, 0, right, VIEW_HEIGHT], background: SKY, shapes }
  }

  private groundShapes(near: (points: readonly Point[]) => boolean): Shape[] {
    const { ground, obstacles } = this.terrain
    // One polygon: between two that touch, the smoothed edges would let the sky through.
    const surface: Point[] = []
    const grass: Shape[] = []
    for (let i = 0; i + 1 < ground.length; i++) {
      const from = ground[i]!
      const to = ground[i + 1]!
      if (!near([from, to])) continue
      if (surface.length === 0) surface.push([from[0], 0], from)
      surface.push(to)
      grass.push(thinLine([from, to], GRASS[i % 2]!))
    }
    const rocks = obstacles.filter(near).flatMap((points) => outlined(points, ROCK, ROCK_EDGE))
    const [last] = surface.slice(-1)
    const earth: Shape[] =
      last === undefined ? [] : [{ type: 'polygon', points: [...surface, [last[0], 0]], fill: EARTH }]
    return [...earth, ...grass, ...rocks]
  }
}
