import { COLORS } from '../render/colors.js'
import { circle, line, rectangle } from '../render/shapes.js'
import type { Point, Scene2D, Scene3D, Shape, Solid, Vector } from '../render/types.js'

/** Height of the floor, which nothing reaches. */
const FLOOR = -1.05
/** Bits of a row of the picture. */
const ROW = 10

/** The bits as squares, full for 1; below each a bar, green where it is as the goal wants it. */
export function bitScene(state: Uint8Array, goal: Uint8Array): Scene2D {
  const rows = Math.ceil(state.length / ROW)
  const columns = Math.min(state.length, ROW)
  const height = 1.5
  const shapes: Shape[] = []
  for (const [i, bit] of state.entries()) {
    const x = i % ROW
    const y = -height * Math.floor(i / ROW)
    const right = bit === goal[i]
    shapes.push(
      rectangle(x + 0.1, y - 0.95, x + 0.9, y - 0.15, COLORS.ink),
      rectangle(x + 0.1, y - 1.25, x + 0.9, y - 1.07, right ? COLORS.green : COLORS.red),
    )
    if (bit === 0) shapes.push(rectangle(x + 0.16, y - 0.89, x + 0.84, y - 0.21, COLORS.paper))
  }
  return { view: [0, -height * rows, columns, 0], shapes }
}

/** What reaches, from its foot to its tip (a point: the tip alone), and the goal with the distance at which it counts. */
export interface Reaching {
  readonly joints: readonly (readonly number[])[]
  readonly goal: ArrayLike<number>
  readonly threshold: number
}

/** Seen in the plane. */
export function flatReachScene({ joints, goal, threshold }: Reaching): Scene2D {
  const points = joints.map(([x = 0, y = 0]): Point => [x, y])
  const tip = points.at(-1) ?? [0, 0]
  const [x = 0, y = 0] = Array.from(goal)
  return {
    view: [-1.15, -1.15, 1.15, 1.15],
    shapes: [
      circle(x, y, threshold + 0.02, COLORS.green),
      circle(x, y, threshold, COLORS.meadow),
      line(points, 0.06, COLORS.blue),
      ...points.slice(0, -1).map((joint) => circle(...joint, 0.045, COLORS.ink)),
      circle(...tip, 0.04, COLORS.orange),
    ],
  }
}

/** Seen in space, above a floor that is out of reach. */
export function spatialReachScene({ joints, goal, threshold }: Reaching): Scene3D {
  const places = joints.map(([x = 0, y = 0, z = 0]): Vector => [x, y, z])
  const [x = 0, y = 0, z = 0] = Array.from(goal)
  const ball = (position: Vector, radius: number, color: Solid['color']): Solid => ({
    type: 'sphere',
    size: [radius, 0, 0],
    position,
    color,
  })
  const links = places.slice(1).map((end, i) => rod(places[i] ?? end, end, 0.035))
  return {
    camera: { look_at: [0, 0, -0.1], distance: 3.8, azimuth: 120, elevation: -16 },
    solids: [
      { type: 'plane', size: [0, 0, 0], position: [0, 0, FLOOR], color: COLORS.mist },
      ...(places.length > 1
        ? [
            {
              type: 'cylinder',
              size: [0.06, 0.525, 0],
              position: [0, 0, -0.525],
              color: COLORS.grey,
            } as const,
          ]
        : []),
      // A thread down to the floor says where a point is that nothing holds.
      ...(places.length === 1 ? [...places, [x, y, z] as const].map(thread) : []),
      ...links,
      ...places.slice(0, -1).map((joint) => ball(joint, 0.055, COLORS.ink)),
      ball(places.at(-1) ?? [0, 0, 0], 0.05, COLORS.orange),
      ball([x, y, z], threshold, COLORS.green),
    ],
    floor: { colors: ['#e4e8ee', '#d3dae3'], tile: 0.5 },
  }
}

function thread(from: Vector): Solid {
  return { ...rod(from, [from[0], from[1], FLOOR], 0.008), color: COLORS.grey }
}

/** A capsule from one place to another. */
function rod(from: Vector, to: Vector, radius: number): Solid {
  const along = to.map((v, i) => v - from[i]!) as unknown as Vector
  const length = Math.hypot(...along)
  const [x, y, z] = along.map((v) => v / (length || 1)) as unknown as Vector
  // Any two directions across it will do, as it is round.
  const flat = Math.hypot(x, y)
  const [ax, ay] = flat > 1e-9 ? [-y / flat, x / flat] : [0, 1]
  const across: Vector = [ax, ay, 0]
  const third: Vector = [across[1] * z, -across[0] * z, across[0] * y - across[1] * x]
  return {
    type: 'capsule',
    size: [radius, length / 2, 0],
    position: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2],
    rotation: [across[0], third[0], x, across[1], third[1], y, across[2], third[2], z],
    color: COLORS.blue,
  }
}
