import {
  type Body,
  EdgeShape,
  type FixtureOpt,
  type FixtureProxy,
  PolygonShape,
  RevoluteJoint,
  World,
} from 'planck'
import type { Point, Scene2D } from '../render/types.js'

/** Steps a second. */
export const FPS = 50
/** Pixels a metre in Gymnasium's window, in which it gives all sizes. */
export const SCALE = 30
/** The window, m. */
export const VIEW_WIDTH = 600 / SCALE
export const VIEW_HEIGHT = 400 / SCALE

const VELOCITY_ITERATIONS = 6 * 30
const POSITION_ITERATIONS = 2 * 30

/** Collision categories. Robots collide with the ground only. */
export const GROUND = 0x0001
export const LANDER = 0x0010
export const ROBOT = 0x0020

/** What one step of an episode gives. */
export interface WorldStep {
  readonly obs: number[]
  readonly reward: number
  readonly terminated: boolean
}

/** A running episode: the bodies and the rules that judge them. It is a function of its draws and of the actions, to the bit. */
export interface Box2dWorld {
  readonly world: World
  /** The moving bodies, by name. */
  readonly bodies: Readonly<Record<string, Body>>
  /** The observation after the last step, in float64. */
  readonly observation: readonly number[]
  step(action: ArrayLike<number>): WorldStep
  scene(): Scene2D
}

/** A polygon around (x, y) pixels. */
export function pixelPolygon(points: readonly Point[]): PolygonShape {
  return new PolygonShape(points.map(([x, y]) => ({ x: x / SCALE, y: y / SCALE })))
}

/** What planck does not declare of a World: how it finds pairs of shapes that may touch. */
interface PairFinding {
  findNewContacts(): void
  createContact(a: FixtureProxy, b: FixtureProxy): void
}

/**
 * A world that makes new contacts in the order of Box2D 2.3, which Gymnasium runs on: sorted by their shapes' age. planck makes them in
 * the order in which its search tree finds them. Constraints are solved one after the other, so the order shows: one step of the walker
 * differs from Gymnasium's by 1e-2 without this and by 1e-6 with it.
 */
export function createWorld(gravity: number): World {
  const world = new World({ gravity: { x: 0, y: gravity } })
  const inner = world as unknown as PairFinding
  const find = inner.findNewContacts.bind(world)
  const create = inner.createContact.bind(world)
  const pairs: [FixtureProxy, FixtureProxy][] = []
  inner.createContact = (a, b) => pairs.push([a, b])
  inner.findNewContacts = () => {
    find()
    pairs.sort((p, q) => p[0].proxyId - q[0].proxyId || p[1].proxyId - q[1].proxyId)
    // A pair may be there twice; planck drops the second one itself.
    for (const [a, b] of pairs) create(a, b)
    pairs.length = 0
  }
  return world
}

/** A body of one fixture that collides with the ground only. Gymnasium's defaults are Box2D's: friction 0.2. */
export function dynamicBody(
  world: World,
  position: Point,
  angle: number,
  shape: PolygonShape,
  fixture: FixtureOpt,
): Body {
  const body = world.createBody({ type: 'dynamic', position: { x: position[0], y: position[1] }, angle })
  // Box2D 2.3 starts the time that a body must rest to fall asleep again only when it slept; planck at each wake-up call.
  const setAwake = body.setAwake.bind(body)
  body.setAwake = (awake) => {
    if (!(awake && body.isAwake())) setAwake(awake)
  }
  body.createFixture(shape, { restitution: 0, filterMaskBits: GROUND, ...fixture })
  return body
}

/** A box of half-sizes (m) around the origin of its body. */
export function boxShape(halfWidth: number, halfHeight: number): PolygonShape {
  return new PolygonShape([
    { x: -halfWidth, y: -halfHeight },
    { x: halfWidth, y: -halfHeight },
    { x: halfWidth, y: halfHeight },
    { x: -halfWidth, y: halfHeight },
  ])
}

/** An edge of the ground. */
export function addEdge(ground: Body, from: Point, to: Point, friction: number): void {
  const shape = new EdgeShape({ x: from[0], y: from[1] }, { x: to[0], y: to[1] })
  ground.createFixture(shape, { density: 0, friction, filterCategoryBits: GROUND })
}

export interface HingeDef {
  readonly anchorA: Point
  readonly anchorB: Point
  readonly limits: readonly [lower: number, upper: number]
  readonly maxTorque: number
  readonly speed: number
}

/** A hinge with limits and a motor. Its angle is 0 in the bodies' present pose. */
export function addHinge(world: World, bodyA: Body, bodyB: Body, def: HingeDef): RevoluteJoint {
  const joint = new RevoluteJoint({
    bodyA,
    bodyB,
    localAnchorA: { x: def.anchorA[0], y: def.anchorA[1] },
    localAnchorB: { x: def.anchorB[0], y: def.anchorB[1] },
    referenceAngle: bodyB.getAngle() - bodyA.getAngle(),
    enableMotor: true,
    enableLimit: true,
    maxMotorTorque: def.maxTorque,
    motorSpeed: def.speed,
    lowerAngle: def.limits[0],
    upperAngle: def.limits[1],
  })
  world.createJoint(joint)
  return joint
}

/** Watches contacts: whether `fatal` ever touched the ground, and which of `feet` touch it. */
export class ContactWatch {
  crashed = false
  readonly touching: boolean[]

  constructor(world: World, fatal: Body, feet: readonly Body[]) {
    this.touching = feet.map(() => false)
    const note = (a: Body, b: Body, begins: boolean): void => {
      if (begins && (a === fatal || b === fatal)) this.crashed = true
      // As in the reference, a foot on two edges counts as off the ground when it leaves one of them.
      feet.forEach((foot, i) => {
        if (a === foot || b === foot) this.touching[i] = begins
      })
    }
    world.on('begin-contact', (c) => note(c.getFixtureA().getBody(), c.getFixtureB().getBody(), true))
    world.on('end-contact', (c) => note(c.getFixtureA().getBody(), c.getFixtureB().getBody(), false))
  }
}

/** One time step with the reference's iterations. */
export function stepWorld(world: World): void {
  world.step(1 / FPS, VELOCITY_ITERATIONS, POSITION_ITERATIONS)
}

/** Position, angle and velocities of bodies: x, y, angle, vx, vy, angular velocity of each. */
export function poseOf(bodies: Readonly<Record<string, Body>>): number[] {
  return Object.values(bodies).flatMap((body) => {
    const p = body.getPosition()
    const v = body.getLinearVelocity()
    return [p.x, p.y, body.getAngle(), v.x, v.y, body.getAngularVelocity()]
  })
}
