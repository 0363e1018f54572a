import { describe, expect, it } from 'vitest'
import { MINATAR_ACTION } from '../../../ding/envs/index.js'
import { at, board, cells } from './minatar_board.js'

const { noop, left, up, right, down, fire } = MINATAR_ACTION

describe('asterix', () => {
  const slots = (row: number, entity: object) =>
    Array.from({ length: 8 }, (_, i) => (i + 1 === row ? entity : null))

  it('starts with the player in the middle of an empty board', () => {
    expect(board(at('asterix'))).toEqual({ player: ['5,5'] })
  })

  it('gives 1 for walking onto treasure, which is gone then', () => {
    const env = at('asterix', { entities: slots(4, { x: 5, dir: 1, gold: true }) })
    expect(board(env)).toEqual({ player: ['5,5'], gold: ['5,4'], trail: ['4,4'] })
    expect(env.step(up)).toMatchObject({ reward: 1, terminated: false })
    expect(board(env)).toEqual({ player: ['5,4'] })
  })

  it('ends on walking onto an enemy', () => {
    const env = at('asterix', { entities: slots(5, { x: 6, dir: -1, gold: false }) })
    expect(board(env)).toEqual({ player: ['5,5'], enemy: ['6,5'], trail: ['7,5'] })
    expect(env.step(right)).toMatchObject({ reward: 0, terminated: true })
  })

  it('moves everything when the move timer is up: treasure is picked up, enemies end the game, the edge swallows', () => {
    const gold = at('asterix', { entities: slots(5, { x: 4, dir: 1, gold: true }), move_timer: 0 })
    expect(gold.step(noop)).toMatchObject({ reward: 1, terminated: false })
    expect(gold.game.state).toMatchObject({ move_timer: 4 })
    const enemy = at('asterix', { entities: slots(5, { x: 6, dir: -1, gold: false }), move_timer: 0 })
    expect(enemy.step(noop)).toMatchObject({ reward: 0, terminated: true })
    const gone = at('asterix', { entities: slots(2, { x: 9, dir: 1, gold: false }), move_timer: 0 })
    gone.step(noop)
    expect(board(gone)).toEqual({ player: ['5,5'] })
  })

  it('keeps the player to rows 1 to 8 and ignores fire', () => {
    const env = at('asterix', { player_x: 0, player_y: 1 })
    env.step(up)
    env.step(left)
    env.step(fire)
    expect(cells(env, 'player')).toEqual(['0,1'])
    Object.assign(env.game.state, { player_x: 9, player_y: 8 })
    env.step(down)
    env.step(right)
    expect(cells(env, 'player')).toEqual(['9,8'])
  })

  it('spawns at an edge of a free row when the spawn timer is up, and nothing when all rows are taken', () => {
    const env = at('asterix', { spawn_timer: 0 })
    env.step(noop)
    const { enemy = [], gold = [] } = board(env)
    expect([...enemy, ...gold]).toHaveLength(1)
    expect([...enemy, ...gold][0]).toMatch(/^[09],[1-8]$/)
    expect(env.game.state['spawn_timer']).toBe(9)
    const full = Array.from({ length: 8 }, () => ({ x: 0, dir: 1, gold: true }))
    const taken = at('asterix', { spawn_timer: 0, entities: full })
    taken.step(noop)
    expect(cells(taken, 'gold')).toHaveLength(8)
  })

  it('gets harder every 102 steps: spawning each time, moving every second time; not without ramping', () => {
    const levels = (cfg: object) => {
      const env = at('asterix', {}, { ...cfg })
      const seen: unknown[] = []
      for (let t = 1; t <= 204; t++) {
        env.game.act(noop, { nextFloat: () => 0, nextInt: () => 0 } as never)
        const { spawn_interval, move_interval } = env.game.state
        if (t % 102 === 101 || t % 102 === 0) seen.push([t, spawn_interval, move_interval])
      }
      return seen
    }
    expect(levels({})).toEqual([
      [101, 10, 5],
      [102, 9, 5],
      [203, 9, 5],
      [204, 8, 4],
    ])
    expect(levels({ difficulty_ramping: false }).at(-1)).toEqual([204, 10, 5])
  })
})

describe('breakout', () => {
  const rows = ['1', '2', '3'].flatMap((y) => Array.from({ length: 10 }, (_, x) => `${x},${y}`))
  const bare = { bricks: new Uint8Array(100) }

  it('starts with three rows of bricks and the ball at a side below the top of them', () => {
    const starts = new Set<string>()
    const env = at('breakout')
    for (let i = 0; i < 20; i++) {
      env.reset()
      starts.add(JSON.stringify(board(env)))
    }
    expect([...starts].sort()).toEqual(
      ['0,3', '9,3'].map((ball) =>
        JSON.stringify({ paddle: ['4,9'], ball: [ball], trail: [ball], brick: rows }),
      ),
    )
  })

  it('breaks a brick for 1 and turns back; the trail is where the ball was', () => {
    const env = at('breakout', { ball_x: 4, ball_y: 4, dir_x: 1, dir_y: -1 })
    expect(env.step(noop)).toMatchObject({ reward: 1, terminated: false })
    expect(board(env)).toEqual({
      paddle: ['4,9'],
      ball: ['5,4'],
      trail: ['4,4'],
      brick: rows.filter((cell) => cell !== '5,3'),
    })
    expect(env.game.state).toMatchObject({ dir_x: 1, dir_y: 1, struck: true })
  })

  it('flies through the next brick right after striking one', () => {
    const env = at('breakout', { ball_x: 4, ball_y: 4, dir_x: 1, dir_y: -1, struck: true })
    expect(env.step(noop).reward).toBe(0)
    expect(cells(env, 'ball')).toEqual(['5,3'])
    expect(cells(env, 'brick')).toEqual(rows)
    expect(env.game.state['struck']).toBe(true)
  })

  it('reflects at walls and ceiling', () => {
    const wall = at('breakout', { ...bare, ball_x: 9, ball_y: 5, dir_x: 1, dir_y: 1 })
    wall.step(noop)
    expect(wall.game.state).toMatchObject({ ball_x: 9, ball_y: 6, dir_x: -1, dir_y: 1 })
    const ceiling = at('breakout', { ...bare, ball_x: 3, ball_y: 0, dir_x: -1, dir_y: -1 })
    ceiling.step(noop)
    expect(ceiling.game.state).toMatchObject({ ball_x: 2, ball_y: 0, dir_x: -1, dir_y: 1 })
  })

  it('bounces off the paddle below the ball, and straight back off one that is met from the side', () => {
    const above = at('breakout', { paddle: 4, ball_x: 4, ball_y: 8, dir_x: 1, dir_y: 1 })
    expect(above.step(noop).terminated).toBe(false)
    expect(above.game.state).toMatchObject({ ball_x: 5, ball_y: 8, dir_x: 1, dir_y: -1 })
    const side = at('breakout', { paddle: 5, ball_x: 4, ball_y: 8, dir_x: 1, dir_y: 1 })
    expect(side.step(noop).terminated).toBe(false)
    expect(side.game.state).toMatchObject({ ball_x: 5, ball_y: 8, dir_x: -1, dir_y: -1 })
    const moved = at('breakout', { paddle: 3, ball_x: 4, ball_y: 8, dir_x: 1, dir_y: 1 })
    expect(moved.step(right).terminated).toBe(false)
  })

  it('ends when the ball reaches the bottom', () => {
    const env = at('breakout', { paddle: 0, ball_x: 4, ball_y: 8, dir_x: 1, dir_y: 1 })
    expect(env.step(noop)).toMatchObject({ reward: 0, terminated: true })
    expect(board(env)).toMatchObject({ ball: ['5,9'], paddle: ['0,9'] })
  })

  it('lays new bricks when the ball comes to the bottom and none is left', () => {
    const env = at('breakout', {
      bricks: new Uint8Array(100),
      paddle: 4,
      ball_x: 4,
      ball_y: 7,
      dir_x: -1,
      dir_y: 1,
    })
    env.step(left)
    expect(cells(env, 'brick')).toEqual([])
    env.step(noop)
    expect(cells(env, 'brick')).toEqual(rows)
  })
})

describe('freeway', () => {
  /** All cars far away and slow, but one. */
  const cars = (lane: number, car: object) =>
    Array.from({ length: 8 }, (_, i) => (i === lane - 1 ? car : { x: 0, dir: 1, wait: 5, timer: 5 }))

  it('starts at the bottom with eight cars at the left edge', () => {
    const env = at('freeway')
    expect(cells(env, 'chicken')).toEqual(['4,9'])
    expect(cells(env, 'car')).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((y) => `0,${y}`))
    const trails = [1, 2, 3, 4, 5].flatMap((n) => cells(env, `speed${n}`))
    expect(trails).toHaveLength(8)
    expect(trails.every((cell) => /^[19],/.test(cell))).toBe(true)
  })

  it('lets the chicken move every third step only', () => {
    const env = at('freeway', { cars: cars(0, {}) })
    const rowsOf = Array.from({ length: 8 }, () => {
      env.step(up)
      return env.game.state['chicken_y']
    })
    expect(rowsOf).toEqual([9, 9, 9, 8, 8, 8, 7, 7])
  })

  it('gives 1 at the top, draws new speeds and starts over', () => {
    const env = at('freeway', { chicken_y: 1, chicken_timer: 0, cars: cars(0, {}) })
    expect(env.step(up)).toMatchObject({ reward: 1, terminated: false })
    expect(cells(env, 'chicken')).toEqual(['4,9'])
    const speeds = new Set(
      (env.game.state['cars'] as { wait: number; dir: number }[]).map((c) => c.wait * c.dir),
    )
    expect(speeds.size).toBeGreaterThan(2)
  })

  it('sends the chicken back when a car meets it, by its own move or by the car', () => {
    const walks = at('freeway', {
      chicken_y: 8,
      chicken_timer: 0,
      cars: cars(7, { x: 4, dir: 1, wait: 3, timer: 3 }),
    })
    walks.step(up)
    expect(cells(walks, 'chicken')).toEqual(['4,9'])
    const driven = at('freeway', { chicken_y: 7, cars: cars(7, { x: 5, dir: -1, wait: 2, timer: 0 }) })
    expect(driven.step(noop).reward).toBe(0)
    expect(cells(driven, 'chicken')).toEqual(['4,9'])
    expect(cells(driven, 'speed2')).toEqual(['5,7'])
  })

  it('takes cars around the edges', () => {
    const env = at('freeway', { cars: cars(2, { x: 9, dir: 1, wait: 4, timer: 0 }) })
    env.step(noop)
    expect(cells(env, 'car')).toContain('0,2')
    expect(cells(env, 'speed4')).toEqual(['9,2'])
  })

  it('ends after 2501 steps', () => {
    const env = at('freeway')
    for (let t = 0; t < 2500; t++) expect(env.step(noop).done).toBe(false)
    expect(env.step(noop)).toMatchObject({ terminated: true, truncated: false })
  })
})
