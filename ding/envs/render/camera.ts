import type { Camera, Vector } from './types.js'

/** Nothing nearer to the camera than this is seen. */
export const NEAR = 0.01

/** A camera with its axes, and how far the picture reaches to either side at a depth of 1. */
export interface Lens {
  readonly eye: Vector
  readonly forward: Vector
  readonly right: Vector
  readonly up: Vector
  readonly halfWidth: number
  readonly halfHeight: number
}

/** The lens of a camera for pictures of a form (width divided by height). */
export function lensOf({ look_at, distance, azimuth, elevation, fov = 45 }: Camera, aspect: number): Lens {
  const a = (azimuth * Math.PI) / 180
  const e = (elevation * Math.PI) / 180
  const forward: Vector = [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)]
  // Level whatever the elevation, so that looking straight down needs no case of its own.
  const right: Vector = [Math.sin(a), -Math.cos(a), 0]
  const up = cross(right, forward)
  const eye: Vector = [
    look_at[0] - distance * forward[0],
    look_at[1] - distance * forward[1],
    look_at[2] - distance * forward[2],
  ]
  const halfHeight = Math.tan((fov * Math.PI) / 360)
  return { eye, forward, right, up, halfWidth: halfHeight * aspect, halfHeight }
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

export function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/** A direction of the world in the axes whose rotation matrix (rows) is `m`. */
export function intoAxes(m: readonly number[], [x, y, z]: Vector): Vector {
  return [
    m[0]! * x + m[3]! * y + m[6]! * z,
    m[1]! * x + m[4]! * y + m[7]! * z,
    m[2]! * x + m[5]! * y + m[8]! * z,
  ]
}

/** The reverse of {@link intoAxes}. */
export function outOfAxes(m: readonly number[], [x, y, z]: Vector): Vector {
  return [
    m[0]! * x + m[1]! * y + m[2]! * z,
    m[3]! * x + m[4]! * y + m[5]! * z,
    m[6]! * x + m[7]! * y + m[8]! * z,
  ]
}

/** Pixels, the ends included, that a ball may cover. */
export interface Window {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** The pixels that may show a ball; null when it is behind the camera or beside the picture. */
export function windowOf(
  lens: Lens,
  center: Vector,
  radius: number,
  width: number,
  height: number,
): Window | null {
  const offset = minus(center, lens.eye)
  const depth = dot(offset, lens.forward)
  if (depth + radius < NEAR) return null
  if (depth - radius < NEAR) return { left: 0, right: width - 1, top: 0, bottom: height - 1 }
  const x = dot(offset, lens.right)
  const y = dot(offset, lens.up)
  // The front of the ball's box is the widest part where an edge lies outside the middle of the picture, its back otherwise.
  const least = (v: number): number => v / (v < 0 ? depth - radius : depth + radius)
  const most = (v: number): number => v / (v > 0 ? depth - radius : depth + radius)
  const column = (slope: number): number => ((slope / lens.halfWidth + 1) * width) / 2
  const row = (slope: number): number => ((1 - slope / lens.halfHeight) * height) / 2
  const window = {
    left: Math.max(0, Math.floor(column(least(x - radius)))),
    right: Math.min(width - 1, Math.ceil(column(most(x + radius)))),
    top: Math.max(0, Math.floor(row(most(y + radius)))),
    bottom: Math.min(height - 1, Math.ceil(row(least(y - radius)))),
  }
  return window.left > window.right || window.top > window.bottom ? null : window
}
