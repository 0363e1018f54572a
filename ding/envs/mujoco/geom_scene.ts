import type { Color, Scene3D, Solid, Vector } from '../render/types.js'
import type { Simulation } from './mujoco.js'

/** How a task is looked at. */
export interface MujocoView {
  /** Number of the body that the camera goes with along the ground, as Gymnasium's track camera; null: it stands still. */
  readonly follow: number | null
  /** What the camera points at, m; from the followed body's x and y on, at this height above the world's zero. */
  readonly look_at: Vector
  readonly distance: number
  /** Degrees; 90 looks along y, so that x goes to the right. */
  readonly azimuth: number
  readonly elevation: number
  /** Length of a chequer of the floor, m. */
  readonly tile: number
}

/** From the side, a little from above. */
export const SIDE_VIEW: MujocoView = {
  follow: 1,
  look_at: [0, 0, 0.8],
  distance: 3.4,
  azimuth: 90,
  elevation: -11,
  tile: 0.5,
}

const TRUNK = '#e3b04b'
const LIMBS = ['#4a7fc1', '#e2725b'] as const
/** Bodies that are not part of the robot: what it reaches for or pushes. */
const THINGS = ['#d9534f', '#4caf7a'] as const
const FIXED = '#8b97a5'
/** mjtGeom of MuJoCo. */
const KINDS: Readonly<Record<number, Solid['type']>> = {
  0: 'plane',
  2: 'sphere',
  3: 'capsule',
  4: 'ellipsoid',
  5: 'cylinder',
  6: 'box',
}
const MESH = 7
/** MuJoCo's viewers show the groups 0 to 2. */
const SHOWN_GROUPS = 3

type Part = Pick<Solid, 'type' | 'size' | 'color'> & { readonly geom: number; readonly center: Vector }

/** Draws the geoms of a simulation's model where they are. What does not change is read once. */
export class GeomScene {
  private readonly parts: readonly Part[]

  constructor(private readonly simulation: Simulation) {
    this.parts = partsOf(simulation)
  }

  scene(view: MujocoView): Scene3D {
    const { geom_xpos, geom_xmat, xpos } = this.simulation
    const solids = this.parts.map(({ geom, type, size, color, center }): Solid => {
      const rotation = Array.from(geom_xmat.subarray(9 * geom, 9 * geom + 9))
      const at = (axis: number): number =>
        geom_xpos[3 * geom + axis]! +
        rotation[3 * axis]! * center[0] +
        rotation[3 * axis + 1]! * center[1] +
        rotation[3 * axis + 2]! * center[2]
      return { type, size, color, rotation, position: [at(0), at(1), at(2)] }
    })
    const { follow, look_at, tile, ...rest } = view
    const [x, y] = follow === null ? [0, 0] : [xpos[3 * follow]!, xpos[3 * follow + 1]!]
    return {
      camera: { ...rest, look_at: [look_at[0] + x, look_at[1] + y, look_at[2]] },
      solids,
      floor: { colors: ['#dfe6d8', '#c6d2bd'], tile },
    }
  }
}

function partsOf(simulation: Simulation): Part[] {
  const types = simulation.modelArray('geom_type')
  const groups = simulation.modelArray('geom_group')
  const sizes = simulation.modelArray('geom_size')
  const boxes = simulation.modelArray('geom_aabb')
  const bodies = simulation.modelArray('geom_bodyid')
  const paints = paintsOf(simulation)
  const colors = bodyColors(simulation.modelArray('body_parentid'), new Set(bodies))
  const parts: Part[] = []
  for (const [geom, kind] of types.entries()) {
    // A mesh is drawn as the box around it; height fields and signed distance functions are not drawn.
    const type = kind === MESH ? 'box' : KINDS[kind]
    const paint = paints[geom]
    if (type === undefined || groups[geom]! >= SHOWN_GROUPS || paint === null) continue
    const three = (array: readonly number[], at: number): Vector => [
      array[at]!,
      array[at + 1]!,
      array[at + 2]!,
    ]
    parts.push({
      geom,
      type,
      size: kind === MESH ? three(boxes, 6 * geom + 3) : three(sizes, 3 * geom),
      center: kind === MESH ? three(boxes, 6 * geom) : [0, 0, 0],
      color: paint ?? colors[bodies[geom]!] ?? FIXED,
    })
  }
  return parts
}

/** Each geom's color where the model gives one, undefined where it is MuJoCo's default grey, null where it cannot be seen. */
function paintsOf(simulation: Simulation): (Color | undefined | null)[] {
  const rgba = simulation.modelArray('geom_rgba')
  const materials = simulation.modelArray('geom_matid')
  return materials.map((material, geom): Color | undefined | null => {
    const source = material >= 0 ? simulation.modelArray('mat_rgba') : rgba
    const at = 4 * (material >= 0 ? material : geom)
    const color = source.slice(at, at + 4)
    if (color[3] === 0) return null
    if (material < 0 && color.every((v, i) => v === (i < 3 ? 0.5 : 1))) return undefined
    const hex = color.slice(0, 3).map((v) =>
      Math.round(255 * v)
        .toString(16)
        .padStart(2, '0'),
    )
    return `#${hex.join('')}`
  })
}

/**
 * Colors for the bodies of a model that has none. A body from which limbs part belongs to the trunk; limbs that part from the same
 * body get two colors in turn; the links of a robot without limbs too.
 */
function bodyColors(parents: readonly number[], solid: ReadonlySet<number>): Color[] {
  const children = parents.map((_, body) => parents.flatMap((p, b) => (p === body && b > 0 ? [b] : [])))
  const parting = parents.map(() => false)
  // A parent's number is below its children's.
  for (let body = parents.length - 1; body > 0; body--) {
    parting[body] = children[body]!.length > 1 || children[body]!.some((child) => parting[child])
  }
  const colors: Color[] = [FIXED]
  const roots = children[0] ?? []
  let links = 0
  for (let body = 1; body < parents.length; body++) {
    const parent = parents[body]!
    if (parent === 0) {
      const thing = roots.indexOf(body) - 1
      colors[body] = thing < 0 ? TRUNK : THINGS[(thing % 2) as 0 | 1]
      links = 0
    } else if (parting[body]) colors[body] = TRUNK
    else if (parting[parent] && children[parent]!.length > 1) {
      const limb = children[parent]!.filter((child) => !parting[child]).indexOf(body)
      colors[body] = LIMBS[(limb % 2) as 0 | 1]
    } else if (parting[roots[0]!] || !solid.has(body)) colors[body] = colors[parent]!
    else colors[body] = ++links % 2 === 1 ? LIMBS[0] : TRUNK
  }
  return colors
}
