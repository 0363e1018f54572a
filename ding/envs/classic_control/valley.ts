import { COLORS } from '../render/colors.js'
import { circle, flag, line, placed, polygon } from '../render/shapes.js'
import type { Point, Scene2D } from '../render/types.js'

const LEFT = -1.2
const RIGHT = 0.6
/** The car's wheels touch the ground this far below its middle. */
const WHEEL = 0.035

/** Height of the ground, as Gymnasium draws it; the forces follow its slope. */
function ground(x: number): number {
  return 0.45 * Math.sin(3 * x) + 0.55
}

/** The mountain cars' valley with the car at a position and a flag at the goal. */
export function valleyScene(position: number, goal: number): Scene2D {
  const surface = Array.from({ length: 101 }, (_, i): Point => {
    const x = LEFT + ((RIGHT - LEFT) * i) / 100
    return [x, ground(x)]
  })
  const slope = Math.atan(1.35 * Math.cos(3 * position))
  const at: Point = [position, ground(position)]
  const part = (points: readonly Point[]): Point[] => placed(points, slope, at)
  const body = part([
    [-0.1, WHEEL],
    [0.1, WHEEL],
    [0.09, WHEEL + 0.05],
    [0.05, WHEEL + 0.055],
    [0.025, WHEEL + 0.095],
    [-0.05, WHEEL + 0.095],
    [-0.075, WHEEL + 0.055],
    [-0.1, WHEEL + 0.05],
  ])
  const wheels = part([
    [-0.055, WHEEL],
    [0.055, WHEEL],
  ])
  return {
    view: [LEFT, 0, RIGHT, 1.2],
    background: COLORS.sky,
    shapes: [
      polygon([[LEFT, -0.1], ...surface, [RIGHT, -0.1]], COLORS.meadow),
      line(surface, 0.012, COLORS.green),
      ...flag(goal, ground(goal), 0.18, COLORS.red, COLORS.ink),
      polygon(body, COLORS.blue),
      ...wheels.map(([x, y]) => circle(x, y, WHEEL, COLORS.ink)),
    ],
  }
}
