import { EnvError } from '../../utils/index.js'
import { Canvas } from './canvas.js'
import type { Frame, Point, Scene2D, Shape } from './types.js'

const BACKGROUND = '#f4f5f7'

/** Paints a flat scene; `size` is the longer side in pixels. @throws EnvError for a view without an area */
export function paintFlat(scene: Scene2D, size: number): Frame {
  const [left, bottom, right, top] = scene.view
  const across = right - left
  const up = top - bottom
  if (!(across > 0 && up > 0 && Number.isFinite(across) && Number.isFinite(up))) {
    throw new EnvError(
      `The view of a scene is [${scene.view.join(', ')}], expected left < right and bottom < top: [left, bottom, right, top]`,
    )
  }
  const scale = size / Math.max(across, up)
  const canvas = new Canvas(Math.max(1, Math.round(across * scale)), Math.max(1, Math.round(up * scale)))
  canvas.clear(scene.background ?? BACKGROUND)
  // The picture has whole pixels, so its form may differ from the view's by a fraction of one.
  const perX = canvas.width / across
  const perY = canvas.height / up
  const place = ([x, y]: Point): Point => [(x - left) * perX, (top - y) * perY]
  for (const shape of scene.shapes) paintShape(canvas, shape, place, scale)
  return canvas
}

function paintShape(canvas: Canvas, shape: Shape, place: (point: Point) => Point, scale: number): void {
  if (shape.type === 'polygon') {
    canvas.fill(shape.points.flatMap(place), shape.fill)
  } else if (shape.type === 'circle') {
    const [x, y] = place(shape.center)
    canvas.fill(arc(x, y, shape.radius * scale, 0, 2 * Math.PI), shape.fill)
  } else {
    const radius = (shape.width * scale) / 2
    for (let i = 1; i < shape.points.length; i++) {
      canvas.fill(rod(place(shape.points[i - 1]!), place(shape.points[i]!), radius), shape.color)
    }
  }
}

/** Corners along an arc, close enough to look round. */
function arc(x: number, y: number, radius: number, from: number, to: number): number[] {
  const parts = Math.max(4, Math.ceil((to - from) * (2 + 1.2 * Math.sqrt(radius))))
  const corners: number[] = []
  for (let i = 0; i <= parts; i++) {
    const angle = from + ((to - from) * i) / parts
    corners.push(x + radius * Math.cos(angle), y + radius * Math.sin(angle))
  }
  return corners
}

/** Outline of a straight line with round ends. */
function rod([x0, y0]: Point, [x1, y1]: Point, radius: number): number[] {
  const angle = Math.atan2(y1 - y0, x1 - x0)
  const half = Math.PI / 2
  return [
    ...arc(x0, y0, radius, angle + half, angle + 3 * half),
    ...arc(x1, y1, radius, angle - half, angle + half),
  ]
}
