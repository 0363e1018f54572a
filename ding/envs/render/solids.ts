import type { Solid, Vector } from './types.js'

/** A ray of the solid's own axes starts at (ox, oy, oz) and goes on by (dx, dy, dz) for each unit of its length. */
type Hit = (size: Vector, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number) => number

/** First root above 0 of a t^2 + 2 b t + c, or Infinity. */
function root(a: number, b: number, c: number): number {
  const inside = b * b - a * c
  if (inside < 0 || a === 0) return Infinity
  const t = (-b - Math.sqrt(inside)) / a
  return t > 0 ? t : Infinity
}

/** Where a ray enters a round bar of radius r around z; Infinity where that is not between -h and h. */
function side(r: number, h: number, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number) {
  const t = root(dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - r * r)
  return Math.abs(oz + t * dz) <= h ? t : Infinity
}

function ball(r: number, z: number, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number) {
  const h = oz - z
  return root(dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + h * dz, ox * ox + oy * oy + h * h - r * r)
}

function intoBox(
  [sx, sy, sz]: Vector,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
) {
  // Dividing by zero gives infinities of the right sign, so a ray along a face needs no case of its own.
  const x1 = (-sx - ox) / dx
  const x2 = (sx - ox) / dx
  const y1 = (-sy - oy) / dy
  const y2 = (sy - oy) / dy
  const z1 = (-sz - oz) / dz
  const z2 = (sz - oz) / dz
  const enter = Math.max(Math.min(x1, x2), Math.min(y1, y2), Math.min(z1, z2))
  const leave = Math.min(Math.max(x1, x2), Math.max(y1, y2), Math.max(z1, z2))
  return enter <= leave && enter > 0 ? enter : Infinity
}

/** How far along a ray it enters each kind of solid, Infinity if never; from inside nothing is seen. */
export const HITS: Record<Exclude<Solid['type'], 'plane'>, Hit> = {
  sphere: ([r], ox, oy, oz, dx, dy, dz) => ball(r, 0, ox, oy, oz, dx, dy, dz),
  capsule: ([r, h], ox, oy, oz, dx, dy, dz) =>
    Math.min(
      side(r, h, ox, oy, oz, dx, dy, dz),
      ball(r, h, ox, oy, oz, dx, dy, dz),
      ball(r, -h, ox, oy, oz, dx, dy, dz),
    ),
  cylinder: ([r, h], ox, oy, oz, dx, dy, dz) => {
    const t = ((oz > 0 ? h : -h) - oz) / dz
    const x = ox + t * dx
    const y = oy + t * dy
    const lid = t > 0 && x * x + y * y <= r * r ? t : Infinity
    return Math.min(lid, side(r, h, ox, oy, oz, dx, dy, dz))
  },
  ellipsoid: ([sx, sy, sz], ox, oy, oz, dx, dy, dz) =>
    ball(1, 0, ox / sx, oy / sy, oz / sz, dx / sx, dy / sy, dz / sz),
  box: intoBox,
}

/** The outward direction, not of unit length, at a point of the surface, both in the solid's own axes. */
export function outward(type: Solid['type'], [sx, sy, sz]: Vector, x: number, y: number, z: number): Vector {
  if (type === 'capsule') return [x, y, z - Math.min(Math.max(z, -sy), sy)]
  if (type === 'ellipsoid') return [x / (sx * sx), y / (sy * sy), z / (sz * sz)]
  if (type === 'cylinder') return Math.abs(z) > sy * (1 - 1e-6) ? [0, 0, z] : [x, y, 0]
  if (type === 'plane') return [0, 0, 1]
  if (type === 'sphere') return [x, y, z]
  const [rx, ry, rz] = [Math.abs(x) / sx, Math.abs(y) / sy, Math.abs(z) / sz]
  if (rx >= ry && rx >= rz) return [x, 0, 0]
  return ry >= rz ? [0, y, 0] : [0, 0, z]
}

/** Radius of the ball around a solid's centre that holds it. */
export function reach({ type, size: [a, b, c] }: Solid): number {
  if (type === 'plane') return Infinity
  if (type === 'sphere') return a
  if (type === 'capsule') return a + b
  if (type === 'cylinder') return Math.hypot(a, b)
  return type === 'box' ? Math.hypot(a, b, c) : Math.max(a, b, c)
}
