import { ACTION, CELLS, type GameOptions, MinAtarGame, mark, SIDE } from './game.js'

const SHOT_WAIT = 5
/** Steps between two moves of a full first wave, and the fewest that a later wave starts with. */
const MOVE_INTERVAL = 12
const SHORTEST_MOVE_INTERVAL = 6
const ALIEN_SHOT_INTERVAL = 10
const LAST_ROW = CELLS - SIDE

type SpaceInvadersState = {
  cannon_x: number
  shot_timer: number
  /** Planes of 10 x 10 cells, 1 where something is. */
  aliens: Uint8Array
  friendly_bullets: Uint8Array
  enemy_bullets: Uint8Array
  /** 1: the aliens move right, -1: left. */
  dir: number
  move_interval: number
  move_timer: number
  alien_shot_timer: number
  ramp_level: number
}

const start = (): SpaceInvadersState => ({
  cannon_x: 5,
  shot_timer: 0,
  aliens: placeWave(new Uint8Array(CELLS)),
  friendly_bullets: new Uint8Array(CELLS),
  enemy_bullets: new Uint8Array(CELLS),
  dir: -1,
  move_interval: MOVE_INTERVAL,
  move_timer: MOVE_INTERVAL,
  alien_shot_timer: ALIEN_SHOT_INTERVAL,
  ramp_level: 0,
})

/** Rows 0 to 3, columns 2 to 7. */
function placeWave(aliens: Uint8Array): Uint8Array {
  for (let y = 0; y < 4; y++) aliens.fill(1, y * SIDE + 2, y * SIDE + 8)
  return aliens
}

/** Shoot the aliens before they arrive or hit the cannon. */
export class SpaceInvaders extends MinAtarGame<SpaceInvadersState> {
  readonly channels = ['cannon', 'alien', 'alien_left', 'alien_right', 'friendly_bullet', 'enemy_bullet']
  readonly minimal_actions = [ACTION.noop, ACTION.left, ACTION.right, ACTION.fire]
  private readonly spare = new Uint8Array(SIDE)

  constructor(options: GameOptions) {
    super(start(), options)
  }

  protected override fresh(): SpaceInvadersState {
    return start()
  }

  protected override play(action: number): number {
    const s = this.state
    if (action === ACTION.fire && s.shot_timer === 0) {
      s.friendly_bullets[LAST_ROW + s.cannon_x] = 1
      s.shot_timer = SHOT_WAIT
    } else if (action === ACTION.left) s.cannon_x = Math.max(0, s.cannon_x - 1)
    else if (action === ACTION.right) s.cannon_x = Math.min(SIDE - 1, s.cannon_x + 1)

    s.friendly_bullets.copyWithin(0, SIDE).fill(0, LAST_ROW)
    s.enemy_bullets.copyWithin(SIDE, 0, LAST_ROW).fill(0, 0, SIDE)
    const cannon = LAST_ROW + s.cannon_x
    if (s.enemy_bullets[cannon] === 1 || s.aliens[cannon] === 1) this.over = true
    if (s.move_timer === 0) {
      this.moveAliens()
      if (s.aliens[cannon] === 1) this.over = true
    }
    if (s.alien_shot_timer === 0) {
      s.alien_shot_timer = ALIEN_SHOT_INTERVAL
      this.alienShoots()
    }
    const reward = this.hits()
    if (s.shot_timer > 0) s.shot_timer--
    s.move_timer--
    s.alien_shot_timer--
    if (!s.aliens.includes(1)) {
      if (s.move_interval > SHORTEST_MOVE_INTERVAL && this.options.difficulty_ramping) {
        s.move_interval--
        s.ramp_level++
      }
      placeWave(s.aliens)
    }
    return reward
  }

  /** One cell sideways, or, at the edge, one down and about. The fewer are left, the sooner they move again. */
  private moveAliens(): void {
    const s = this.state
    let left = 0
    for (let i = 0; i < CELLS; i++) left += s.aliens[i] as number
    s.move_timer = Math.min(left, s.move_interval)
    const edge = s.dir < 0 ? 0 : SIDE - 1
    let atEdge = false
    for (let i = edge; i < CELLS; i += SIDE) if (s.aliens[i] === 1) atEdge = true
    if (atEdge) {
      s.dir = -s.dir
      // Aliens that leave below come in again above, but the game is over then.
      this.spare.set(s.aliens.subarray(LAST_ROW))
      if (this.spare.includes(1)) this.over = true
      s.aliens.copyWithin(SIDE, 0, LAST_ROW).set(this.spare)
      return
    }
    // The column ahead is empty, so shifting the whole plane by one cell carries nothing into another row.
    if (s.dir < 0) s.aliens.copyWithin(0, 1).fill(0, CELLS - 1)
    else s.aliens.copyWithin(1, 0).fill(0, 0, 1)
  }

  /** The lowest alien of the column nearest to the cannon shoots; of two columns equally near, the left one. */
  private alienShoots(): void {
    const { aliens, cannon_x, enemy_bullets } = this.state
    for (let distance = 0; distance < SIDE; distance++) {
      for (let side = -1; side <= 1; side += 2) {
        const x = cannon_x + side * distance
        if (x < 0 || x >= SIDE) continue
        for (let i = LAST_ROW + x; i >= 0; i -= SIDE) {
          if (aliens[i] !== 1) continue
          enemy_bullets[i] = 1
          return
        }
      }
    }
  }

  private hits(): number {
    const { aliens, friendly_bullets } = this.state
    let count = 0
    for (let i = 0; i < CELLS; i++) {
      if (aliens[i] === 0 || friendly_bullets[i] === 0) continue
      aliens[i] = 0
      friendly_bullets[i] = 0
      count++
    }
    return count
  }

  override paint(planes: Uint8Array): void {
    const s = this.state
    mark(planes, 0, s.cannon_x, SIDE - 1)
    planes.set(s.aliens, CELLS)
    planes.set(s.aliens, (s.dir < 0 ? 2 : 3) * CELLS)
    planes.set(s.friendly_bullets, 4 * CELLS)
    planes.set(s.enemy_bullets, 5 * CELLS)
  }
}
