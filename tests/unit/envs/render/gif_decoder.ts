/** A decoded animation; pictures as they are on display, four bytes a pixel. */
export interface DecodedGif {
  width: number
  height: number
  /** How often it is played again; 0 for ever, undefined: not at all. */
  repeat: number | undefined
  frames: { delay: number; data: Uint8Array; local: boolean }[]
  /** Whether the file ends where its trailer says. */
  complete: boolean
}

/** Reads GIF89a without interlacing, written from its specification to check what the encoder makes. */
export function decodeGif(bytes: Uint8Array): DecodedGif {
  let at = 0
  const byte = (): number => bytes[at++]!
  const word = (): number => byte() + 256 * byte()
  const take = (n: number): Uint8Array => {
    at += n
    return bytes.subarray(at - n, at)
  }
  if (String.fromCharCode(...take(6)) !== 'GIF89a') throw new Error('no GIF89a header')
  const width = word()
  const height = word()
  const flags = byte()
  at += 2
  const table = (size: number): Uint8Array => take(3 << size)
  const globalColors = flags & 0x80 ? table((flags & 7) + 1) : new Uint8Array()
  const canvas = new Uint8Array(width * height * 4)
  const gif: DecodedGif = { width, height, repeat: undefined, frames: [], complete: false }
  let delay = 0
  let clear = -1
  const blocks = (): Uint8Array => {
    const parts: number[] = []
    for (let size = byte(); size > 0; size = byte()) for (let i = 0; i < size; i++) parts.push(byte())
    return Uint8Array.from(parts)
  }
  for (;;) {
    const kind = byte()
    if (kind === 0x3b) {
      gif.complete = at === bytes.length
      return gif
    }
    if (kind === 0x21) {
      const label = byte()
      const data = blocks()
      if (label === 0xf9) {
        clear = data[0]! & 1 ? data[3]! : -1
        delay = data[1]! + 256 * data[2]!
        if ((data[0]! >> 2) % 8 > 1) throw new Error('a disposal that this decoder does not do')
      } else if (label === 0xff) gif.repeat = data[12]! + 256 * data[13]!
    } else if (kind === 0x2c) {
      const [left, top, w, h] = [word(), word(), word(), word()]
      const own = byte()
      const colors = own & 0x80 ? table((own & 7) + 1) : globalColors
      const indices = lzw(byte(), blocks(), w * h)
      for (let i = 0; i < w * h; i++) {
        if (indices[i] === clear) continue
        const to = 4 * ((top + Math.floor(i / w)) * width + left + (i % w))
        for (let c = 0; c < 3; c++) canvas[to + c] = colors[3 * indices[i]! + c]!
        canvas[to + 3] = 255
      }
      gif.frames.push({ delay, data: canvas.slice(), local: (own & 0x80) !== 0 })
    } else throw new Error(`an unknown block ${kind} at ${at - 1}`)
  }
}

function lzw(bits: number, data: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(count)
  const clear = 1 << bits
  let words: number[][] = []
  const reset = (): void => {
    words = Array.from({ length: clear + 2 }, (_, i) => [i])
  }
  reset()
  let size = bits + 1
  let position = 0
  let length = 0
  let before: number[] | undefined
  for (;;) {
    let code = 0
    for (let i = 0; i < size; i++, position++) code |= ((data[position >> 3]! >> (position & 7)) & 1) << i
    if (code === clear) {
      reset()
      size = bits + 1
      before = undefined
      continue
    }
    if (code === clear + 1 || position > 8 * data.length) break
    const word = words[code] ?? [...before!, before![0]!]
    if (before !== undefined && words.length < 4096) words.push([...before, word[0]!])
    for (const index of word) out[length++] = index
    before = word
    if (words.length === 1 << size && size < 12) size++
  }
  if (length !== count) throw new Error(`the picture has ${length} pixels, expected ${count}`)
  return out
}
