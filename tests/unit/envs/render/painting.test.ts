import { describe, expect, it } from 'vitest'
import { paintScene, type Scene3D, type Shape, type Solid } from '../../../../ding/envs/index.js'
import { EnvError } from '../../../../ding/utils/index.js'
import { count, expectOpaque, pixel } from './pixels.js'

const flat = (shapes: Shape[], size = 40) =>
  paintScene({ view: [0, 0, 4, 2], background: '#000000', shapes }, { size })
const white = (points: [number, number][]): Shape => ({ type: 'polygon', points, fill: '#ffffff' })

describe('flat scenes', () => {
  it('have the form of the view, y upwards, later shapes on top', () => {
    const frame = flat([
      white([
        [0, 1],
        [4, 1],
        [4, 2],
        [0, 2],
      ]),
      { type: 'circle', center: [3, 1.5], radius: 0.3, fill: '#ff0000' },
    ])
    expect([frame.width, frame.height]).toEqual([40, 20])
    expectOpaque(frame)
    expect(pixel(frame, 5, 2)).toBe('#ffffff')
    expect(pixel(frame, 5, 12)).toBe('#000000')
    expect(pixel(frame, 30, 5)).toBe('#ff0000')
    expect(pixel(frame, 30, 1)).toBe('#ffffff')
  })

  it('mix the colors of a pixel by how much of it is covered', () => {
    const frame = flat([
      white([
        [1.025, 0.5],
        [2, 0.5],
        [2, 1.5],
        [1.025, 1.5],
      ]),
    ])
    expect(pixel(frame, 10, 10)).toBe('#bfbfbf')
    expect(pixel(frame, 11, 10)).toBe('#ffffff')
    expect(pixel(frame, 9, 10)).toBe('#000000')
    const through = flat([
      { type: 'circle', center: [2, 1], radius: 9, fill: '#ffffff80' },
      { type: 'line', points: [[1, 1]], width: 1, color: '#ff0000' },
    ])
    expect(pixel(through, 3, 3)).toBe('#808080')
  })

  it('paint areas of the right size, dented ones too, and cut off what lies outside', () => {
    const light = (red: number) => red > 127
    const area = (shape: Shape) => count(flat([shape], 400), light) / 100 ** 2
    expect(area({ type: 'circle', center: [2, 1], radius: 0.8, fill: '#ffffff' })).toBeCloseTo(
      Math.PI * 0.64,
      2,
    )
    expect(
      area(
        white([
          [0, 0],
          [4, 0],
          [4, 2],
          [2, 1],
          [0, 2],
        ]),
      ),
    ).toBeCloseTo(6, 1)
    expect(
      area({
        type: 'line',
        points: [
          [1, 1],
          [3, 1],
        ],
        width: 0.5,
        color: '#ffffff',
      }),
    ).toBeCloseTo(1 + Math.PI * 0.0625, 2)
    expect(
      area(
        white([
          [-9, -9],
          [2, -9],
          [2, 9],
          [-9, 9],
        ]),
      ),
    ).toBeCloseTo(4, 2)
    expect(area({ type: 'circle', center: [-9, 1], radius: 2, fill: '#ffffff' })).toBe(0)
  })

  it('say what is wrong', () => {
    expect(() => paintScene({ view: [0, 0, 0, 1], shapes: [] })).toThrow(/view .*left < right/)
    expect(() => paintScene({ view: [0, 0, 1, 1], shapes: [] }, { size: 7.5 })).toThrow(/from 16 to 2048/)
    expect(() => flat([{ type: 'circle', center: [1, 1], radius: 1, fill: '#red' }])).toThrow(EnvError)
  })
})

const RED = '#ff0000'
const solid = (type: Solid['type'], size: Solid['size'], more: Partial<Solid> = {}): Solid => ({
  type,
  size,
  position: [0, 0, 0],
  color: RED,
  ...more,
})
/** From the side along y, far away, so that 100 pixels are one length in the middle. */
const before = (solids: Solid[], elevation = 0): Scene3D => ({
  camera: {
    look_at: [0, 0, 0],
    distance: 100,
    azimuth: 90,
    elevation,
    fov: (360 / Math.PI) * Math.atan(2 / 100),
  },
  solids,
  aspect: 1,
})
const seen = (solids: Solid[], elevation = 0) => paintScene(before(solids, elevation), { size: 400 })
/** Where red is more than half of the light. */
const reddish = (red: number, green: number, blue: number) => red > 2 * green && red > 2 * blue
const shown = (one: Solid, elevation = 0) => count(seen([one], elevation), reddish) / 100 ** 2

describe('spatial scenes', () => {
  it('show each solid in its outline', () => {
    expect(shown(solid('sphere', [0.8, 0, 0]))).toBeCloseTo(Math.PI * 0.64, 1)
    expect(shown(solid('capsule', [0.3, 0.9, 0]))).toBeCloseTo(0.6 * 1.8 + Math.PI * 0.09, 1)
    expect(shown(solid('cylinder', [0.4, 0.7, 0]))).toBeCloseTo(0.8 * 1.4, 1)
    expect(shown(solid('cylinder', [0.4, 0.7, 0]), -90)).toBeCloseTo(Math.PI * 0.16, 1)
    expect(shown(solid('box', [0.5, 0.2, 0.9]))).toBeCloseTo(1.8, 1)
    expect(shown(solid('ellipsoid', [0.9, 0.3, 0.5]))).toBeCloseTo(Math.PI * 0.45, 1)
  })

  it('turn and move them', () => {
    // A quarter turn around y lays what stood along z down along x.
    const lying = solid('box', [0.1, 0.1, 1], { rotation: [0, 0, 1, 0, 1, 0, -1, 0, 0], position: [0, 0, 1] })
    const frame = seen([lying])
    expect(reddish(...rgb(pixel(frame, 120, 100)))).toBe(true)
    expect(reddish(...rgb(pixel(frame, 200, 50)))).toBe(false)
    expect(reddish(...rgb(pixel(frame, 200, 200)))).toBe(false)
  })

  it('show what is in front, with light from above', () => {
    const near = solid('sphere', [0.5, 0, 0], { position: [0, -2, 0], color: '#00ff00' })
    const frame = seen([solid('sphere', [0.8, 0, 0]), near])
    expect(reddish(...rgb(pixel(frame, 200, 200)))).toBe(false)
    const [high, low] = [rgb(pixel(frame, 200, 160)), rgb(pixel(frame, 200, 240))]
    expect(high[1]).toBeGreaterThan(low[1] + 30)
    expect(reddish(...rgb(pixel(frame, 200, 130)))).toBe(true)
    expect(shown(solid('sphere', [0.8, 0, 0], { position: [0, -101, 0] }))).toBe(0)
  })

  it('show a floor of chequers with shadows, and the sky above the horizon', () => {
    const scene = (height: number): Scene3D => ({
      camera: { look_at: [0, 0, 0], distance: 5, azimuth: 90, elevation: -30 },
      solids: [solid('plane', [0, 0, 0]), solid('sphere', [0.5, 0, 0], { position: [0, 0, height] })],
      floor: { colors: ['#ffffff', '#000000'], tile: 1 },
    })
    const frame = paintScene(scene(9), { size: 400 })
    expect([frame.width, frame.height]).toEqual([400, 300])
    expectOpaque(frame)
    const [one, other] = [rgb(pixel(frame, 190, 160)), rgb(pixel(frame, 210, 160))]
    expect(Math.abs(one[0] - other[0])).toBeGreaterThan(150)
    const dark = (height: number) =>
      count(paintScene(scene(height), { size: 400 }), (r, g, b) => r === g && g === b && r > 150 && r < 190)
    expect(dark(1)).toBeGreaterThan(dark(30) + 300)
    const level = paintScene(
      { ...scene(9), camera: { ...scene(9).camera, elevation: 0, look_at: [0, 0, 1] } },
      { size: 400 },
    )
    const sky = rgb(pixel(level, 10, 10))
    expect(sky[2]).toBeGreaterThan(sky[0])
    expect(pixel(level, 10, 10)).toBe(pixel(level, 390, 10))
  })

  it('refuse a solid without a place', () => {
    expect(() => seen([solid('sphere', [1, 0, 0], { position: [Number.NaN, 0, 0] })])).toThrow(/sphere/)
    expect(() => seen([solid('box', [1, 1, 1], { rotation: [1] })])).toThrow(/nine/)
  })
})

function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
