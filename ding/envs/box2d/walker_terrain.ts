import type { Point } from '../render/types.js'
import type { Draws } from './draws.js'
import { SCALE, VIEW_HEIGHT } from './physics.js'

/** Distance between two points of the ground, m. */
export const TERRAIN_STEP = 14 / SCALE
/** Points of the ground. */
export const TERRAIN_POINTS = 200
/** Height of the flat start, m. */
export const TERRAIN_HEIGHT = VIEW_HEIGHT / 4
/** Points before the ground gets uneven. */
export const START_PAD = 20
/** Longest stretch of grass between obstacles; the episode ends as far before the end of the ground. */
export const GRASS_LENGTH = 10

const CLOUDS = TERRAIN_POINTS / 20

export interface WalkerTerrain {
  /** The ground, a point every {@link TERRAIN_STEP}. */
  readonly ground: readonly Point[]
  /** Solid polygons on and in the ground, four corners each. */
  readonly obstacles: readonly (readonly Point[])[]
}

type Obstacle = 'stump' | 'stairs' | 'pit'
const OBSTACLES: readonly Obstacle[] = ['stump', 'stairs', 'pit']

/** The ground from left to right, one point at a time. */
class TerrainBuilder {
  private readonly ground: Point[] = []
  private readonly obstacles: Point[][] = []
  private y = TERRAIN_HEIGHT
  private slope = 0
  private kind: 'grass' | Obstacle = 'grass'
  /** Points until the kind changes. */
  private left = START_PAD
  /** Height where the present obstacle began. */
  private base = 0
  private stairs = { rise: 1, width: 0, count: 0 }

  constructor(
    private readonly hardcore: boolean,
    private readonly draws: Draws,
  ) {}

  build(): WalkerTerrain {
    let first = false
    for (let i = 0; i < TERRAIN_POINTS; i++) {
      const x = i * TERRAIN_STEP
      if (this.kind === 'grass') {
        // The first point after an obstacle keeps the height.
        if (!first) this.grass(i)
      } else if (first) this.begin(this.kind, x)
      else this.follow(this.kind)
      this.ground.push([x, this.y])
      first = false
      this.left--
      if (this.left === 0) {
        this.left = this.draws.integer(GRASS_LENGTH / 2, GRASS_LENGTH)
        this.kind =
          this.kind === 'grass' && this.hardcore
            ? OBSTACLES[this.draws.integer(1, OBSTACLES.length + 1) - 1]!
            : 'grass'
        first = true
      }
    }
    return { ground: this.ground, obstacles: this.obstacles }
  }

  private grass(i: number): void {
    this.slope = 0.8 * this.slope + 0.01 * Math.sign(TERRAIN_HEIGHT - this.y)
    if (i > START_PAD) this.slope += this.draws.uniform(-1, 1) / SCALE
    this.y += this.slope
  }

  /** Puts the obstacle that starts at x. */
  private begin(kind: Obstacle, x: number): void {
    const { draws, y } = this
    const side = TERRAIN_STEP
    if (kind === 'pit') {
      const width = draws.integer(3, 5)
      this.block(x, y - 4 * side, side, 4 * side)
      this.block(x + width * side, y - 4 * side, side, 4 * side)
      this.left = width + 2
      this.base = y
    } else if (kind === 'stump') {
      this.left = draws.integer(1, 3)
      this.block(x, y, this.left * side, this.left * side)
    } else {
      const rise = draws.uniform(0, 1) > 0.5 ? 1 : -1
      const width = draws.integer(4, 5)
      const count = draws.integer(3, 5)
      for (let s = 0; s < count; s++) {
        this.block(x + s * width * side, y + (s * rise - 1) * side, width * side, side)
      }
      this.stairs = { rise, width, count }
      this.left = count * width
      this.base = y
    }
  }

  /** The height at a further point of the obstacle. */
  private follow(kind: Obstacle): void {
    if (kind === 'pit') {
      this.y = this.left > 1 ? this.base - 4 * TERRAIN_STEP : this.base
    } else if (kind === 'stairs') {
      const { rise, width, count } = this.stairs
      const steps = (count * width - this.left - rise) / width
      this.y = this.base + steps * rise * TERRAIN_STEP
    }
  }

  private block(x: number, y: number, width: number, height: number): void {
    this.obstacles.push([
      [x, y + height],
      [x + width, y + height],
      [x + width, y],
      [x, y],
    ])
  }
}

/**
 * A terrain by Gymnasium's rules, in its order of draws: grass whose slope is a damped random walk pulled to the height of the
 * start, and for hardcore, between stretches of grass of 5 to 9 points, stumps, stairs and pits.
 */
export function generateTerrain(hardcore: boolean, draws: Draws): WalkerTerrain {
  return new TerrainBuilder(hardcore, draws).build()
}

/** Clouds, decoration only, of five corners each. They are drawn after the terrain and before the first push. */
export function generateClouds(draws: Draws): Point[][] {
  const y = (VIEW_HEIGHT * 3) / 4
  return Array.from({ length: CLOUDS }, () => {
    const x = draws.uniform(0, TERRAIN_POINTS) * TERRAIN_STEP
    return Array.from({ length: 5 }, (_, corner): Point => {
      const angle = (3.14 * 2 * corner) / 5
      const dx = draws.uniform(0, 5 * TERRAIN_STEP)
      const dy = draws.uniform(0, 5 * TERRAIN_STEP)
      return [x + 15 * TERRAIN_STEP * Math.sin(angle) + dx, y + 5 * TERRAIN_STEP * Math.cos(angle) + dy]
    })
  })
}
