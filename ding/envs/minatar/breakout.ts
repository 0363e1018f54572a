import type { RandomStream } from '../light_imports.js'
import { ACTION, CELLS, type GameOptions, MinAtarGame, mark, outside, SIDE } from './game.js'

const BOTTOM = SIDE - 1

type BreakoutState = {
  paddle: number
  ball_x: number
  ball_y: number
  /** Direction of the ball: 1 right or down, -1 left or up. */
  dir_x: number
  dir_y: number
  /** Where the ball was one step before. */
  last_x: number
  last_y: number
  /** 1 where a brick is. */
  bricks: Uint8Array
  /** The ball has just struck a brick and flies through others until it is in the open. */
  struck: boolean
}

function start(fromLeft: boolean): BreakoutState {
  const x = fromLeft ? 0 : SIDE - 1
  return {
    paddle: 4,
    ball_x: x,
    ball_y: 3,
    dir_x: fromLeft ? 1 : -1,
    dir_y: 1,
    last_x: x,
    last_y: 3,
    bricks: layBricks(new Uint8Array(CELLS)),
    struck: false,
  }
}

/** Rows 1 to 3. */
function layBricks(bricks: Uint8Array): Uint8Array {
  return bricks.fill(1, SIDE, 4 * SIDE)
}

/** Break bricks with a ball that must not pass the paddle. */
export class Breakout extends MinAtarGame<BreakoutState> {
  readonly channels = ['paddle', 'ball', 'trail', 'brick']
  readonly minimal_actions = [ACTION.noop, ACTION.left, ACTION.right]

  constructor(options: GameOptions) {
    super(start(true), options)
  }

  protected override fresh(random: RandomStream): BreakoutState {
    return start(random.nextInt(0, 2) === 0)
  }

  protected override play(action: number): number {
    const s = this.state
    if (action === ACTION.left) s.paddle = Math.max(0, s.paddle - 1)
    else if (action === ACTION.right) s.paddle = Math.min(SIDE - 1, s.paddle + 1)

    s.last_x = s.ball_x
    s.last_y = s.ball_y
    let x = s.ball_x + s.dir_x
    let y = s.ball_y + s.dir_y
    let reward = 0
    let inBricks = false
    if (outside(x)) {
      x = s.ball_x
      s.dir_x = -s.dir_x
    }
    if (y < 0) {
      y = 0
      s.dir_y = 1
    } else if (s.bricks[y * SIDE + x] === 1) {
      inBricks = true
      if (!s.struck) {
        reward = 1
        s.struck = true
        s.bricks[y * SIDE + x] = 0
        y = s.last_y
        s.dir_y = -s.dir_y
      }
    } else if (y === BOTTOM) {
      if (!s.bricks.includes(1)) layBricks(s.bricks)
      if (s.ball_x === s.paddle || x === s.paddle) {
        // Met from the side, by the cell that the ball moves into only, the paddle sends the ball back where it came from.
        if (s.ball_x !== s.paddle) s.dir_x = -s.dir_x
        s.dir_y = -1
        y = s.last_y
      } else this.over = true
    }
    if (!inBricks) s.struck = false
    s.ball_x = x
    s.ball_y = y
    return reward
  }

  override paint(planes: Uint8Array): void {
    const { paddle, ball_x, ball_y, last_x, last_y, bricks } = this.state
    mark(planes, 0, paddle, BOTTOM)
    mark(planes, 1, ball_x, ball_y)
    mark(planes, 2, last_x, last_y)
    planes.set(bricks, 3 * CELLS)
  }
}
