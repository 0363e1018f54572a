import { describe, expect, it } from 'vitest'
import {
  BipedalWalkerEnv,
  BipedalWalkerHardcoreEnv,
  LunarLanderEnv,
  paintScene,
  type Scene2D,
} from '../../../ding/envs/index.js'

const SCALE = 30

describe('pictures of the Box2D envs', () => {
  it('of the lander: moon, hull, legs, flags, and a flame while an engine fires', () => {
    const env = new LunarLanderEnv()
    expect(() => env.render()).toThrow(/nothing to show before its first episode: call reset\(\) first/)
    env.reset({ seed: 0 })
    expect(() => env.render({ sise: 50 } as never)).toThrow(/render has no option "sise".*"size"/)
    env.step(0)
    const still = env.scene() as Scene2D
    expect(still.view).toEqual([0, 0, 20, 400 / SCALE])
    env.step(2)
    expect((env.scene() as Scene2D).shapes).toHaveLength(still.shapes.length + 1)
    const hull = still.shapes.find((s) => s.type === 'polygon' && s.points.length === 6)
    expect(hull).toBeDefined()
    const { width, height, data } = paintScene(still, { size: 300 })
    expect([width, height]).toEqual([300, 200])
    const pixel = (x: number, y: number) =>
      Array.from(data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3))
    expect(pixel(150, 195)).toEqual([255, 255, 255])
    expect(pixel(5, 5)).toEqual([0, 0, 0])
  })

  it('of the walker: the window follows it, and holds what is near', () => {
    const env = new BipedalWalkerHardcoreEnv()
    env.reset({ seed: 1 })
    const { view, shapes } = env.scene() as Scene2D
    expect(view[0]).toBeCloseTo(env.episode!.bodies.hull.getPosition().x - 4, 9)
    expect(view[2] - view[0]).toBeCloseTo(20, 9)
    expect(shapes.length).toBeGreaterThan(60)
    expect(shapes.length).toBeLessThan(250)
    expect(env.render({ size: 120 })).toMatchObject({ width: 120, height: 80 })
    const even = new BipedalWalkerEnv()
    even.reset({ seed: 1 })
    expect(even.render({ size: 120 }).data).not.toEqual(env.render({ size: 120 }).data)
  })
})
