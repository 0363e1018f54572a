/** A picture: rows from the top, pixels from the left, four bytes each: red, green, blue, alpha (255). */
export interface Frame {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

export interface RenderOptions {
  /** Pixels of the longer side, 16 to 2048; default 400. */
  readonly size?: number
}

/** `#rrggbb`, or `#rrggbbaa` to let what is behind shine through. */
export type Color = `#${string}`
export type Point = readonly [x: number, y: number]
export type Vector = readonly [x: number, y: number, z: number]

/** A shape of a flat scene, in world coordinates, widths too. Later shapes cover earlier ones. */
export type Shape =
  | { readonly type: 'polygon'; readonly points: readonly Point[]; readonly fill: Color }
  | { readonly type: 'circle'; readonly center: Point; readonly radius: number; readonly fill: Color }
  | {
      /** A line through the points, with round ends. */
      readonly type: 'line'
      readonly points: readonly Point[]
      readonly width: number
      readonly color: Color
    }

/** What there is to see of a world in the plane; y points up. */
export interface Scene2D {
  /** The part of the world that the picture shows: left, bottom, right, top. Its shape is the picture's. */
  readonly view: readonly [left: number, bottom: number, right: number, top: number]
  /** Default a pale grey. */
  readonly background?: Color
  readonly shapes: readonly Shape[]
}

/**
 * A solid of a spatial scene, sizes as MuJoCo has them. plane: none needed, it is endless and its normal is its z axis;
 * sphere: radius; capsule and cylinder: radius, half length along z (a capsule's without its round ends); ellipsoid: the three
 * radii; box: the three half lengths.
 */
export interface Solid {
  readonly type: 'plane' | 'sphere' | 'capsule' | 'cylinder' | 'ellipsoid' | 'box'
  readonly size: Vector
  readonly position: Vector
  /** Rotation matrix from the solid's axes to the world's, by rows; default none. */
  readonly rotation?: readonly number[]
  /** `#rrggbb`; alpha is not drawn. A plane's is not used: it has the two colors of `Scene3D.floor`. */
  readonly color: Color
}

/** Where from; angles in degrees with MuJoCo's meaning: azimuth 90 looks along y, elevation -90 straight down. */
export interface Camera {
  readonly look_at: Vector
  readonly distance: number
  readonly azimuth: number
  readonly elevation: number
  /** Angle of view from bottom to top; default 45. */
  readonly fov?: number
}

/** What there is to see of a world in space; z points up. */
export interface Scene3D {
  readonly camera: Camera
  readonly solids: readonly Solid[]
  /** Width divided by height of the picture; default 4/3. */
  readonly aspect?: number
  /** Colors of a plane's chequers, and the length of one; default two greens of 1. */
  readonly floor?: { readonly colors: readonly [Color, Color]; readonly tile: number }
}

/** What an environment shows: shapes in the plane, or solids before a camera. */
export type Scene = Scene2D | Scene3D

/** Pictures that a recording of an episode ends with, unless it is told otherwise: 80 s at 25 a second. */
export const MAX_FRAMES = 2000

/** How episodes are written. */
export interface ReplayOptions {
  /** Write an animation of each episode where the environment draws itself (true). */
  readonly gif?: boolean
  /** Pixels of the longer side of the animation; default 400. */
  readonly size?: number
  /** Draw every so many steps; null (default): as many as bring the animation to at most 25 pictures a second. */
  readonly frame_skip?: number | null
  /**
   * The files of an episode end with so many pictures (default 2000), and what is held in memory with them; null: with the episode.
   * Where nothing is drawn, with the steps of so many pictures.
   */
  readonly max_frames?: number | null
}
