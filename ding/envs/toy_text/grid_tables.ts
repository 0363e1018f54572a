import { EnvError } from '../../utils/index.js'
import type { Outcome, TransitionTable } from './tabular_env.js'

/** Row and column after a move that stops at the edges. */
function moved(row: number, column: number, move: readonly [number, number], rows: number, columns: number) {
  return {
    row: Math.min(rows - 1, Math.max(0, row + move[0])),
    column: Math.min(columns - 1, Math.max(0, column + move[1])),
  }
}

/** Actions of FrozenLake: left, down, right, up. */
const LAKE_MOVES = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
] as const

/** Rewards of stepping on the goal, into a hole, on ice. */
export type LakeRewards = readonly [goal: number, hole: number, ice: number]

/**
 * FrozenLake's rules: S start, F ice, H hole, G goal; holes and the goal end the episode. On slippery ice a
 * move goes as meant with `success`, else to either side.
 */
export function frozenLakeTable(
  map: readonly string[],
  slippery = true,
  success: number = 1 / 3,
  [goal, hole, ice]: LakeRewards = [1, 0, 0],
): TransitionTable {
  const rows = map.length
  const columns = map[0]?.length ?? 0
  const cells = map.join('')
  if (columns === 0 || !map.every((row) => row.length === columns) || !/^[SFHG]*S[SFHG]*$/.test(cells)) {
    throw new EnvError(
      `A FrozenLake map needs equal rows of S, F, H, G with at least one S, got ${JSON.stringify(map)}`,
    )
  }
  const starts = [...cells].filter((cell) => cell === 'S').length
  const sideways = (1 - success) / 2
  const P = [...cells].map((cell, state) =>
    LAKE_MOVES.map((_, action): Outcome[] => {
      if (cell === 'G' || cell === 'H') return [[1, state, 0, 1]]
      const to = (direction: number, probability: number): Outcome => {
        const target = moved(
          Math.floor(state / columns),
          state % columns,
          LAKE_MOVES[direction]!,
          rows,
          columns,
        )
        const next = target.row * columns + target.column
        const kind = cells[next]
        return [
          probability,
          next,
          kind === 'G' ? goal : kind === 'H' ? hole : ice,
          kind === 'G' || kind === 'H' ? 1 : 0,
        ]
      }
      if (!slippery) return [to(action, 1)]
      return [to((action + 3) % 4, sideways), to(action, success), to((action + 1) % 4, sideways)]
    }),
  )
  return { P, initial: [...cells].map((cell) => (cell === 'S' ? 1 / starts : 0)) }
}

/** Actions of CliffWalking: up, right, down, left. */
const CLIFF_MOVES = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
] as const

/**
 * Sutton and Barto's cliff (Example 6.6) on 4 x 12 cells: reward -1 a step; stepping on the cliff costs 100 and leads
 * back to the start; the goal is the last cell. Slippery: one way in three each, as meant or to either side.
 */
export function cliffWalkingTable(slippery: boolean): TransitionTable {
  const rows = 4
  const columns = 12
  const start = 36
  const goal = 47
  const to = (state: number, direction: number, probability: number): Outcome => {
    const target = moved(Math.floor(state / columns), state % columns, CLIFF_MOVES[direction]!, rows, columns)
    const next = target.row * columns + target.column
    if (next > start && next < goal) return [probability, start, -100, 0]
    return [probability, next, -1, next === goal ? 1 : 0]
  }
  const P = Array.from({ length: rows * columns }, (_, state) =>
    CLIFF_MOVES.map((_move, action): Outcome[] =>
      slippery
        ? [to(state, (action + 3) % 4, 1 / 3), to(state, action, 1 / 3), to(state, (action + 1) % 4, 1 / 3)]
        : [to(state, action, 1)],
    ),
  )
  return { P, initial: Array.from({ length: rows * columns }, (_, state) => (state === start ? 1 : 0)) }
}

export const TAXI_SIZE = 5
/** Red, green, yellow, blue. */
export const TAXI_STOPS = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
] as const
/** Walls on the east side of cells, as `row,column`. */
export const TAXI_WALLS = new Set(['0,1', '1,1', '3,0', '4,0', '3,2', '4,2'])
export const IN_TAXI = 4

/**
 * Dietterich's taxi (2000): state ((row * 5 + column) * 5 + passenger) * 4 + destination; actions south, north, east, west,
 * pick up, drop off. Reward -1 a step, -10 for a wrong pick-up or drop-off, 20 for the delivery.
 */
export function taxiTable(rain: number | null = null): TransitionTable {
  const P: Outcome[][][] = []
  const initial: number[] = []
  for (let row = 0; row < TAXI_SIZE; row++) {
    for (let column = 0; column < TAXI_SIZE; column++) {
      for (let passenger = 0; passenger <= IN_TAXI; passenger++) {
        for (let destination = 0; destination < TAXI_STOPS.length; destination++) {
          P.push(
            Array.from({ length: 6 }, (_, action) => {
              const dry = taxiOutcome(row, column, passenger, destination, action)
              if (rain === null || action > 3) return [dry]
              return taxiInRain(
                row,
                column,
                dry,
                (r, c) => taxiState(r, c, passenger, destination),
                action,
                rain,
              )
            }),
          )
          initial.push(passenger < IN_TAXI && passenger !== destination ? 1 : 0)
        }
      }
    }
  }
  const starts = initial.reduce((sum, one) => sum + one, 0)
  return { P, initial: initial.map((one) => one / starts) }
}

function taxiState(row: number, column: number, passenger: number, destination: number): number {
  return ((row * TAXI_SIZE + column) * 5 + passenger) * 4 + destination
}

/** Moves of the taxi: south, north, east, west, each with where it drifts to on its left and on its right. */
const TAXI_MOVES = [
  [
    [1, 0],
    [0, 1],
    [0, -1],
  ],
  [
    [-1, 0],
    [0, -1],
    [0, 1],
  ],
  [
    [0, 1],
    [-1, 0],
    [1, 0],
  ],
  [
    [0, -1],
    [1, 0],
    [-1, 0],
  ],
] as const

/**
 * A move that goes astray: with `rain` as meant, else to either side. Where it is blocked there is no drift. As Gymnasium has it,
 * the wall that stops a drift is looked for beyond the cell that it leads to: east of it if it goes west, west of it if it goes
 * east, which is the wall between the two cells; at the edge of the town it is the outer wall's.
 */
function taxiInRain(
  row: number,
  column: number,
  dry: Outcome,
  at: (row: number, column: number) => number,
  action: number,
  rain: number,
): Outcome[] {
  const aside = (1 - rain) / 2
  const here = at(row, column)
  if (dry[1] === here)
    return [
      [rain, here, -1, 0],
      [aside, here, -1, 0],
      [aside, here, -1, 0],
    ]
  const drift = ([down, right]: readonly [number, number]): Outcome => {
    const r = Math.min(TAXI_SIZE - 1, Math.max(0, row + down))
    const c = column + right
    const wall = TAXI_WALLS.has(`${row},${Math.min(column, c)}`)
    const blocked = right !== 0 && (c < 0 || c >= TAXI_SIZE || wall)
    return [aside, blocked ? here : at(r, c), -1, 0]
  }
  const [, left, right] = TAXI_MOVES[action]!
  return [[rain, dry[1], -1, 0], drift(left), drift(right)]
}

function taxiOutcome(
  row: number,
  column: number,
  passenger: number,
  destination: number,
  action: number,
): Outcome {
  const at = (r: number, c: number, p: number) => taxiState(r, c, p, destination)
  const stop = TAXI_STOPS.findIndex(([r, c]) => r === row && c === column)
  switch (action) {
    case 0:
      return [1, at(Math.min(row + 1, TAXI_SIZE - 1), column, passenger), -1, 0]
    case 1:
      return [1, at(Math.max(row - 1, 0), column, passenger), -1, 0]
    case 2: {
      const blocked = column === TAXI_SIZE - 1 || TAXI_WALLS.has(`${row},${column}`)
      return [1, at(row, blocked ? column : column + 1, passenger), -1, 0]
    }
    case 3: {
      const blocked = column === 0 || TAXI_WALLS.has(`${row},${column - 1}`)
      return [1, at(row, blocked ? column : column - 1, passenger), -1, 0]
    }
    case 4: {
      const there = passenger < IN_TAXI && stop === passenger
      return [1, at(row, column, there ? IN_TAXI : passenger), there ? -1 : -10, 0]
    }
    default:
      if (passenger !== IN_TAXI || stop < 0) return [1, at(row, column, passenger), -10, 0]
      return stop === destination ? [1, at(row, column, stop), 20, 1] : [1, at(row, column, stop), -1, 0]
  }
}
