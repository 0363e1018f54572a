import { COLORS } from '../render/colors.js'
import { rectangle } from '../render/shapes.js'
import type { Color, Scene2D, Shape } from '../render/types.js'
import { CELLS, SIDE } from './game.js'

/** What the planes of the games show. */
const PIECES: Readonly<Record<string, Color>> = {
  player: COLORS.green,
  paddle: COLORS.green,
  chicken: COLORS.gold,
  cannon: COLORS.green,
  sub_front: COLORS.green,
  sub_back: '#347d56',
  ball: COLORS.paper,
  trail: '#4a5a70',
  brick: COLORS.orange,
  enemy: COLORS.red,
  gold: COLORS.gold,
  car: COLORS.red,
  speed1: '#3a4a66',
  speed2: '#3f5378',
  speed3: '#445c8a',
  speed4: '#49659c',
  speed5: '#4e6eae',
  friendly_bullet: COLORS.paper,
  enemy_bullet: COLORS.gold,
  enemy_fish: COLORS.orange,
  enemy_sub: COLORS.red,
  oxygen_gauge: COLORS.sky,
  diver_gauge: COLORS.teal,
  diver: COLORS.teal,
  alien: COLORS.violet,
}
/** Planes that say more about a piece of another plane, as which way it goes. */
const HINTS: ReadonlySet<string> = new Set(['alien_left', 'alien_right'])
const GAP = 0.06

/** A board of MinAtar from its planes [channels, 10, 10]; where two pieces share a cell, the one of the later plane is seen. */
export function boardScene(channels: readonly string[], planes: Uint8Array): Scene2D {
  const shapes: Shape[] = []
  for (const [channel, name] of channels.entries()) {
    if (HINTS.has(name)) continue
    // What a thing leaves behind lies under everything.
    const under = name === 'trail'
    const cells: Shape[] = []
    for (let i = 0; i < CELLS; i++) {
      if (planes[channel * CELLS + i] === 0) continue
      const x = i % SIDE
      const y = SIDE - 1 - Math.floor(i / SIDE)
      cells.push(rectangle(x + GAP, y + GAP, x + 1 - GAP, y + 1 - GAP, PIECES[name] ?? COLORS.grey))
    }
    if (under) shapes.unshift(...cells)
    else shapes.push(...cells)
  }
  return { view: [0, 0, SIDE, SIDE], background: '#1d2634', shapes }
}
