import { EnvError } from '../../utils/index.js'
import type { Frame } from './types.js'

/** Lines of samples in each row of pixels; along a line the cover of a pixel is exact. */
const LINES = 4

export type Rgba = readonly [red: number, green: number, blue: number, alpha: number]

const parsed = new Map<string, Rgba>()

/** The four bytes of `#rrggbb` or `#rrggbbaa`. @throws EnvError for anything else */
export function rgbaOf(color: string): Rgba {
  const known = parsed.get(color)
  if (known !== undefined) return known
  if (!/^#([0-9a-f]{6}|[0-9a-f]{8})$/i.test(color)) {
    throw new EnvError(`A color is "${color}", expected #rrggbb or #rrggbbaa in hexadecimal digits`)
  }
  const byte = (at: number): number => Number.parseInt(color.slice(at, at + 2), 16)
  const rgba: Rgba = [byte(1), byte(3), byte(5), color.length === 9 ? byte(7) : 255]
  parsed.set(color, rgba)
  return rgba
}

/** A picture to paint on, with smooth edges. */
export class Canvas implements Frame {
  readonly data: Uint8Array
  private readonly cover: Float64Array

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8Array(width * height * 4)
    // One more than there are pixels: a span may end at the right edge.
    this.cover = new Float64Array(width + 1)
  }

  clear(color: string): void {
    const [red, green, blue] = rgbaOf(color)
    for (let at = 0; at < this.data.length; at += 4) {
      this.data[at] = red
      this.data[at + 1] = green
      this.data[at + 2] = blue
      this.data[at + 3] = 255
    }
  }

  /**
   * Fills a polygon whose corners are in pixels, (0, 0) being the upper left corner of the picture: the parts that an odd number
   * of its edges encloses. What lies outside the picture is cut off.
   */
  fill(corners: ArrayLike<number>, color: string): void {
    const rgba = rgbaOf(color)
    const count = corners.length / 2
    let top = Infinity
    let bottom = -Infinity
    let left = Infinity
    let right = -Infinity
    for (let i = 0; i < count; i++) {
      left = Math.min(left, corners[2 * i]!)
      right = Math.max(right, corners[2 * i]!)
      top = Math.min(top, corners[2 * i + 1]!)
      bottom = Math.max(bottom, corners[2 * i + 1]!)
    }
    if (!(right > 0 && left < this.width)) return
    const first = Math.max(Math.floor(top), 0)
    const last = Math.min(Math.ceil(bottom), this.height) - 1
    const from = Math.max(Math.floor(left), 0)
    const to = Math.min(Math.ceil(right), this.width)
    for (let row = first; row <= last; row++) {
      this.cover.fill(0, from, to + 1)
      for (let line = 0; line < LINES; line++) this.addSpans(crossings(corners, row + (line + 0.5) / LINES))
      this.blend(row, from, to, rgba)
    }
  }

  private addSpans(xs: readonly number[]): void {
    const { cover, width } = this
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const start = Math.max(xs[i]!, 0)
      const end = Math.min(xs[i + 1]!, width)
      if (end <= start) continue
      const a = Math.floor(start)
      const b = Math.floor(end)
      if (a === b) {
        cover[a]! += end - start
      } else {
        cover[a]! += a + 1 - start
        for (let x = a + 1; x < b; x++) cover[x]! += 1
        cover[b]! += end - b
      }
    }
  }

  private blend(row: number, from: number, to: number, [red, green, blue, alpha]: Rgba): void {
    const { data, cover } = this
    for (let x = from; x < to; x++) {
      const share = (cover[x]! / LINES) * (alpha / 255)
      if (share <= 0) continue
      const at = 4 * (row * this.width + x)
      const part = Math.min(share, 1)
      data[at] = Math.round(data[at]! + (red - data[at]!) * part)
      data[at + 1] = Math.round(data[at + 1]! + (green - data[at + 1]!) * part)
      data[at + 2] = Math.round(data[at + 2]! + (blue - data[at + 2]!) * part)
    }
  }
}

/** Where the edges of a polygon cross the horizontal line at `y`, from left to right. */
function crossings(corners: ArrayLike<number>, y: number): number[] {
  const xs: number[] = []
  const length = corners.length
  let x0 = corners[length - 2]!
  let y0 = corners[length - 1]!
  for (let i = 0; i < length; i += 2) {
    const x1 = corners[i]!
    const y1 = corners[i + 1]!
    // The lower end belongs to an edge and the upper one does not, so that a corner counts once.
    if (y0 <= y !== y1 <= y) xs.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0))
    x0 = x1
    y0 = y1
  }
  return xs.length > 2 ? xs.sort((a, b) => a - b) : xs.length === 2 && xs[0]! > xs[1]! ? xs.reverse() : xs
}
