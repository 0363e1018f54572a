import { expect } from 'vitest'
import type { Frame, Scene2D } from '../../../../ding/envs/index.js'

/** `#rrggbb` of a pixel. */
export function pixel({ width, height, data }: Frame, column: number, row: number): string {
  if (column < 0 || row < 0 || column >= width || row >= height) throw new Error('beside the picture')
  const at = 4 * (Math.floor(row) * width + Math.floor(column))
  return `#${[...data.subarray(at, at + 3)].map((v) => v.toString(16).padStart(2, '0')).join('')}`
}

/** The color at a place of the world of a flat scene. */
export function colorAt(frame: Frame, { view }: Scene2D, x: number, y: number): string {
  const [left, bottom, right, top] = view
  return pixel(
    frame,
    ((x - left) / (right - left)) * frame.width,
    ((top - y) / (top - bottom)) * frame.height,
  )
}

/** How many pixels a test holds for. */
export function count(frame: Frame, test: (red: number, green: number, blue: number) => boolean): number {
  let n = 0
  for (let at = 0; at < frame.data.length; at += 4) {
    if (test(frame.data[at]!, frame.data[at + 1]!, frame.data[at + 2]!)) n++
  }
  return n
}

export function expectOpaque(frame: Frame): void {
  expect(frame.data).toHaveLength(frame.width * frame.height * 4)
  for (let at = 3; at < frame.data.length; at += 4) if (frame.data[at] !== 255) expect(at).toBe('opaque')
}
