import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { createEnv, type Frame, GifWriter, paintScene, writePng } from '../../../../ding/envs/index.js'
import { temporaryFolder } from '../../../fixtures/configs.js'
import { decodeGif } from './gif_decoder.js'

const disc = (x: number, fill: `#${string}`): Frame =>
  paintScene(
    {
      view: [0, 0, 4, 3],
      background: '#204060',
      shapes: [{ type: 'circle', center: [x, 1.5], radius: 1, fill }],
    },
    { size: 48 },
  )

/** Greatest difference of two pictures in any byte. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length)
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0)
}

describe('writePng', () => {
  it('writes what another reader gets back to the byte', async () => {
    const path = join(temporaryFolder(), 'new', 'disc.png')
    const frame = disc(2, '#ffcc00')
    await writePng(path, frame)
    const { width, height, channels, data } = decode(readFileSync(path))
    expect([width, height, channels]).toEqual([48, 36, 4])
    expect(difference(data as Uint8Array, frame.data)).toBe(0)
    expect(readdirSync(join(path, '..'))).toEqual(['disc.png'])
  })
})

describe('GifWriter', () => {
  it('writes all pictures, their times, and endless repetition', () => {
    const path = join(temporaryFolder(), 'disc.gif')
    const frames = [1, 1.5, 2, 2, 3].map((x) => disc(x, '#ffcc00'))
    const gif = new GifWriter(path, { fps: 30 })
    for (const frame of frames) gif.add(frame)
    expect(existsSync(path)).toBe(false)
    const size = gif.finish()
    const bytes = readFileSync(path)
    expect(bytes).toHaveLength(size)
    const read = decodeGif(bytes)
    expect(read).toMatchObject({ width: 48, height: 36, repeat: 0, complete: true })
    // 3.33 hundredths of a second each: whole numbers that keep to the sum.
    expect(read.frames.map(({ delay }) => delay)).toEqual([3, 4, 3, 3, 4])
    for (const [i, frame] of frames.entries()) {
      expect(difference(read.frames[i]!.data, frame.data), `picture ${i}`).toBeLessThanOrEqual(7)
    }
    expect(read.frames.some(({ local }) => local)).toBe(false)
    expect(() => gif.add(frames[0]!)).toThrow(/finished/)
  })

  it('makes a new palette when new colors come, and keeps to it', () => {
    const frames = [disc(1, '#ffcc00'), disc(2, '#ff2040'), disc(3, '#ff2040')]
    const gif = new GifWriter('colors.gif')
    for (const frame of frames) gif.add(frame)
    const read = decodeGif(gif.encode())
    expect(read.frames.map(({ local }) => local)).toEqual([false, true, true])
    for (const [i, frame] of frames.entries())
      expect(difference(read.frames[i]!.data, frame.data)).toBeLessThanOrEqual(7)
  })

  it('comes close to pictures of many colors', async () => {
    const env = await createEnv({ type: 'HalfCheetah-v5', cfg: {} })
    env.seed(1)
    await env.reset()
    const gif = new GifWriter('cheetah.gif')
    const frames: Frame[] = []
    for (let k = 0; k < 4; k++) {
      const frame = env.render!({ size: 120 })
      frames.push(frame)
      gif.add(frame)
      await env.step(env.random_action!())
    }
    await env.close()
    const read = decodeGif(gif.encode())
    for (const [i, frame] of frames.entries()) {
      const off = read.frames[i]!.data.reduce((sum, v, at) => sum + Math.abs(v - frame.data[at]!), 0)
      expect(off / frame.data.length, `picture ${i}`).toBeLessThan(3)
    }
  })

  it('is deterministic', () => {
    const write = () => {
      const gif = new GifWriter('x.gif')
      for (const x of [1, 2, 3]) gif.add(disc(x, '#ffcc00'))
      return gif.encode()
    }
    expect(difference(write(), write())).toBe(0)
  })

  it('refuses what cannot be shown, and leaves an old file alone until it is done', () => {
    const path = join(temporaryFolder(), 'old.gif')
    writeFileSync(path, 'old')
    const gif = new GifWriter(path)
    expect(() => gif.finish()).toThrow(/at least one/)
    gif.add(disc(1, '#ffcc00'))
    expect(() => gif.add(paintScene({ view: [0, 0, 1, 1], shapes: [] }, { size: 48 }))).toThrow(
      /48 x 48.*48 x 36/,
    )
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(() => new GifWriter(path, { fps: 0 })).toThrow(/above 0/)
    gif.finish()
    expect(decodeGif(readFileSync(path)).frames).toHaveLength(1)
  })
})
