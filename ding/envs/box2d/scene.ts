import type { Body, PolygonShape } from 'planck'
import type { Color, Point, Shape } from '../render/types.js'

/** Width of outlines and thin lines, m: one pixel of Gymnasium's window of 30 pixels a metre. */
const THIN = 1 / 30

/** A thin line through points. */
export function thinLine(points: readonly Point[], color: Color): Shape {
  return { type: 'line', points, width: THIN, color }
}

/** A polygon with an outline. */
export function outlined(points: readonly Point[], fill: Color, stroke: Color): Shape[] {
  return [{ type: 'polygon', points, fill }, thinLine([...points, points[0]!], stroke)]
}

/** The polygon of a body's only fixture where the body is now. */
export function bodyShapes(body: Body, fill: Color, stroke: Color): Shape[] {
  const shape = body.getFixtureList()?.getShape() as PolygonShape
  const points = shape.m_vertices.map((vertex): Point => {
    const { x, y } = body.getWorldPoint(vertex)
    return [x, y]
  })
  return outlined(points, fill, stroke)
}

/** A flag of 25 by 10 pixels of Gymnasium's window on a pole of 50, which stands at (x, y). */
export function flag(x: number, y: number, fill: Color, pole: Color): Shape[] {
  const top = y + 50 * THIN
  const cloth: Point[] = [
    [x, top],
    [x, top - 10 * THIN],
    [x + 25 * THIN, top - 5 * THIN],
  ]
  const foot: Point = [x, y]
  return [thinLine([foot, cloth[0]!], pole), { type: 'polygon', points: cloth, fill }]
}
