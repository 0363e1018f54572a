import type { RandomStream } from '../light_imports.js'
import { ACTION, type GameOptions, MinAtarGame, mark, outside, SIDE } from './game.js'

/** Steps between two rises of the difficulty, less the two on which the timer is reset and checked. */
const RAMP_TIMER = 100
const SPAWN_INTERVAL = 10
const MOVE_INTERVAL = 5
/** Rows 1 to 8 hold one enemy or treasure each. */
const ROWS = 8

/** `dir`: 1 moves right, -1 left. The row is the slot's number plus 1. */
type Entity = { x: number; dir: number; gold: boolean }

type AsterixState = {
  player_x: number
  player_y: number
  entities: (Entity | null)[]
  spawn_interval: number
  spawn_timer: number
  move_interval: number
  move_timer: number
  ramp_timer: number
  ramp_level: number
}

const start = (): AsterixState => ({
  player_x: 5,
  player_y: 5,
  entities: new Array<Entity | null>(ROWS).fill(null),
  spawn_interval: SPAWN_INTERVAL,
  spawn_timer: SPAWN_INTERVAL,
  move_interval: MOVE_INTERVAL,
  move_timer: MOVE_INTERVAL,
  ramp_timer: RAMP_TIMER,
  ramp_level: 0,
})

/** Pick up treasure, keep away from enemies; both come from the sides. */
export class Asterix extends MinAtarGame<AsterixState> {
  readonly channels = ['player', 'enemy', 'trail', 'gold']
  readonly minimal_actions = [ACTION.noop, ACTION.left, ACTION.up, ACTION.right, ACTION.down]

  constructor(options: GameOptions) {
    super(start(), options)
  }

  protected override fresh(): AsterixState {
    return start()
  }

  protected override play(action: number, random: RandomStream): number {
    const s = this.state
    if (s.spawn_timer === 0) {
      this.spawn(random)
      s.spawn_timer = s.spawn_interval
    }
    if (action === ACTION.left) s.player_x = Math.max(0, s.player_x - 1)
    else if (action === ACTION.right) s.player_x = Math.min(SIDE - 1, s.player_x + 1)
    else if (action === ACTION.up) s.player_y = Math.max(1, s.player_y - 1)
    else if (action === ACTION.down) s.player_y = Math.min(ROWS, s.player_y + 1)

    let reward = this.touch()
    if (s.move_timer === 0) {
      s.move_timer = s.move_interval
      this.moveEntities()
      reward += this.touch()
    }
    s.spawn_timer--
    s.move_timer--
    this.ramp()
    return reward
  }

  /** The draws are made in any case; with every row taken nothing appears. */
  private spawn(random: RandomStream): void {
    const fromLeft = random.nextFloat() < 1 / 2
    const gold = random.nextFloat() < 1 / 3
    const { entities } = this.state
    let free = 0
    for (const entity of entities) if (entity === null) free++
    if (free === 0) return
    let skip = random.nextInt(0, free)
    for (let slot = 0; slot < ROWS; slot++) {
      if (entities[slot] === null && skip-- === 0) {
        entities[slot] = { x: fromLeft ? 0 : SIDE - 1, dir: fromLeft ? 1 : -1, gold }
        return
      }
    }
  }

  private moveEntities(): void {
    const { entities } = this.state
    for (let slot = 0; slot < ROWS; slot++) {
      const entity = entities[slot]
      if (!entity) continue
      entity.x += entity.dir
      if (outside(entity.x)) entities[slot] = null
    }
  }

  /** What the player stands on: the reward of a treasure, or the end. */
  private touch(): number {
    const { entities, player_x, player_y } = this.state
    const entity = entities[player_y - 1]
    if (!entity || entity.x !== player_x) return 0
    if (!entity.gold) {
      this.over = true
      return 0
    }
    entities[player_y - 1] = null
    return 1
  }

  /** Spawning gets quicker at each rise, moving at every second. */
  private ramp(): void {
    const s = this.state
    if (!this.options.difficulty_ramping || (s.spawn_interval <= 1 && s.move_interval <= 1)) return
    if (s.ramp_timer >= 0) {
      s.ramp_timer--
      return
    }
    if (s.move_interval > 1 && s.ramp_level % 2 === 1) s.move_interval--
    if (s.spawn_interval > 1) s.spawn_interval--
    s.ramp_level++
    s.ramp_timer = RAMP_TIMER
  }

  override paint(planes: Uint8Array): void {
    const { player_x, player_y, entities } = this.state
    mark(planes, 0, player_x, player_y)
    for (let slot = 0; slot < ROWS; slot++) {
      const entity = entities[slot]
      if (!entity) continue
      mark(planes, entity.gold ? 3 : 1, entity.x, slot + 1)
      mark(planes, 2, entity.x - entity.dir, slot + 1)
    }
  }
}
