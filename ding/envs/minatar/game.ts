import { CheckpointError, type StateTree } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'

/** Cells along each side of the board. */
export const SIDE = 10
/** Cells of one plane. */
export const CELLS = SIDE * SIDE

/** The six actions of MinAtar; a game ignores those that mean nothing in it. */
export const ACTION = { noop: 0, left: 1, up: 2, right: 3, down: 4, fire: 5 } as const

/** A thing on the board. */
export type Piece = { [key: string]: number | boolean }
/** All that a game must remember between steps. */
export type GameState = { [key: string]: number | boolean | Uint8Array | (Piece | null)[] }

export interface GameOptions {
  /** Whether the game gets harder while it is played, where it has that rule. */
  readonly difficulty_ramping: boolean
}

/**
 * The rules of one game of MinAtar (Young and Tian 2019, arXiv:1903.03176), as its published implementation plays them.
 * Positions are (x, y) with (0, 0) at the top left. Sticky actions are the env's.
 */
export abstract class MinAtarGame<S extends GameState = GameState> {
  /** Names of the planes of an observation, in order. */
  abstract readonly channels: readonly string[]
  /** The actions that do something in this game. */
  abstract readonly minimal_actions: readonly number[]
  state: S
  /** Whether the last step ended the game. */
  over = false

  constructor(
    empty: S,
    protected readonly options: GameOptions,
  ) {
    this.state = empty
  }

  /** The state that a new game starts from. */
  protected abstract fresh(random: RandomStream): S
  /** Plays one step of a game that is not over, sets `over` where it ends, and returns the reward. */
  protected abstract play(action: number, random: RandomStream): number
  /** Sets the cells of `planes` [channels, 10, 10] that are occupied; all are 0 before. */
  abstract paint(planes: Uint8Array): void

  reset(random: RandomStream): void {
    this.state = this.fresh(random)
    this.over = false
  }

  /** Does one step and returns the reward. */
  act(action: number, random: RandomStream): number {
    this.over = false
    return this.play(action, random)
  }

  save(): StateTree {
    const saved: StateTree = {}
    for (const [key, value] of Object.entries(this.state)) {
      if (value instanceof Uint8Array) saved[key] = Array.from(value)
      else saved[key] = Array.isArray(value) ? value.map(copyPiece) : value
    }
    return saved
  }

  /** Takes back what {@link save} returned. @throws CheckpointError when it is of another game. */
  restore(saved: StateTree): void {
    const state: GameState = {}
    for (const [key, now] of Object.entries(this.state)) {
      const value = saved[key]
      const list = Array.isArray(value) ? value : undefined
      if (now instanceof Uint8Array && list?.length === now.length)
        state[key] = Uint8Array.from(list.map(Number))
      else if (Array.isArray(now) && list !== undefined) {
        state[key] = list.map((piece) => copyPiece(piece as Piece | null))
      } else if (typeof now === typeof value && typeof now !== 'object')
        state[key] = value as number | boolean
      else {
        throw new CheckpointError(
          `The saved state of ${this.constructor.name} has no usable "${key}": it is of another game`,
        )
      }
    }
    this.state = state as S
    this.over = false
  }
}

function copyPiece(piece: Piece | null): Piece | null {
  return piece === null ? null : { ...piece }
}

/** A piece with a place on the board. */
export type Placed = { x: number; y: number }

/** Index of the first piece at (x, y), or -1. */
export function findAt(pieces: readonly Placed[], x: number, y: number): number {
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as Placed
    if (piece.x === x && piece.y === y) return i
  }
  return -1
}

/** Takes piece `i` out; the others keep their order. */
export function removeAt(pieces: unknown[], i: number): void {
  pieces.copyWithin(i, i + 1)
  pieces.length--
}

/** Sets the cell (x, y) of a plane; outside the board: nothing. */
export function mark(planes: Uint8Array, channel: number, x: number, y: number): void {
  if (x >= 0 && x < SIDE) planes[channel * CELLS + y * SIDE + x] = 1
}

/** True off the left or the right edge. */
export function outside(x: number): boolean {
  return x < 0 || x >= SIDE
}

/** One step of a timer that rests at 0. */
export function countDown(timer: number): number {
  return timer > 0 ? timer - 1 : timer
}
