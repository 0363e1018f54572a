import { COLORS } from '../render/colors.js'
import { circle, flag, line, polygon, rectangle } from '../render/shapes.js'
import type { Color, Scene2D, Shape } from '../render/types.js'
import { IN_TAXI, TAXI_SIZE, TAXI_STOPS, TAXI_WALLS } from './grid_tables.js'

const CLIFF_ROWS = 4
const CLIFF_COLUMNS = 12
/** Space between cells. */
const GAP = 0.03

/** A cell of a board; row 0 is at the top, where y is 0, and y falls from there. */
function cell(row: number, column: number, fill: Color): Shape {
  return rectangle(column + GAP, -row - 1 + GAP, column + 1 - GAP, -row - GAP, fill)
}

/** A little figure in the middle of a cell. */
function walker(row: number, column: number): Shape[] {
  const x = column + 0.5
  const y = -row - 0.5
  return [
    polygon(
      [
        [x - 0.22, y - 0.32],
        [x + 0.22, y - 0.32],
        [x + 0.09, y + 0.12],
        [x - 0.09, y + 0.12],
      ],
      COLORS.red,
    ),
    circle(x, y + 0.17, 0.16, COLORS.ink),
  ]
}

function goalFlag(row: number, column: number): Shape[] {
  return flag(column + 0.35, -row - 0.85, 0.7, COLORS.green, COLORS.ink)
}

function board(rows: number, columns: number, shapes: readonly Shape[]): Scene2D {
  return { view: [0, -rows, columns, 0], shapes }
}

/** A frozen lake with the walker at the cell of a number. */
export function lakeScene(map: readonly string[], state: number): Scene2D {
  const columns = map[0]?.length ?? 1
  const shapes: Shape[] = []
  for (const [row, cells] of map.entries()) {
    for (const [column, kind] of [...cells].entries()) {
      shapes.push(cell(row, column, kind === 'S' ? COLORS.mist : COLORS.sky))
      if (kind === 'H') shapes.push(circle(column + 0.5, -row - 0.5, 0.38, COLORS.blue))
      if (kind === 'G') shapes.push(...goalFlag(row, column))
    }
  }
  return board(map.length, columns, [...shapes, ...walker(Math.floor(state / columns), state % columns)])
}

/** The cliff with the walker at the cell of a number. */
export function cliffScene(state: number): Scene2D {
  const shapes: Shape[] = []
  for (let row = 0; row < CLIFF_ROWS; row++) {
    for (let column = 0; column < CLIFF_COLUMNS; column++) {
      const edge = row === CLIFF_ROWS - 1
      const cliff = edge && column > 0 && column < CLIFF_COLUMNS - 1
      shapes.push(cell(row, column, cliff ? COLORS.earth : edge ? COLORS.mist : COLORS.meadow))
    }
  }
  shapes.push(...goalFlag(CLIFF_ROWS - 1, CLIFF_COLUMNS - 1))
  shapes.push(...walker(Math.floor(state / CLIFF_COLUMNS), state % CLIFF_COLUMNS))
  return board(CLIFF_ROWS, CLIFF_COLUMNS, shapes)
}

const STOP_COLORS = [COLORS.red, COLORS.green, COLORS.gold, COLORS.blue] as const

/**
 * The taxi's town. Stops are squares of their colors, the destination's with a dark frame; the passenger is a dot, at a stop or
 * in the taxi.
 */
export function taxiScene(state: number): Scene2D {
  const destination = state % TAXI_STOPS.length
  const passenger = Math.floor(state / TAXI_STOPS.length) % (IN_TAXI + 1)
  const place = Math.floor(state / (TAXI_STOPS.length * (IN_TAXI + 1)))
  const x = place % TAXI_SIZE
  const y = -Math.floor(place / TAXI_SIZE)
  const shapes: Shape[] = []
  for (let row = 0; row < TAXI_SIZE; row++) {
    for (let column = 0; column < TAXI_SIZE; column++) shapes.push(cell(row, column, COLORS.mist))
  }
  for (const [i, [row, column]] of TAXI_STOPS.entries()) {
    if (i === destination) shapes.push(cell(row, column, COLORS.ink))
    shapes.push(rectangle(column + 0.1, -row - 0.9, column + 0.9, -row - 0.1, STOP_COLORS[i] ?? COLORS.grey))
  }
  for (const wall of TAXI_WALLS) {
    const [row = 0, column = 0] = wall.split(',').map(Number)
    shapes.push(
      line(
        [
          [column + 1, -row],
          [column + 1, -row - 1],
        ],
        0.09,
        COLORS.ink,
      ),
    )
  }
  shapes.push(
    rectangle(x + 0.14, y - 0.66, x + 0.86, y - 0.4, COLORS.orange),
    polygon(
      [
        [x + 0.26, y - 0.42],
        [x + 0.74, y - 0.42],
        [x + 0.66, y - 0.22],
        [x + 0.34, y - 0.22],
      ],
      COLORS.orange,
    ),
    circle(x + 0.3, y - 0.68, 0.1, COLORS.ink),
    circle(x + 0.7, y - 0.68, 0.1, COLORS.ink),
  )
  const stop = TAXI_STOPS[passenger]
  shapes.push(
    ...(stop === undefined
      ? [circle(x + 0.5, y - 0.34, 0.09, COLORS.violet)]
      : [circle(stop[1] + 0.5, -stop[0] - 0.5, 0.16, COLORS.violet)]),
  )
  return board(TAXI_SIZE, TAXI_SIZE, shapes)
}
