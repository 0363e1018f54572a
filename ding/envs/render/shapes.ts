import type { Color, Point, Shape } from './types.js'

/** A rectangle by its lower left and upper right corners. */
export function rectangle(left: number, bottom: number, right: number, top: number, fill: Color): Shape {
  return {
    type: 'polygon',
    points: [
      [left, bottom],
      [right, bottom],
      [right, top],
      [left, top],
    ],
    fill,
  }
}

export function circle(x: number, y: number, radius: number, fill: Color): Shape {
  return { type: 'circle', center: [x, y], radius, fill }
}

export function line(points: readonly Point[], width: number, color: Color): Shape {
  return { type: 'line', points, width, color }
}

export function polygon(points: readonly Point[], fill: Color): Shape {
  return { type: 'polygon', points, fill }
}

/** Turns points by an angle (counter-clockwise, rad) around the origin, then moves them. */
export function placed(points: readonly Point[], angle: number, [x, y]: Point): Point[] {
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  return points.map(([px, py]) => [x + cos * px - sin * py, y + sin * px + cos * py])
}

/** A flag on a pole that stands at (x, y). */
export function flag(x: number, y: number, height: number, color: Color, pole: Color): Shape[] {
  const top = y + height
  return [
    line(
      [
        [x, y],
        [x, top],
      ],
      height / 14,
      pole,
    ),
    polygon(
      [
        [x, top],
        [x + 0.55 * height, top - 0.19 * height],
        [x, top - 0.38 * height],
      ],
      color,
    ),
  ]
}
