import { describe, expect, it } from 'vitest'
import {
  BipedalWalkerWorld,
  type Draws,
  generateTerrain,
  LunarLanderContinuousEnv,
  LunarLanderEnv,
  type LunarLanderOptions,
  LunarLanderWorld,
  lunarLanderHeuristic,
} from '../../../ding/envs/index.js'

const SCALE = 30
const STEP = 14 / SCALE
/** Height of the pad and of the walker's start. */
const GROUND = 400 / SCALE / 4

/** Draws that are all in the middle of their bounds, so that nothing is random. */
const MIDDLE: Draws = {
  uniform: (low, high) => (low + high) / 2,
  integer: (low, high) => Math.floor((low + high) / 2),
}

/** Draws of a small generator. */
function draws(seed: number): Draws {
  let state = seed * 2654435761 + 1
  const unit = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return {
    uniform: (low, high) => low + (high - low) * unit(),
    integer: (low, high) => low + Math.floor((high - low) * unit()),
  }
}

const CALM: LunarLanderOptions = {
  continuous: false,
  gravity: -10,
  enable_wind: false,
  wind_power: 15,
  turbulence_power: 1.5,
}

function shaping(obs: readonly number[]): number {
  const [x, y, vx, vy, angle, , left, right] = obs as number[]
  return -100 * (Math.hypot(x!, y!) + Math.hypot(vx!, vy!) + Math.abs(angle!)) + 10 * (left! + right!)
}

function place(world: LunarLanderWorld, x: number, y: number): void {
  const { lander } = world.bodies
  const dx = x - lander.getPosition().x
  const dy = y - lander.getPosition().y
  for (const body of Object.values(world.bodies)) {
    const p = body.getPosition()
    body.setTransform({ x: p.x + dx, y: p.y + dy }, body.getAngle())
  }
}

describe('lunar lander', () => {
  it('observes what Gymnasium does, in its units', () => {
    const world = new LunarLanderWorld(CALM, MIDDLE)
    const { lander } = world.bodies
    lander.setTransform({ x: 12, y: 9 }, 0.3)
    lander.setLinearVelocity({ x: 0, y: 0 })
    const [x, y] = world.step([0]).obs
    const { obs } = world.step([0])
    const p = lander.getPosition()
    const v = lander.getLinearVelocity()
    expect(obs).toEqual([
      (p.x - 10) / 10,
      (p.y - (GROUND + 18 / SCALE)) / (20 / 3),
      (v.x * 10) / 50,
      (v.y * (20 / 3)) / 50,
      lander.getAngle(),
      (20 * lander.getAngularVelocity()) / 50,
      0,
      0,
    ])
    expect(x).toBeGreaterThan(0.1)
    expect(y).toBeGreaterThan(0.5)
  })

  it('pays for the change of the potential, less the fuel', () => {
    for (const [action, fuel] of [
      [0, 0],
      [1, 0.03],
      [2, 0.3],
      [3, 0.03],
    ] as const) {
      const world = new LunarLanderWorld(CALM, draws(3))
      let before = world.observation
      for (let t = 0; t < 20; t++) {
        const { obs, reward } = world.step([action])
        expect(reward).toBeCloseTo(shaping(obs) - shaping(before) - fuel, 9)
        before = obs
      }
    }
  })

  it('continuous throttles: off below, 50 to 100 % above, fuel in proportion', () => {
    const speedUp = (action: [number, number]) => {
      const world = new LunarLanderWorld({ ...CALM, continuous: true }, MIDDLE)
      const before = world.observation
      const vy = world.bodies.lander.getLinearVelocity().y
      const spin = world.bodies.lander.getAngularVelocity()
      const { obs, reward } = world.step(action)
      const { lander } = world.bodies
      return {
        fuel: shaping(obs) - shaping(before) - reward,
        up: lander.getLinearVelocity().y - vy,
        spin: lander.getAngularVelocity() - spin,
      }
    }
    expect(speedUp([0, 0.5]).fuel).toBeCloseTo(0, 9)
    expect(speedUp([-1, -0.5]).fuel).toBeCloseTo(0, 9)
    expect(speedUp([1, 0]).fuel).toBeCloseTo(0.3, 9)
    expect(speedUp([0.2, 0]).fuel).toBeCloseTo(0.3 * 0.6, 9)
    expect(speedUp([0, 0.8]).fuel).toBeCloseTo(0.03 * 0.8, 9)
    expect(speedUp([7, -7]).fuel).toBeCloseTo(0.33, 9)
    expect(speedUp([1, 0]).up).toBeGreaterThan(speedUp([0.2, 0]).up + 0.05)
    expect(speedUp([0.2, 0]).up).toBeGreaterThan(speedUp([0, 0]).up + 0.1)
    expect(speedUp([0, 1]).spin).toBeLessThan(-0.01)
    expect(speedUp([0, -1]).spin).toBeGreaterThan(0.01)
  })

  it('discrete engines are the throttles at their ends', () => {
    const end = (continuous: boolean, action: number[]) => {
      const world = new LunarLanderWorld({ ...CALM, continuous }, draws(8))
      for (let t = 0; t < 10; t++) world.step(action)
      return world.observation
    }
    expect(end(false, [1])).toEqual(end(true, [0, -1]))
    expect(end(false, [2])).toEqual(end(true, [1, 0]))
    expect(end(false, [3])).toEqual(end(true, [0, 1]))
  })

  it('gravity is that of the config', () => {
    const drop = (gravity: number) => {
      const world = new LunarLanderWorld({ ...CALM, gravity }, MIDDLE)
      const before = world.bodies.lander.getLinearVelocity().y
      for (let t = 0; t < 10; t++) world.step([0])
      return world.bodies.lander.getLinearVelocity().y - before
    }
    expect(drop(-10)).toBeCloseTo(-2, 1)
    expect(drop(-2)).toBeCloseTo(-0.4, 1)
  })

  it('a crash and leaving at a side cost 100, coming to rest pays 100', () => {
    const crash = new LunarLanderWorld(CALM, MIDDLE)
    crash.bodies.lander.setTransform({ x: 10, y: GROUND + 0.2 }, Math.PI)
    let step = crash.step([0])
    for (let t = 0; t < 20 && !step.terminated; t++) step = crash.step([0])
    expect(step).toMatchObject({ reward: -100, terminated: true })

    const away = new LunarLanderWorld(CALM, MIDDLE)
    place(away, 20.01, 10)
    expect(away.step([0])).toMatchObject({ reward: -100, terminated: true })
    const inside = new LunarLanderWorld(CALM, MIDDLE)
    place(inside, 19.8, 10)
    expect(inside.step([0]).terminated).toBe(false)

    const landed = new LunarLanderWorld(CALM, MIDDLE)
    const rewards: number[] = []
    step = landed.step([0])
    for (let t = 0; t < 400 && !step.terminated; t++) {
      step = landed.step([lunarLanderHeuristic(step.obs, false)])
      rewards.push(step.reward)
    }
    expect(step).toMatchObject({ reward: 100, terminated: true })
    expect(step.obs.slice(6)).toEqual([1, 1])
    expect(landed.bodies.lander.isAwake()).toBe(false)
    // Half a second of rest before it sleeps.
    for (const reward of rewards.slice(-20, -1)) expect(Math.abs(reward)).toBeLessThan(1)
  })

  it('the surface is flat between the flags and smooth of up to 6.6 m elsewhere', () => {
    const heights: number[] = []
    for (let seed = 1; seed < 60; seed++) {
      const { surface, helipad } = new LunarLanderWorld(CALM, draws(seed))
      expect(surface).toHaveLength(11)
      expect(helipad).toEqual({ x1: 8, x2: 12, y: GROUND })
      for (const i of [4, 5, 6]) expect(surface[i]![1]).toBeCloseTo(0.99 * GROUND, 12)
      surface.forEach(([x, y], i) => {
        expect(x).toBeCloseTo(2 * i, 12)
        heights.push(y)
      })
    }
    expect(Math.min(...heights)).toBeGreaterThan(0)
    expect(Math.max(...heights)).toBeLessThan(0.99 * 2 * GROUND)
    expect(Math.max(...heights)).toBeGreaterThan(5)
  })

  it('starts with a push of up to 1000 N for one step', () => {
    const speeds = Array.from({ length: 200 }, (_, seed) => {
      const env = new LunarLanderEnv()
      const [, , vx] = env.reset({ seed })
      return vx! / (10 / 50)
    })
    // 1000 N for 0.02 s on a hull of 4.8 kg, of which the legs, 0.14 kg, take a little.
    expect(Math.max(...speeds)).toBeGreaterThan(3.8)
    expect(Math.max(...speeds)).toBeLessThan(4.2)
    expect(Math.min(...speeds)).toBeLessThan(-3.8)
    const mean = speeds.reduce((sum, v) => sum + v, 0) / speeds.length
    expect(Math.abs(mean)).toBeLessThan(0.6)
  })

  describe('wind', () => {
    const windy = (extra: Partial<LunarLanderOptions>, source = draws(5)) =>
      new LunarLanderWorld({ ...CALM, enable_wind: true, ...extra }, source)
    const drift = (world: LunarLanderWorld, steps = 40) => {
      const { lander } = world.bodies
      const v = lander.getLinearVelocity().x
      for (let t = 0; t < steps; t++) world.step([0])
      return lander.getLinearVelocity().x - v
    }

    it('pushes as tanh(sin(2 k t) + sin(pi k t)) says, k = 0.01', () => {
      const world = windy({ turbulence_power: 0 }, MIDDLE)
      const mass = Object.values(world.bodies).reduce((sum, body) => sum + body.getMass(), 0)
      // The middle of [-9999, 9999) is 0, and the reset did a step already.
      let expected = 0
      for (let t = 1; t <= 40; t++)
        expected += (15 * Math.tanh(Math.sin(0.02 * t) + Math.sin(Math.PI * 0.01 * t))) / mass / 50
      expect(drift(world)).toBeCloseTo(expected, 1)
      expect(drift(windy({ wind_power: 0, turbulence_power: 0 }, MIDDLE))).toBeCloseTo(0, 1)
    })

    it('turbulence turns', () => {
      const spin = (turbulence_power: number) => {
        const world = windy({ wind_power: 0, turbulence_power }, MIDDLE)
        for (let t = 0; t < 20; t++) world.step([0])
        return world.bodies.lander.getAngularVelocity()
      }
      expect(spin(2)).toBeGreaterThan(spin(0) + 0.02)
    })

    it('starts anew at each reset, and rests while a leg stands', () => {
      const env = new LunarLanderContinuousEnv({ enable_wind: true, wind_power: 20 })
      expect(env.reset({ seed: 3 })).toEqual(env.reset({ seed: 3 }))
      const world = windy({ wind_power: 1000, turbulence_power: 0 }, MIDDLE)
      world.contacts.touching[0] = true
      expect(Math.abs(drift(world, 5))).toBeLessThan(0.1)
    })
  })
})

describe('bipedal walker', () => {
  it('starts flat, then the ground waves gently', () => {
    for (let seed = 1; seed < 20; seed++) {
      const { ground, obstacles } = generateTerrain(false, draws(seed))
      expect(ground).toHaveLength(200)
      expect(obstacles).toHaveLength(0)
      for (let i = 0; i <= 20; i++) expect(ground[i]!).toEqual([i * STEP, GROUND])
      const slopes = ground.slice(1).map(([, y], i) => Math.abs(y - ground[i]![1]))
      expect(Math.max(...slopes)).toBeGreaterThan(0.02)
      expect(Math.max(...slopes)).toBeLessThan(0.2)
      for (const [, y] of ground) expect(Math.abs(y - GROUND)).toBeLessThan(2)
    }
  })

  it('hardcore has stumps of 1 or 2, pits of 3 or 4 and stairs of 3 or 4 steps, between grass', () => {
    const sizes = new Set<number>()
    for (let seed = 1; seed < 60; seed++) {
      const { ground, obstacles } = generateTerrain(true, draws(seed))
      expect(ground).toHaveLength(200)
      for (let i = 0; i < 19; i++) expect(ground[i]![1]).toBe(GROUND)
      for (const corners of obstacles) {
        const xs = corners.map(([x]) => x / STEP)
        const ys = corners.map(([, y]) => y / STEP)
        const width = Math.max(...xs) - Math.min(...xs)
        const height = Math.max(...ys) - Math.min(...ys)
        sizes.add(Math.round(width) * 10 + Math.round(height))
        expect(width).toBeCloseTo(Math.round(width), 6)
        expect(height).toBeCloseTo(Math.round(height), 6)
      }
    }
    // Width and height in points of the ground: stumps 1x1 and 2x2, sides of pits 1x4, steps of stairs 4x1.
    expect([...sizes].sort((a, b) => a - b)).toEqual([11, 14, 22, 41])
  })

  it('lidar: ten rays of 160 pixels from straight down to forward', () => {
    const world = new BipedalWalkerWorld(false, MIDDLE)
    const { obs } = world.step([0, 0, 0, 0])
    const { y } = world.bodies.hull.getPosition()
    const rays = obs.slice(14)
    rays.forEach((part, i) => {
      const down = Math.cos(0.15 * i) * (160 / SCALE)
      expect(part).toBeCloseTo(Math.min(1, (y - GROUND) / down), 6)
    })
    expect(rays[0]).toBeLessThan(0.6)
    expect(rays[9]).toBe(1)
  })

  it('pays 130 per 30 m and 5 per rad, less 0.028 for each full torque', () => {
    const world = new BipedalWalkerWorld(false, draws(2))
    let { x } = world.bodies.hull.getPosition()
    let tilt = Math.abs(world.observation[0]!)
    for (let t = 0; t < 25; t++) {
      const action = [0.5, -1, 0.25, 3]
      const { obs, reward } = world.step(action)
      const now = world.bodies.hull.getPosition().x
      const expected = (130 * (now - x)) / 30 - 5 * (Math.abs(obs[0]!) - tilt) - 0.028 * 2.75
      expect(reward).toBeCloseTo(expected, 9)
      x = now
      tilt = Math.abs(obs[0]!)
    }
  })

  it('observes hull, hips, knees and contacts in Gymnasium order and units', () => {
    const world = new BipedalWalkerWorld(false, draws(2))
    const { obs } = world.step([0.3, -0.4, 0.5, 0.6])
    const { hull, leg0, lower0, leg1, lower1 } = world.bodies
    const v = hull.getLinearVelocity()
    expect(obs.slice(0, 4)).toEqual([
      hull.getAngle(),
      (2 * hull.getAngularVelocity()) / 50,
      (0.3 * v.x * 20) / 50,
      (0.3 * v.y * (400 / SCALE)) / 50,
    ])
    // Joint angles count from the pose in which the legs were hung: turned by -0.05 and 0.05, knees straight.
    for (const [at, upper, lower, turned] of [
      [4, leg0, lower0, -0.05],
      [9, leg1, lower1, 0.05],
    ] as const) {
      expect(obs[at]).toBeCloseTo(upper.getAngle() - hull.getAngle() - turned, 9)
      expect(obs[at + 1]).toBeCloseTo((upper.getAngularVelocity() - hull.getAngularVelocity()) / 4, 9)
      expect(obs[at + 2]).toBeCloseTo(lower.getAngle() - upper.getAngle() + 1, 9)
      expect(obs[at + 3]).toBeCloseTo((lower.getAngularVelocity() - upper.getAngularVelocity()) / 6, 9)
      expect([0, 1]).toContain(obs[at + 4])
    }
    expect(obs[8]! + obs[13]!).toBeGreaterThan(0)
  })

  it('falling and walking back off the start cost 100; the end of the ground ends without', () => {
    const shift = (world: BipedalWalkerWorld, x: number, y: number) => {
      const from = { ...world.bodies.hull.getPosition() }
      for (const body of Object.values(world.bodies)) {
        const p = body.getPosition()
        body.setTransform({ x: p.x - from.x + x, y: p.y - from.y + y }, body.getAngle())
      }
    }
    const fall = new BipedalWalkerWorld(false, MIDDLE)
    fall.bodies.hull.setTransform({ x: 5, y: 4.5 }, Math.PI)
    let step = fall.step([0, 0, 0, 0])
    for (let t = 0; t < 60 && !step.terminated; t++) step = fall.step([0, 0, 0, 0])
    expect(step).toMatchObject({ reward: -100, terminated: true })

    const back = new BipedalWalkerWorld(false, MIDDLE)
    shift(back, -0.1, 8)
    expect(back.step([0, 0, 0, 0])).toMatchObject({ reward: -100, terminated: true })

    const end = new BipedalWalkerWorld(false, MIDDLE)
    shift(end, 190 * STEP - 0.05, 8)
    expect(end.step([0, 0, 0, 0]).terminated).toBe(false)
    shift(end, 190 * STEP + 0.05, 8)
    step = end.step([0, 0, 0, 0])
    expect(step.terminated).toBe(true)
    expect(step.reward).toBeGreaterThan(-1)
  })

  it('motors turn in the direction of the sign, the knees within their limits', () => {
    const world = new BipedalWalkerWorld(false, draws(4))
    const hull = world.bodies.hull
    for (const body of Object.values(world.bodies)) {
      const p = body.getPosition()
      body.setTransform({ x: p.x, y: p.y + 6 }, body.getAngle())
    }
    for (let t = 0; t < 12; t++) world.step([1, -1, -1, 1])
    const [hip0, knee0, hip1, knee1] = [4, 6, 9, 11].map((i) => world.observation[i]!)
    expect(hip0).toBeGreaterThan(0.3)
    expect(hip1).toBeLessThan(-0.3)
    expect(knee0).toBeLessThan(knee1!)
    expect(knee0! - 1).toBeGreaterThan(-1.7)
    expect(knee1! - 1).toBeLessThan(0)
    expect(hull.getPosition().y).toBeGreaterThan(8)
  })
})
