import { describe, expect, it } from 'vitest'
import { MINATAR_ACTION } from '../../../ding/envs/index.js'
import { at, board, cells, plane } from './minatar_board.js'

const { noop, left, up, right, down, fire } = MINATAR_ACTION

describe('seaquest', () => {
  const deep = { sub_x: 5, sub_y: 5, surfaced: false }

  it('starts at the surface with full oxygen', () => {
    expect(board(at('seaquest'))).toEqual({
      sub_front: ['5,0'],
      sub_back: ['6,0'],
      oxygen_gauge: Array.from({ length: 10 }, (_, x) => `${x},9`),
    })
  })

  it('turns with the direction of travel and stays between the surface and row 8', () => {
    const env = at('seaquest', { sub_y: 8 })
    env.step(right)
    expect(board(env)).toMatchObject({ sub_front: ['6,8'], sub_back: ['5,8'] })
    env.step(down)
    expect(cells(env, 'sub_front')).toEqual(['6,8'])
  })

  it('shoots forward from its own cell, again after five steps; a fish that is hit gives 1 and both are gone', () => {
    const env = at('seaquest', { ...deep, fish: [{ x: 2, y: 5, dir: -1, timer: 5 }] })
    expect(env.step(fire).reward).toBe(0)
    expect(cells(env, 'friendly_bullet')).toEqual(['4,5'])
    env.step(fire)
    expect(cells(env, 'friendly_bullet')).toEqual(['3,5'])
    expect(env.step(fire)).toMatchObject({ reward: 1, terminated: false })
    expect(board(env)).not.toHaveProperty('friendly_bullet')
    expect(board(env)).not.toHaveProperty('enemy_fish')
    env.step(noop)
    env.step(noop)
    env.step(fire)
    expect(cells(env, 'friendly_bullet')).toEqual(['4,5'])
  })

  it('gives 1 for an enemy that swims into a bullet', () => {
    const sub = { x: 1, y: 5, dir: 1, timer: 0, reload: 9 }
    const env = at('seaquest', { ...deep, subs: [sub], friendly_bullets: [{ x: 3, y: 5, dir: -1 }] })
    expect(env.step(noop)).toMatchObject({ reward: 1, terminated: false })
    expect(board(env)).not.toHaveProperty('enemy_sub')
  })

  it('ends on touching a fish, a submarine or a bullet', () => {
    const fish = at('seaquest', { ...deep, fish: [{ x: 4, y: 5, dir: 1, timer: 0 }] })
    expect(fish.step(noop)).toMatchObject({ reward: 0, terminated: true })
    const sub = at('seaquest', { ...deep, subs: [{ x: 4, y: 5, dir: 1, timer: 3, reload: 3 }] })
    expect(sub.step(left)).toMatchObject({ reward: 0, terminated: true })
    const bullet = at('seaquest', { ...deep, enemy_bullets: [{ x: 4, y: 5, dir: 1 }] })
    expect(bullet.step(noop)).toMatchObject({ reward: 0, terminated: true })
  })

  it('lets submarines shoot every eleventh step, with bullets that move one cell a step', () => {
    const env = at('seaquest', { ...deep, sub_y: 8, subs: [{ x: 3, y: 2, dir: 1, timer: 5, reload: 0 }] })
    env.step(noop)
    expect(board(env)).toMatchObject({ enemy_sub: ['3,2'], trail: ['2,2'], enemy_bullet: ['4,2'] })
    expect((env.game.state['subs'] as { reload: number }[])[0]).toMatchObject({ reload: 10, timer: 4 })
  })

  it('takes divers aboard, six at most', () => {
    const diver = { x: 5, y: 4, dir: 1, timer: 4 }
    const env = at('seaquest', { ...deep, divers: [{ ...diver }] })
    expect(board(env)).toMatchObject({ diver: ['5,4'], trail: ['4,4'] })
    env.step(up)
    expect(board(env)).toMatchObject({ diver_gauge: ['8,9'] })
    expect(board(env)).not.toHaveProperty('diver')
    const full = at('seaquest', { ...deep, divers: [{ ...diver }], divers_aboard: 6 })
    full.step(up)
    expect(cells(full, 'diver')).toEqual(['5,4'])
    expect(cells(full, 'diver_gauge')).toEqual(['3,9', '4,9', '5,9', '6,9', '7,9', '8,9'])
  })

  it('ends when the oxygen is used up, or on coming up with nobody aboard', () => {
    const env = at('seaquest', { ...deep, oxygen: 1 })
    expect(env.step(noop).terminated).toBe(false)
    expect(board(env)).not.toHaveProperty('oxygen_gauge')
    expect(env.step(noop).terminated).toBe(true)
    const empty = at('seaquest', { ...deep, sub_y: 1 })
    expect(empty.step(up)).toMatchObject({ reward: 0, terminated: true })
  })

  it('lands one diver and takes in oxygen on coming up, and gets harder', () => {
    const env = at('seaquest', { ...deep, sub_y: 1, divers_aboard: 3, oxygen: 30 })
    expect(env.step(up)).toMatchObject({ reward: 0, terminated: false })
    expect(env.game.state).toMatchObject({
      divers_aboard: 2,
      oxygen: 200,
      spawn_interval: 19,
      move_interval: 5,
    })
    env.step(noop)
    expect(env.game.state).toMatchObject({ divers_aboard: 2, oxygen: 200, ramp_level: 1 })
    Object.assign(env.game.state, { sub_y: 1, surfaced: false })
    env.step(up)
    expect(env.game.state).toMatchObject({ divers_aboard: 1, spawn_interval: 18, move_interval: 4 })
    const easy = at('seaquest', { ...deep, sub_y: 1, divers_aboard: 3 }, { difficulty_ramping: false })
    easy.step(up)
    expect(easy.game.state).toMatchObject({ divers_aboard: 2, spawn_interval: 20 })
  })

  it('rewards a full crew by the cells of the oxygen gauge, and leaves the count at -1 as published', () => {
    const env = at('seaquest', { ...deep, sub_y: 1, divers_aboard: 6, oxygen: 139 })
    expect(env.step(up)).toMatchObject({ reward: 6, terminated: false })
    expect(env.game.state).toMatchObject({ divers_aboard: -1, oxygen: 200 })
    expect(board(env)).not.toHaveProperty('diver_gauge')
    Object.assign(env.game.state, { sub_y: 1, surfaced: false })
    expect(env.step(up)).toMatchObject({ reward: 0, terminated: false })
    expect(env.game.state).toMatchObject({ divers_aboard: -2 })
  })

  it('spawns no enemy against one of the same row that comes the other way', () => {
    const draws = (values: number[], y: number) =>
      ({ nextFloat: () => values.shift(), nextInt: () => y }) as never
    const env = at('seaquest', { ...deep, spawn_timer: 0, fish: [{ x: 5, y: 3, dir: 1, timer: 5 }] })
    env.game.act(noop, draws([0.9, 0.9], 3))
    expect(cells(env, 'enemy_fish')).toEqual(['5,3'])
    Object.assign(env.game.state, { spawn_timer: 0 })
    env.game.act(noop, draws([0.1, 0.9], 3))
    expect(cells(env, 'enemy_fish')).toEqual(['0,3', '5,3'])
    Object.assign(env.game.state, { spawn_timer: 0 })
    env.game.act(noop, draws([0.9, 0.1], 4))
    expect(cells(env, 'enemy_sub')).toEqual(['9,4'])
  })
})

describe('space_invaders', () => {
  it('starts with a wave of 24 that moves left', () => {
    const env = at('space_invaders')
    const wave = [0, 1, 2, 3].flatMap((y) => [2, 3, 4, 5, 6, 7].map((x) => `${x},${y}`))
    expect(board(env)).toEqual({ cannon: ['5,9'], alien: wave, alien_left: wave })
  })

  it('shoots upward, once in five steps; a hit gives 1 and removes both', () => {
    const env = at('space_invaders', { aliens: plane('5,7', '0,0'), move_timer: 9 })
    expect(env.step(fire).reward).toBe(0)
    expect(cells(env, 'friendly_bullet')).toEqual(['5,8'])
    expect(env.step(fire)).toMatchObject({ reward: 1, terminated: false })
    expect(board(env)).toEqual({ cannon: ['5,9'], alien: ['0,0'], alien_left: ['0,0'] })
    for (let t = 0; t < 3; t++) env.step(noop)
    env.step(fire)
    expect(cells(env, 'friendly_bullet')).toEqual(['5,8'])
  })

  it('moves the aliens sideways, and down and about at the edge', () => {
    const env = at('space_invaders', { aliens: plane('1,2', '3,4'), move_timer: 0 })
    env.step(noop)
    expect(board(env)).toMatchObject({ alien: ['0,2', '2,4'], alien_left: ['0,2', '2,4'] })
    // Two are left: they move every second step.
    expect(env.game.state['move_timer']).toBe(1)
    env.step(noop)
    env.step(noop)
    expect(board(env)).toMatchObject({ alien: ['0,3', '2,5'], alien_right: ['0,3', '2,5'] })
    env.step(noop)
    env.step(noop)
    expect(cells(env, 'alien')).toEqual(['1,3', '3,5'])
  })

  it('ends when an alien or a bullet reaches the cannon, or an alien the ground', () => {
    const bullet = at('space_invaders', { enemy_bullets: plane('5,8') })
    expect(bullet.step(noop)).toMatchObject({ reward: 0, terminated: true })
    const dodged = at('space_invaders', { enemy_bullets: plane('5,8') })
    expect(dodged.step(left).terminated).toBe(false)
    const alien = at('space_invaders', { aliens: plane('6,9', '0,0'), dir: -1, move_timer: 0, cannon_x: 6 })
    expect(alien.step(noop).terminated).toBe(true)
    const ground = at('space_invaders', { aliens: plane('0,9'), dir: -1, move_timer: 0 })
    expect(ground.step(noop).terminated).toBe(true)
  })

  it('lets the lowest alien of the nearest column shoot, the left one of two', () => {
    const env = at('space_invaders', {
      aliens: plane('4,1', '4,3', '6,5'),
      alien_shot_timer: 0,
      move_timer: 9,
    })
    env.step(noop)
    expect(cells(env, 'enemy_bullet')).toEqual(['4,3'])
    expect(env.game.state['alien_shot_timer']).toBe(9)
    env.step(noop)
    expect(cells(env, 'enemy_bullet')).toEqual(['4,4'])
  })

  it('sends a quicker wave after the last alien, down to 6 steps, and no quicker one without ramping', () => {
    const last = { aliens: plane('5,7'), friendly_bullets: plane('5,8'), move_timer: 9 }
    const env = at('space_invaders', { ...last })
    expect(env.step(noop).reward).toBe(1)
    expect(cells(env, 'alien')).toHaveLength(24)
    expect(env.game.state).toMatchObject({ move_interval: 11, ramp_level: 1 })
    const quickest = at('space_invaders', {
      ...last,
      aliens: plane('5,7'),
      friendly_bullets: plane('5,8'),
      move_interval: 6,
    })
    quickest.step(noop)
    expect(quickest.game.state['move_interval']).toBe(6)
    const even = at(
      'space_invaders',
      { ...last, aliens: plane('5,7'), friendly_bullets: plane('5,8') },
      { difficulty_ramping: false },
    )
    even.step(noop)
    expect(even.game.state['move_interval']).toBe(12)
  })
})
