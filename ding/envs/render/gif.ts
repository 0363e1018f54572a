import { createRequire } from 'node:module'
import { EnvError, writeFileAtomic } from '../../utils/index.js'
import { Palette, type Rgb } from './palette.js'
import type { Frame } from './types.js'

interface GifFrameOptions {
  readonly palette?: readonly Rgb[]
  readonly delay: number
  readonly transparent: boolean
  readonly transparentIndex: number
  readonly dispose: number
  readonly colorDepth: number
  readonly repeat: number
}

interface GifEncoder {
  writeFrame(indices: Uint8Array, width: number, height: number, options: GifFrameOptions): void
  finish(): void
  bytesView(): Uint8Array
}

interface Gifenc {
  GIFEncoder(): GifEncoder
  quantize(rgba: Uint8Array, colors: number): Rgb[]
}

let loaded: Gifenc | undefined

/** The package, loaded by the first animation: nothing else needs it. */
function gifenc(): Gifenc {
  loaded ??= createRequire(import.meta.url)('gifenc') as Gifenc
  return loaded
}

/** Colors of a palette; one index beside them stays free for pixels that do not change. More make files larger, not better. */
const COLORS = 127
/** Disposal method 1: what is drawn stays for the next picture to change. */
const KEEP = 1
/** Hundredths of a second; shorter ones are slowed down to 0.1 s by browsers. */
const SHORTEST = 2

export interface GifOptions {
  /** Pictures a second; default 25. At most 50 can be shown. */
  readonly fps?: number
  /** How often the animation is played again; 0 (default): for ever, -1: not at all. */
  readonly repeat?: number
}

/**
 * Writes an animated GIF. The palette is made of the first frame and made anew where a frame has colors that it cannot show;
 * of each further frame only the pixels that change are stored. Nothing is on the disk before `finish`.
 */
export class GifWriter {
  private readonly encoder = gifenc().GIFEncoder()
  private readonly seconds: number
  private readonly repeat: number
  private palette: Palette | undefined
  private width = 0
  private height = 0
  /** The pixels on display, as words of four bytes. */
  private shown: Uint32Array = new Uint32Array(0)
  private count = 0
  /** Time of the frames so far, as asked and as written in hundredths of a second. */
  private asked = 0
  private written = 0
  private done = false

  /** @throws EnvError when `fps` is not a positive number */
  constructor(
    readonly path: string,
    options: GifOptions = {},
  ) {
    const { fps = 25, repeat = 0 } = options
    if (!(fps > 0 && Number.isFinite(fps))) {
      throw new EnvError(`An animation of ${fps} pictures a second cannot be made; fps must be above 0`)
    }
    this.seconds = 1 / fps
    this.repeat = repeat
  }

  get frames(): number {
    return this.count
  }

  /**
   * Adds a picture that is shown for `seconds`, default 1 / fps.
   * @throws EnvError when its size is not that of the first, or the file is finished
   */
  add(frame: Frame, seconds: number = this.seconds): void {
    if (this.done) throw new EnvError(`${this.path} is finished; start another GifWriter`)
    const { width, height } = frame
    if (this.count === 0) {
      this.width = width
      this.height = height
    } else if (width !== this.width || height !== this.height) {
      throw new EnvError(
        `${this.path}: picture ${this.count} is ${width} x ${height}, the first was ${this.width} x ${this.height}`,
      )
    }
    const pixels = wordsOf(frame.data)
    const first = this.count === 0
    const fresh = this.fit(frame, pixels)
    const palette = this.palette as Palette
    const clear = palette.colors.length
    if (first) this.shown = new Uint32Array(pixels.length)
    const indices = palette.indicesOf(pixels, this.shown, clear, first)
    // The clear index lies one past the colors, so the table needs an entry for it.
    const table = [...palette.colors, [0, 0, 0] as Rgb]
    this.encoder.writeFrame(indices, width, height, {
      ...(fresh || palette.local ? { palette: table } : {}),
      delay: this.delay(seconds),
      transparent: !first,
      transparentIndex: clear,
      dispose: KEEP,
      colorDepth: Math.max(2, Math.ceil(Math.log2(table.length))),
      repeat: this.repeat,
    })
    this.count++
  }

  /** Writes the file, whole or not at all, and returns its size in bytes. @throws EnvError without a frame */
  finish(): number {
    const bytes = this.encode()
    writeFileAtomic(this.path, bytes)
    return bytes.length
  }

  /** The bytes of the file, in place of `finish`. @throws EnvError without a frame */
  encode(): Uint8Array {
    if (this.count === 0) throw new EnvError(`${this.path}: an animation needs at least one picture`)
    if (!this.done) this.encoder.finish()
    this.done = true
    return this.encoder.bytesView()
  }

  /** Sees to a palette that can show the frame; true when it is a new one. */
  private fit(frame: Frame, pixels: Uint32Array): boolean {
    if (this.palette?.suits(pixels, this.shown) === true) return false
    const before = this.palette
    const colors =
      Palette.exact(pixels, COLORS, before?.colors) ??
      Palette.exact(pixels, COLORS) ??
      gifenc().quantize(frame.data, COLORS)
    this.palette = new Palette(colors, before !== undefined)
    return true
  }

  /** Milliseconds in whole hundredths of a second, so that the sum of all keeps to what was asked. */
  private delay(seconds: number): number {
    this.asked += seconds * 100
    const hundredths = Math.max(SHORTEST, Math.round(this.asked - this.written))
    this.written += hundredths
    return hundredths * 10
  }
}

function wordsOf(data: Uint8Array): Uint32Array {
  // A copy: the frame may be painted on again, and its bytes need not start at a multiple of four.
  return new Uint32Array(data.slice().buffer)
}
