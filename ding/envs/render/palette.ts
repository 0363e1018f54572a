export type Rgb = readonly [red: number, green: number, blue: number]

/** Squared distance of two colors that are told apart at a glance. */
const FAR = 3 * 14 ** 2
/** Share of a picture's pixels that may be shown that wrongly. */
const TOLERATED = 0.0005
const UNKNOWN = -1
/** Steps of 255 by which a color may be off before a pixel is drawn anew: slow changes of light cost most of a file's size. */
const UNSEEN = 7

/** The colors of an animation, and which of them is nearest to any other. Pixels are words of a frame's four bytes. */
export class Palette {
  private readonly nearest = new Int16Array(1 << 18).fill(UNKNOWN)
  private readonly wrong = new Uint8Array(1 << 18)

  /** @param local whether it differs from the first of the file, and is to be written with each frame */
  constructor(
    readonly colors: readonly Rgb[],
    readonly local: boolean,
  ) {}

  /** `known` colors and those of the pixels, in order of appearance, where these are at most `limit`. */
  static exact(pixels: Uint32Array, limit: number, known: readonly Rgb[] = []): Rgb[] | undefined {
    const seen = new Set(known.map((color) => wordOf(color) & 0xffffff))
    let last = -1
    for (const word of pixels) {
      if (word === last) continue
      last = word
      seen.add(word & 0xffffff)
      if (seen.size > limit) return undefined
    }
    return [...seen].map((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255])
  }

  /** Whether nearly all pixels that are to be drawn anew look right in these colors. */
  suits(pixels: Uint32Array, shown: Uint32Array): boolean {
    let bad = 0
    for (let i = 0; i < pixels.length; i++) {
      const word = pixels[i]!
      if (same(word, shown[i])) continue
      this.indexOf(word)
      bad += this.wrong[bucketOf(word)]!
    }
    return bad <= TOLERATED * pixels.length
  }

  /**
   * The index of each pixel's color, and `clear` where what is shown will do. `shown` becomes what is on display after this.
   * @param first nothing is on display yet
   */
  indicesOf(pixels: Uint32Array, shown: Uint32Array, clear: number, first: boolean): Uint8Array {
    const indices = new Uint8Array(pixels.length)
    let last = -1
    let index = 0
    let color = 0
    for (let i = 0; i < pixels.length; i++) {
      const word = pixels[i]!
      if (!first && same(word, shown[i])) {
        indices[i] = clear
        continue
      }
      if (word !== last) {
        last = word
        index = this.indexOf(word)
        color = wordOf(this.colors[index]!)
      }
      indices[i] = index
      shown[i] = color
    }
    return indices
  }

  private indexOf(word: number): number {
    const bucket = bucketOf(word)
    const known = this.nearest[bucket]!
    if (known !== UNKNOWN) return known
    const [red, green, blue] = [word & 255, (word >> 8) & 255, (word >> 16) & 255]
    let best = 0
    let least = Infinity
    for (const [i, [r, g, b]] of this.colors.entries()) {
      const away = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2
      if (away >= least) continue
      least = away
      best = i
    }
    this.nearest[bucket] = best
    this.wrong[bucket] = least > FAR ? 1 : 0
    return best
  }
}

function wordOf([red, green, blue]: Rgb): number {
  return (red | (green << 8) | (blue << 16) | (255 << 24)) >>> 0
}

/** Whether two pixels look the same. */
function same(a: number, b: number | undefined): boolean {
  if (a === b) return true
  if (b === undefined) return false
  return (
    Math.abs((a & 255) - (b & 255)) <= UNSEEN &&
    Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)) <= UNSEEN &&
    Math.abs(((a >> 16) & 255) - ((b >> 16) & 255)) <= UNSEEN
  )
}

/** Six bits of each color: what falls together cannot be told apart by eye. */
function bucketOf(word: number): number {
  return ((word >> 2) & 63) | (((word >> 10) & 63) << 6) | (((word >> 18) & 63) << 12)
}
