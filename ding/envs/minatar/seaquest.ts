import type { RandomStream } from '../light_imports.js'
import {
  ACTION,
  countDown,
  findAt,
  type GameOptions,
  MinAtarGame,
  mark,
  outside,
  removeAt,
  SIDE,
} from './game.js'

const MAX_OXYGEN = 200
const FULL_CREW = 6
const SPAWN_INTERVAL = 20
const DIVER_SPAWN_INTERVAL = 30
const MOVE_INTERVAL = 5
const SHORTEST_MOVE_INTERVAL = 2
const DIVER_MOVE_INTERVAL = 5
const SHOT_WAIT = 5
const ENEMY_SHOT_INTERVAL = 10
/** The deepest row for the submarine; the one below holds the gauges. */
const DEEPEST = SIDE - 2

/** `dir`: 1 moves right, -1 left. */
type Shot = { x: number; y: number; dir: number }
/** `timer`: steps until it moves. */
type Swimmer = Shot & { timer: number }
/** `reload`: steps until it shoots. */
type Submarine = Swimmer & { reload: number }

type SeaquestState = {
  sub_x: number
  sub_y: number
  sub_dir: number
  /** At the surface, and what surfacing does has been done. */
  surfaced: boolean
  oxygen: number
  divers_aboard: number
  shot_timer: number
  friendly_bullets: Shot[]
  enemy_bullets: Shot[]
  fish: Swimmer[]
  subs: Submarine[]
  divers: Swimmer[]
  spawn_interval: number
  spawn_timer: number
  diver_spawn_timer: number
  move_interval: number
  ramp_level: number
}

const start = (): SeaquestState => ({
  sub_x: 5,
  sub_y: 0,
  sub_dir: -1,
  surfaced: true,
  oxygen: MAX_OXYGEN,
  divers_aboard: 0,
  shot_timer: 0,
  friendly_bullets: [],
  enemy_bullets: [],
  fish: [],
  subs: [],
  divers: [],
  spawn_interval: SPAWN_INTERVAL,
  spawn_timer: SPAWN_INTERVAL,
  diver_spawn_timer: DIVER_SPAWN_INTERVAL,
  move_interval: MOVE_INTERVAL,
  ramp_level: 0,
})

/** Cells of the oxygen gauge that are lit. */
function gauge(oxygen: number): number {
  return Math.floor((oxygen * 10) / MAX_OXYGEN)
}

/** Shoot fish and submarines, gather divers, and come up before the oxygen ends. */
export class Seaquest extends MinAtarGame<SeaquestState> {
  readonly channels = [
    'sub_front',
    'sub_back',
    'friendly_bullet',
    'trail',
    'enemy_bullet',
    'enemy_fish',
    'enemy_sub',
    'oxygen_gauge',
    'diver_gauge',
    'diver',
  ]
  readonly minimal_actions = [0, 1, 2, 3, 4, 5]

  constructor(options: GameOptions) {
    super(start(), options)
  }

  protected override fresh(): SeaquestState {
    return start()
  }

  protected override play(action: number, random: RandomStream): number {
    const s = this.state
    if (s.spawn_timer === 0) {
      this.spawnEnemy(random)
      s.spawn_timer = s.spawn_interval
    }
    if (s.diver_spawn_timer === 0) {
      this.spawnDiver(random)
      s.diver_spawn_timer = DIVER_SPAWN_INTERVAL
    }
    this.steer(action)
    let reward = this.moveFriendlyBullets()
    this.moveDivers()
    reward += this.moveEnemies(s.subs, this.shoot)
    this.moveEnemyBullets()
    reward += this.moveEnemies(s.fish)
    s.spawn_timer = countDown(s.spawn_timer)
    s.diver_spawn_timer = countDown(s.diver_spawn_timer)
    s.shot_timer = countDown(s.shot_timer)
    return reward + this.breathe()
  }

  private steer(action: number): void {
    const s = this.state
    if (action === ACTION.fire && s.shot_timer === 0) {
      s.friendly_bullets.push({ x: s.sub_x, y: s.sub_y, dir: s.sub_dir })
      s.shot_timer = SHOT_WAIT
    } else if (action === ACTION.left) {
      s.sub_x = Math.max(0, s.sub_x - 1)
      s.sub_dir = -1
    } else if (action === ACTION.right) {
      s.sub_x = Math.min(SIDE - 1, s.sub_x + 1)
      s.sub_dir = 1
    } else if (action === ACTION.up) s.sub_y = Math.max(0, s.sub_y - 1)
    else if (action === ACTION.down) s.sub_y = Math.min(DEEPEST, s.sub_y + 1)
  }

  private atPlayer(piece: Shot): boolean {
    return piece.x === this.state.sub_x && piece.y === this.state.sub_y
  }

  /** Lists are gone through from the newest to the oldest, so that pieces can be taken out on the way. */
  private moveFriendlyBullets(): number {
    const { friendly_bullets, fish, subs } = this.state
    let reward = 0
    for (let i = friendly_bullets.length - 1; i >= 0; i--) {
      const bullet = friendly_bullets[i] as Shot
      bullet.x += bullet.dir
      const inFish = findAt(fish, bullet.x, bullet.y)
      const inSub = inFish < 0 ? findAt(subs, bullet.x, bullet.y) : -1
      if (inFish >= 0) removeAt(fish, inFish)
      if (inSub >= 0) removeAt(subs, inSub)
      const hit = inFish >= 0 || inSub >= 0
      if (hit) reward++
      if (hit || outside(bullet.x)) removeAt(friendly_bullets, i)
    }
    return reward
  }

  private moveDivers(): void {
    const { divers } = this.state
    for (let i = divers.length - 1; i >= 0; i--) {
      const diver = divers[i] as Swimmer
      if (this.takeAboard(diver, i)) continue
      if (diver.timer > 0) {
        diver.timer--
        continue
      }
      diver.timer = DIVER_MOVE_INTERVAL
      diver.x += diver.dir
      if (outside(diver.x)) removeAt(divers, i)
      else this.takeAboard(diver, i)
    }
  }

  private takeAboard(diver: Swimmer, i: number): boolean {
    const s = this.state
    if (!this.atPlayer(diver) || s.divers_aboard >= FULL_CREW) return false
    removeAt(s.divers, i)
    s.divers_aboard++
    return true
  }

  private readonly shoot = (sub: Submarine): void => {
    if (sub.reload > 0) sub.reload--
    else {
      sub.reload = ENEMY_SHOT_INTERVAL
      this.state.enemy_bullets.push({ x: sub.x, y: sub.y, dir: sub.dir })
    }
  }

  /**
   * Moves fish or submarines: the player is lost on meeting one before or after its move; one that swims into a bullet of the
   * player is shot. `after` is called for each, for those that have just been shot too.
   */
  private moveEnemies<E extends Swimmer>(enemies: E[], after?: (enemy: E) => void): number {
    const s = this.state
    let reward = 0
    for (let i = enemies.length - 1; i >= 0; i--) {
      const enemy = enemies[i] as E
      if (this.atPlayer(enemy)) this.over = true
      if (enemy.timer > 0) enemy.timer--
      else {
        enemy.timer = s.move_interval
        enemy.x += enemy.dir
        if (outside(enemy.x)) removeAt(enemies, i)
        else if (this.atPlayer(enemy)) this.over = true
        else {
          const bullet = findAt(s.friendly_bullets, enemy.x, enemy.y)
          if (bullet >= 0) {
            removeAt(enemies, i)
            removeAt(s.friendly_bullets, bullet)
            reward++
          }
        }
      }
      after?.(enemy)
    }
    return reward
  }

  private moveEnemyBullets(): void {
    const { enemy_bullets } = this.state
    for (let i = enemy_bullets.length - 1; i >= 0; i--) {
      const bullet = enemy_bullets[i] as Shot
      if (this.atPlayer(bullet)) this.over = true
      bullet.x += bullet.dir
      if (outside(bullet.x)) removeAt(enemy_bullets, i)
      else if (this.atPlayer(bullet)) this.over = true
    }
  }

  /** Oxygen is used below the surface; coming up needs a diver aboard. */
  private breathe(): number {
    const s = this.state
    if (s.oxygen <= 0) this.over = true
    if (s.sub_y > 0) {
      s.oxygen--
      s.surfaced = false
      return 0
    }
    if (s.surfaced) return 0
    if (s.divers_aboard === 0) {
      this.over = true
      return 0
    }
    return this.surface()
  }

  /**
   * Lands one diver, or a full crew for a reward, and takes in oxygen. As published, one more diver is taken off after a full
   * crew too: the count goes to -1, and the next surfacings, at -1 and below, cost no game although nobody is aboard.
   */
  private surface(): number {
    const s = this.state
    const full = s.divers_aboard === FULL_CREW
    const reward = full ? gauge(s.oxygen) : 0
    s.surfaced = true
    s.oxygen = MAX_OXYGEN
    s.divers_aboard = full ? -1 : s.divers_aboard - 1
    const hardest = s.spawn_interval <= 1 && s.move_interval <= SHORTEST_MOVE_INTERVAL
    if (this.options.difficulty_ramping && !hardest) {
      if (s.move_interval > SHORTEST_MOVE_INTERVAL && s.ramp_level % 2 === 1) s.move_interval--
      if (s.spawn_interval > 1) s.spawn_interval--
      s.ramp_level++
    }
    return reward
  }

  /** Nothing appears where it would run into an enemy of the same row that comes the other way. */
  private spawnEnemy(random: RandomStream): void {
    const { fish, subs, move_interval } = this.state
    const dir = random.nextFloat() < 1 / 2 ? 1 : -1
    const isSub = random.nextFloat() < 1 / 3
    const y = random.nextInt(1, SIDE - 1)
    const blocked = (other: Swimmer) => other.y === y && other.dir !== dir
    if (subs.some(blocked) || fish.some(blocked)) return
    const x = dir > 0 ? 0 : SIDE - 1
    if (isSub) subs.push({ x, y, dir, timer: move_interval, reload: ENEMY_SHOT_INTERVAL })
    else fish.push({ x, y, dir, timer: move_interval })
  }

  private spawnDiver(random: RandomStream): void {
    const dir = random.nextFloat() < 1 / 2 ? 1 : -1
    const y = random.nextInt(1, SIDE - 1)
    this.state.divers.push({ x: dir > 0 ? 0 : SIDE - 1, y, dir, timer: DIVER_MOVE_INTERVAL })
  }

  override paint(planes: Uint8Array): void {
    const s = this.state
    mark(planes, 0, s.sub_x, s.sub_y)
    mark(planes, 1, s.sub_x - s.sub_dir, s.sub_y)
    for (const { x, y } of s.friendly_bullets) mark(planes, 2, x, y)
    for (const { x, y } of s.enemy_bullets) mark(planes, 4, x, y)
    this.paintSwimmers(planes, 5, s.fish)
    this.paintSwimmers(planes, 6, s.subs)
    this.paintSwimmers(planes, 9, s.divers)
    const oxygen = gauge(Math.max(0, s.oxygen))
    for (let x = 0; x < oxygen; x++) mark(planes, 7, x, SIDE - 1)
    for (let x = SIDE - 1 - s.divers_aboard; x < SIDE - 1; x++) mark(planes, 8, x, SIDE - 1)
  }

  private paintSwimmers(planes: Uint8Array, channel: number, swimmers: readonly Swimmer[]): void {
    for (const { x, y, dir } of swimmers) {
      mark(planes, channel, x, y)
      mark(planes, 3, x - dir, y)
    }
  }
}
