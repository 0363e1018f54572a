import { EnvError } from '../../utils/index.js'
import { dot, intoAxes, type Lens, lensOf, minus, NEAR, outOfAxes, type Window, windowOf } from './camera.js'
import { rgbaOf } from './canvas.js'
import { HITS, outward, reach } from './solids.js'
import type { Frame, Scene3D, Solid, Vector } from './types.js'

const UPRIGHT = [1, 0, 0, 0, 1, 0, 0, 0, 1] as const
const FLOOR = { colors: ['#dfe6d8', '#c3d0ba'], tile: 1 } as const
/** At the horizon, and high above it. */
const HORIZON = [236, 241, 246] as const
const ZENITH = [176, 203, 230] as const
/** Rise of a look, for each unit of its way, at which the sky is all blue. */
const SKY_HEIGHT = 0.4
/** Towards the lamp, which is as far away as the sun. */
const LAMP: Vector = normalized([-0.35, -0.55, 1.1])
/** Light from everywhere, and from the lamp. */
const AMBIENT = 0.5
const DIRECT = 0.62
const SHADOW = 0.72
/** Four places within a pixel, none beside or above another. */
const SAMPLES = [
  [0.375, 0.125],
  [0.875, 0.375],
  [0.125, 0.625],
  [0.625, 0.875],
] as const
const NOTHING = -1

/** A solid made ready: the camera in its axes, and what it may cover. */
interface Ready {
  readonly solid: Solid
  readonly rotation: readonly number[]
  readonly color: readonly number[]
  readonly radius: number
  readonly window: Window | null
  readonly eye: Vector
  readonly forward: Vector
  readonly right: Vector
  readonly up: Vector
  readonly lamp: Vector
  /** On a plane, of the other solids. */
  readonly shadows: Shadow[]
}

/** The shadow of a solid on a plane. */
interface Shadow {
  readonly solid: Solid
  /** Towards the lamp, and the plane's zero and axes, in the axes of the solid. */
  readonly lamp: Vector
  readonly origin: Vector
  readonly along: Vector
  readonly across: Vector
  /** A circle on the plane that holds the shadow: its middle and the square of its radius. */
  readonly spot: readonly [number, number]
  readonly square: number
}

/**
 * Paints solids before a camera by casting a ray through each pixel, four through those at edges; the longer side of the
 * picture has `size` pixels. Planes show chequers and the shadows of the other solids.
 */
export function paintSpatial(scene: Scene3D, size: number): Frame {
  const aspect = scene.aspect ?? 4 / 3
  const width = Math.max(1, Math.round(aspect >= 1 ? size : size * aspect))
  const height = Math.max(1, Math.round(aspect >= 1 ? size / aspect : size))
  return new SpatialPainter(scene, width, height).paint()
}

class SpatialPainter {
  private readonly lens: Lens
  private readonly planes: Ready[] = []
  private readonly others: Ready[] = []
  private readonly tiles: readonly [readonly number[], readonly number[]]
  private readonly tile: number
  /** Depth at which the chequers have faded. */
  private readonly haze: number
  /** Distance along the ray and solid of the last `look`. */
  private depth = Infinity
  private seen: Ready | undefined
  private color: [number, number, number] = [0, 0, 0]
  /** What makes one place of a plane different from the next: chequer and shadow. */
  private pattern = 0

  constructor(
    scene: Scene3D,
    private readonly width: number,
    private readonly height: number,
  ) {
    this.lens = lensOf(scene.camera, width / height)
    const { colors, tile } = scene.floor ?? FLOOR
    this.tiles = [rgbaOf(colors[0]), rgbaOf(colors[1])]
    this.tile = tile
    this.haze = 5 * scene.camera.distance
    for (const solid of scene.solids) {
      ;(solid.type === 'plane' ? this.planes : this.others).push(this.ready(solid))
    }
    for (const plane of this.planes) {
      for (const other of this.others) {
        const shadow = shadowOf(plane, other)
        if (shadow !== null) plane.shadows.push(shadow)
      }
    }
  }

  private ready(solid: Solid): Ready {
    const { lens } = this
    const rotation = solid.rotation ?? UPRIGHT
    if (rotation.length !== 9 || !solid.position.every(Number.isFinite)) {
      throw new EnvError(
        `A ${solid.type} of a scene has the position [${solid.position.join(', ')}] and ${rotation.length} numbers of rotation, ` +
          'expected three finite numbers and nine',
      )
    }
    const radius = reach(solid)
    return {
      solid,
      rotation,
      radius,
      color: rgbaOf(solid.color),
      window: solid.type === 'plane' ? null : windowOf(lens, solid.position, radius, this.width, this.height),
      eye: intoAxes(rotation, minus(lens.eye, solid.position)),
      forward: intoAxes(rotation, lens.forward),
      right: intoAxes(rotation, lens.right),
      up: intoAxes(rotation, lens.up),
      lamp: intoAxes(rotation, LAMP),
      shadows: [],
    }
  }

  paint(): Frame {
    const { width, height } = this
    const data = new Uint8Array(width * height * 4).fill(255)
    const depths = new Float64Array(width * height).fill(Infinity)
    const ids = new Int16Array(width * height).fill(NOTHING)
    for (const [id, ready] of this.others.entries()) this.cover(ready, id, depths, ids)
    const marks = new Int32Array(width * height)
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        this.depth = depths[at]!
        this.seen = ids[at] === NOTHING ? undefined : this.others[ids[at]!]
        const u = this.slopeX(column + 0.5)
        const v = this.slopeY(row + 0.5)
        for (const plane of this.planes) this.look(plane, u, v)
        this.shade(u, v)
        data[4 * at] = this.color[0]
        data[4 * at + 1] = this.color[1]
        data[4 * at + 2] = this.color[2]
        marks[at] = this.mark(ids[at]!)
      }
    }
    this.smooth(data, marks)
    return { width, height, data }
  }

  /** Finds where one solid is nearer than what is there. */
  private cover(ready: Ready, id: number, depths: Float64Array, ids: Int16Array): void {
    const { window } = ready
    if (window === null) return
    for (let row = window.top; row <= window.bottom; row++) {
      const v = this.slopeY(row + 0.5)
      for (let column = window.left; column <= window.right; column++) {
        const at = row * this.width + column
        const t = distanceTo(ready, this.slopeX(column + 0.5), v)
        if (t < depths[at]! && t > NEAR) {
          depths[at] = t
          ids[at] = id
        }
      }
    }
  }

  /** Paints the pixels at edges anew, as the mean of four rays. */
  private smooth(data: Uint8Array, marks: Int32Array): void {
    const { width, height } = this
    const edge = new Uint8Array(width * height)
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const at = row * width + column
        if (column + 1 < width && marks[at] !== marks[at + 1]) edge[at] = edge[at + 1] = 1
        if (row + 1 < height && marks[at] !== marks[at + width]) edge[at] = edge[at + width] = 1
      }
    }
    for (let at = 0; at < edge.length; at++) {
      if (edge[at] === 0) continue
      const column = at % width
      const row = (at - column) / width
      let red = 0
      let green = 0
      let blue = 0
      for (const [dx, dy] of SAMPLES) {
        this.trace(column, row, dx, dy)
        red += this.color[0]
        green += this.color[1]
        blue += this.color[2]
      }
      data[4 * at] = Math.round(red / SAMPLES.length)
      data[4 * at + 1] = Math.round(green / SAMPLES.length)
      data[4 * at + 2] = Math.round(blue / SAMPLES.length)
    }
  }

  /** The color of one ray through a pixel. */
  private trace(column: number, row: number, dx: number, dy: number): void {
    const u = this.slopeX(column + dx)
    const v = this.slopeY(row + dy)
    this.depth = Infinity
    this.seen = undefined
    for (const ready of this.others) {
      const { window } = ready
      if (window === null || row < window.top || row > window.bottom) continue
      if (column >= window.left && column <= window.right) this.look(ready, u, v)
    }
    for (const plane of this.planes) this.look(plane, u, v)
    this.shade(u, v)
  }

  private look(ready: Ready, u: number, v: number): void {
    const t = distanceTo(ready, u, v)
    if (t < this.depth && t > NEAR) {
      this.depth = t
      this.seen = ready
    }
  }

  private slopeX(column: number): number {
    return ((2 * column) / this.width - 1) * this.lens.halfWidth
  }

  private slopeY(row: number): number {
    return (1 - (2 * row) / this.height) * this.lens.halfHeight
  }

  private mark(id: number): number {
    if (this.seen === undefined) return -1
    return this.seen.solid.type === 'plane' ? -2 - this.pattern : id
  }

  /** Sets `color` to that of what `look` found. */
  private shade(u: number, v: number): void {
    const { seen, depth, color } = this
    if (seen === undefined) {
      const { forward, up } = this.lens
      const height = Math.min(1, Math.max(0, (forward[2] + v * up[2]) / SKY_HEIGHT))
      for (let i = 0; i < 3; i++) color[i] = Math.round(HORIZON[i]! + (ZENITH[i]! - HORIZON[i]!) * height)
      return
    }
    const { eye, forward, right, up } = seen
    const x = eye[0] + depth * (forward[0] + u * right[0] + v * up[0])
    const y = eye[1] + depth * (forward[1] + u * right[1] + v * up[1])
    const z = eye[2] + depth * (forward[2] + u * right[2] + v * up[2])
    if (seen.solid.type === 'plane') {
      this.shadeFloor(seen, x, y)
      return
    }
    const normal = outward(seen.solid.type, seen.solid.size, x, y, z)
    const slant = dot(normal, seen.lamp) / Math.sqrt(dot(normal, normal))
    const light = AMBIENT + DIRECT * Math.max(0, slant)
    for (let i = 0; i < 3; i++) color[i] = Math.min(255, Math.round(seen.color[i]! * light))
  }

  /** (x, y) are in the axes of the plane. */
  private shadeFloor(plane: Ready, x: number, y: number): void {
    const odd = (Math.floor(x / this.tile) + Math.floor(y / this.tile)) & 1
    const dark = this.shadowed(plane, x, y)
    this.pattern = odd + (dark ? 2 : 0)
    const far = this.depth / this.haze
    const clear = Math.exp(-far * far)
    const tile = this.tiles[odd as 0 | 1]
    const light = dark ? SHADOW : 1
    for (let i = 0; i < 3; i++)
      this.color[i] = Math.round(HORIZON[i]! + (tile[i]! * light - HORIZON[i]!) * clear)
  }

  /** Whether a solid stands between a place of a plane and the lamp. */
  private shadowed(plane: Ready, x: number, y: number): boolean {
    for (const { solid, lamp, spot, square, origin, along, across } of plane.shadows) {
      const dx = x - spot[0]
      const dy = y - spot[1]
      if (dx * dx + dy * dy > square) continue
      const t = HITS[solid.type as Exclude<Solid['type'], 'plane'>](
        solid.size,
        origin[0] + x * along[0] + y * across[0],
        origin[1] + x * along[1] + y * across[1],
        origin[2] + x * along[2] + y * across[2],
        lamp[0],
        lamp[1],
        lamp[2],
      )
      if (t < Infinity) return true
    }
    return false
  }
}

/** Where on a plane a solid may throw its shadow; places of the plane are (x, y) in its own axes. */
function shadowOf(plane: Ready, { solid, radius, rotation, lamp }: Ready): Shadow | null {
  const normal = outOfAxes(plane.rotation, [0, 0, 1])
  const slant = dot(normal, LAMP)
  const [x, y, z] = intoAxes(plane.rotation, minus(solid.position, plane.solid.position))
  if (slant <= 0 || z < -radius) return null
  const away = intoAxes(plane.rotation, LAMP)
  return {
    solid,
    lamp,
    spot: [x - (z / away[2]) * away[0], y - (z / away[2]) * away[1]],
    square: (radius / slant) ** 2,
    origin: intoAxes(rotation, minus(plane.solid.position, solid.position)),
    along: intoAxes(rotation, outOfAxes(plane.rotation, [1, 0, 0])),
    across: intoAxes(rotation, outOfAxes(plane.rotation, [0, 1, 0])),
  }
}

/** How far along the ray of slopes (u, v) it meets a solid; the distance counts along the camera's axis. */
function distanceTo({ solid, eye, forward, right, up }: Ready, u: number, v: number): number {
  const dx = forward[0] + u * right[0] + v * up[0]
  const dy = forward[1] + u * right[1] + v * up[1]
  const dz = forward[2] + u * right[2] + v * up[2]
  // A plane is seen from above alone, as MuJoCo shows it.
  if (solid.type === 'plane') return eye[2] > 0 && dz < 0 ? -eye[2] / dz : Infinity
  return HITS[solid.type](solid.size, eye[0], eye[1], eye[2], dx, dy, dz)
}

function normalized(v: Vector): Vector {
  const length = Math.hypot(...v)
  return [v[0] / length, v[1] / length, v[2] / length]
}
