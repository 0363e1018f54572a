import type { RandomStream } from '../light_imports.js'
import { ACTION, type GameOptions, MinAtarGame, mark, SIDE } from './game.js'

/** The chicken can move again so many steps after a move. */
const CHICKEN_WAIT = 3
const TIME_LIMIT = 2500
const LANES = 8
const SLOWEST = 5
const START = SIDE - 1
/** The chicken's column. */
const COLUMN = 4

/** The car of lane i drives in row i + 1. It moves one cell in direction `dir` every `wait` + 1 steps. */
type Car = { x: number; dir: number; wait: number; timer: number }

type FreewayState = {
  chicken_y: number
  chicken_timer: number
  time_left: number
  cars: Car[]
}

const start = (): FreewayState => ({
  chicken_y: START,
  chicken_timer: CHICKEN_WAIT,
  time_left: TIME_LIMIT,
  cars: Array.from({ length: LANES }, () => ({ x: 0, dir: 1, wait: 1, timer: 1 })),
})

/** New speeds and directions; the cars stay where they are. */
function drawSpeeds(cars: readonly Car[], random: RandomStream): void {
  for (const car of cars) {
    car.wait = random.nextInt(1, SLOWEST + 1)
    car.timer = car.wait
  }
  for (const car of cars) car.dir = random.nextFloat() < 0.5 ? -1 : 1
}

/** Cross eight lanes of traffic as often as the time allows. */
export class Freeway extends MinAtarGame<FreewayState> {
  readonly channels = ['chicken', 'car', 'speed1', 'speed2', 'speed3', 'speed4', 'speed5']
  readonly minimal_actions = [ACTION.noop, ACTION.up, ACTION.down]

  constructor(options: GameOptions) {
    super(start(), options)
  }

  protected override fresh(random: RandomStream): FreewayState {
    const state = start()
    drawSpeeds(state.cars, random)
    return state
  }

  protected override play(action: number, random: RandomStream): number {
    const s = this.state
    if (s.chicken_timer === 0 && (action === ACTION.up || action === ACTION.down)) {
      s.chicken_timer = CHICKEN_WAIT
      s.chicken_y = action === ACTION.up ? s.chicken_y - 1 : Math.min(START, s.chicken_y + 1)
    }
    let reward = 0
    if (s.chicken_y === 0) {
      reward = 1
      drawSpeeds(s.cars, random)
      s.chicken_y = START
    }
    for (let lane = 0; lane < LANES; lane++) this.drive(s.cars[lane] as Car, lane + 1)
    if (s.chicken_timer > 0) s.chicken_timer--
    s.time_left--
    if (s.time_left < 0) this.over = true
    return reward
  }

  /** The chicken is run over where it meets a car before or after the car's move. */
  private drive(car: Car, y: number): void {
    const s = this.state
    if (car.x === COLUMN && s.chicken_y === y) s.chicken_y = START
    if (car.timer > 0) {
      car.timer--
      return
    }
    car.timer = car.wait
    car.x = wrap(car.x + car.dir)
    if (car.x === COLUMN && s.chicken_y === y) s.chicken_y = START
  }

  override paint(planes: Uint8Array): void {
    const { chicken_y, cars } = this.state
    mark(planes, 0, COLUMN, chicken_y)
    for (let lane = 0; lane < LANES; lane++) {
      const car = cars[lane] as Car
      mark(planes, 1, car.x, lane + 1)
      mark(planes, 1 + car.wait, wrap(car.x - car.dir), lane + 1)
    }
  }
}

/** A column beyond one edge is the column at the other. */
function wrap(x: number): number {
  return (x + SIDE) % SIDE
}
