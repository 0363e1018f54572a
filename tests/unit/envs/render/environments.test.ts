import { describe, expect, it } from 'vitest'
import {
  AcrobotEnv,
  BaseEnv,
  Box,
  CartPoleEnv,
  createEnv,
  Discrete,
  type Env,
  type Frame,
  FrozenLakeEnv,
  type LunarLanderEnv,
  loadMujoco,
  type MinAtarEnv,
  MountainCarEnv,
  type MujocoEnv,
  NotDrawnError,
  PendulumEnv,
  paintScene,
  type Scene,
  type Scene2D,
  TaxiEnv,
  wrapEnv,
} from '../../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../../ding/registry/index.js'
import { colorAt, count, expectOpaque, pixel } from './pixels.js'

const ORANGE = '#f08c3a'
const RED = '#d9534f'
const BLUE = '#3d7bd9'
const TEAL = '#2ba6a0'

async function made(type: string): Promise<Env> {
  const env = await createEnv({ type, cfg: {} })
  env.seed(5)
  await env.reset()
  return env
}

async function walk(env: Env, steps: number, each: () => void): Promise<unknown[]> {
  const log: unknown[] = []
  for (let k = 0; k < steps; k++) {
    each()
    const timestep = await env.step(env.random_action!())
    log.push(timestep)
    if (timestep.done) log.push(await env.reset())
  }
  return log
}

describe('every registered environment', () => {
  it.each(ENV_REGISTRY.query().filter((type) => type !== 'none'))(
    '%s draws itself, the same for the same state, and changes nothing by it',
    async (type) => {
      const [drawn, plain] = [await made(type), await made(type)]
      const frames: Frame[] = []
      const log = await walk(drawn, 4, () => frames.push(drawn.render!({ size: 48 })))
      expect(log).toEqual(await walk(plain, 4, () => {}))
      expect(await drawn.state_dict!()).toEqual(await plain.state_dict!())
      const [one, again] = [plain.render!({ size: 48 }), drawn.render!({ size: 48 })]
      expectOpaque(one)
      expect(one).toEqual(again)
      expect(Math.max(one.width, one.height)).toBe(48)
      const first = pixel(one, 0, 0)
      let others = 0
      for (let x = 0; x < one.width; x++)
        for (let y = 0; y < one.height; y++) if (pixel(one, x, y) !== first) others++
      expect(others).toBeGreaterThan(10)
      expect(drawn.render_fps).toBeGreaterThan(0)
      await drawn.close()
      await plain.close()
    },
  )
})

describe('classic control', () => {
  const at = (env: { scene(): Scene; render(): Frame }, x: number, y: number): string =>
    colorAt(env.render(), env.scene() as Scene2D, x, y)

  it('CartPole: the cart stands at its position, the pole leans to the right for a positive angle', () => {
    const env = new CartPoleEnv()
    env.setState([1, 0, 0.2, 0])
    expect(at(env, 1.2, 0.05)).toBe('#2f3b4c')
    expect(at(env, -1, 0.1)).not.toBe('#2f3b4c')
    const tip = (angle: number) => [1 + 0.95 * Math.sin(angle), 0.1 + 0.95 * Math.cos(angle)] as const
    expect(at(env, ...tip(0.2))).toBe(ORANGE)
    expect(at(env, ...tip(-0.2))).not.toBe(ORANGE)
    expect(env.render_fps).toBe(50)
  })

  it('Pendulum: upright at 0, to the left at a quarter turn', () => {
    const env = new PendulumEnv()
    for (const [theta, x, y] of [
      [0, 0, 0.9],
      [Math.PI / 2, -0.9, 0],
      [Math.PI, 0, -0.9],
      [-Math.PI / 2, 0.9, 0],
    ] as const) {
      env.setState([theta, 0])
      expect(at(env, x, y), `at ${theta}`).toBe(RED)
      expect(at(env, -x, -y)).not.toBe(RED)
    }
  })

  it('Acrobot: hangs at 0, the second angle counts from the first', () => {
    const env = new AcrobotEnv()
    env.setState([0, 0, 0, 0])
    expect(at(env, 0, -0.5)).toBe(BLUE)
    expect(at(env, 0, -1.5)).toBe(TEAL)
    env.setState([Math.PI / 2, Math.PI / 2, 0, 0])
    expect(at(env, 0.5, 0)).toBe(BLUE)
    expect(at(env, 1, 0.5)).toBe(TEAL)
  })

  it('MountainCar: the car is on the hill at its position', () => {
    const env = new MountainCarEnv()
    for (const position of [-1, -0.5, 0.3]) {
      env.setState([position, 0])
      const slope = Math.atan(1.35 * Math.cos(3 * position))
      const height = 0.45 * Math.sin(3 * position) + 0.55
      const above = [position - 0.07 * Math.sin(slope), height + 0.07 * Math.cos(slope)] as const
      expect(at(env, ...above), `at ${position}`).toBe(BLUE)
    }
  })
})

describe('grids', () => {
  it('FrozenLake: the walker is on its cell, holes are where the map has them', async () => {
    const env = new FrozenLakeEnv({ is_slippery: false })
    env.reset({ seed: 0 })
    env.step(1)
    const scene = env.scene() as Scene2D
    expect(colorAt(env.render(), scene, 0.5, -1.75)).toBe(RED)
    expect(colorAt(env.render(), scene, 0.5, -0.75)).not.toBe(RED)
    expect(colorAt(env.render(), scene, 1.5, -1.5)).toBe(BLUE)
    expect(scene.view).toEqual([0, -4, 4, 0])
  })

  it('Taxi: the taxi is where the state says', () => {
    const env = new TaxiEnv({ one_hot: false })
    for (const seed of [1, 2, 3]) {
      const state = env.reset({ seed }) as number
      const row = Math.floor(state / 100)
      const column = Math.floor(state / 20) % 5
      expect(colorAt(env.render(), env.scene() as Scene2D, column + 0.5, -row - 0.55)).toBe(ORANGE)
    }
  })

  it('MinAtar: a square for each piece', async () => {
    const env = (await made('MinAtar/Breakout-v1')) as MinAtarEnv
    const planes = env.observe()
    const frame = env.render({ size: 100 })
    const bricks = planes.subarray(300).reduce((sum, v) => sum + v, 0)
    expect(bricks).toBe(30)
    // 8.8 pixels wide and high each.
    expect(count(frame, (r, g, b) => r === 240 && g === 140 && b === 58)).toBe(bricks * 64)
  })
})

describe('MuJoCo', () => {
  it('HalfCheetah: the torso in front of the floor, wherever it has run to', async () => {
    const env = (await made('HalfCheetah-v5')) as MujocoEnv
    const golden = (r: number, g: number, b: number) => r > 1.2 * g && g > 1.5 * b
    const qpos = [0, 0, 0, 0, 0, 0, 0, 0, 0]
    env.setState(qpos, qpos)
    const here = env.render({ size: 200 })
    const torso = count(here, golden)
    expect(torso).toBeGreaterThan(200)
    // Ten metres further, whole chequers: the camera went along.
    env.setState([10, ...qpos.slice(1)], qpos)
    const there = env.render({ size: 200 })
    const changed = there.data.reduce((n, v, i) => n + (Math.abs(v - here.data[i]!) > 8 ? 1 : 0), 0)
    expect(changed).toBeLessThan(20)
    env.setState([0.25, ...qpos.slice(1)], qpos)
    expect(count(env.render({ size: 200 }), golden)).toBe(torso)
    expect(env.render_fps).toBe(20)
    env.close()
  })

  it('shows colors, materials, meshes and hidden geoms as the model has them', async () => {
    const mujoco = await loadMujoco()
    const { GeomScene, SIDE_VIEW } = await import('../../../../ding/envs/mujoco/geom_scene.js')
    const simulation = mujoco.simulate(`<mujoco>
      <asset>
        <material name="m" rgba="0 1 0 1"/>
        <mesh name="wedge" vertex="0 0 0  1 0 0  0 1 0  0 0 2"/>
      </asset>
      <worldbody>
        <geom type="plane" size="1 1 1"/>
        <body pos="0 0 1"><freejoint/>
          <geom type="sphere" size=".1" rgba="1 0 0 1"/>
          <geom type="box" size=".1 .2 .3" material="m"/>
          <geom type="mesh" mesh="wedge"/>
          <geom type="sphere" size=".1" group="3"/>
          <geom type="sphere" size=".1" rgba="1 0 0 0"/>
        </body>
      </worldbody></mujoco>`)
    simulation.forward()
    const { solids, camera } = new GeomScene(simulation).scene(SIDE_VIEW)
    expect(solids.map(({ type, color }) => [type, color])).toEqual([
      ['plane', '#8b97a5'],
      ['sphere', '#ff0000'],
      ['box', '#00ff00'],
      ['box', '#e3b04b'],
    ])
    expect(solids[1]?.position).toEqual([0, 0, 1])
    // The mesh as the box around it, whatever axes the compiler gave it.
    expect([...solids[3]!.size].sort()).toHaveLength(3)
    expect(solids[3]!.position.every(Number.isFinite)).toBe(true)
    expect(camera.look_at).toEqual([0, 0, 0.8])
    simulation.close()
  })
})

describe('Box2D', () => {
  it('LunarLander: the hull is where the physics has it', async () => {
    const env = (await made('lunarlander')) as LunarLanderEnv
    const place = () => env.episode!.bodies.lander.getPosition()
    while (place().y > 11) env.step(0)
    const { x, y } = place()
    const hull = '#8066e6'
    expect(colorAt(env.render(), env.scene() as Scene2D, x, y)).toBe(hull)
    expect(colorAt(env.render(), env.scene() as Scene2D, x, y - 4)).not.toBe(hull)
    env.close()
  })
})

describe('environments of your own', () => {
  class Bare extends BaseEnv<Float32Array, number> {
    readonly observation_space = new Box(0, 1, [1])
    readonly action_space = new Discrete(2)
    constructor() {
      super('Bare-v0', 3)
    }
    protected override begin() {
      return Float32Array.of(0)
    }
    protected override advance() {
      return { obs: Float32Array.of(0), reward: 1, terminated: false }
    }
  }

  it('that do not draw themselves say what is missing', () => {
    expect(() => new Bare().render()).toThrow(NotDrawnError)
    expect(() => new Bare().render()).toThrow(/Bare-v0 does not draw itself.*scene\(\).*render\(\)/)
  })

  it('need scene() alone, or render()', async () => {
    const scene: Scene2D = { view: [0, 0, 1, 1], background: '#123456', shapes: [] }
    const Drawn = class extends Bare {
      override scene() {
        return scene
      }
    }
    expect(pixel(new Drawn().render(), 3, 3)).toBe('#123456')
    const gym = {
      observation_space: new Box(0, 1, [1]),
      action_space: new Discrete(2),
      reset: () => [0],
      step: () => [[0], 1, false, false, {}],
    }
    expect(wrapEnv({ ...gym, scene: () => scene }).render!({ size: 20 }).width).toBe(20)
    const own = paintScene(scene, { size: 32 })
    expect(wrapEnv({ ...gym, render: () => own, render_fps: 7 })).toMatchObject({ render_fps: 7 })
    expect(wrapEnv({ ...gym, render: () => own }, { max_episode_steps: 3 }).render!()).toBe(own)
    expect(() => wrapEnv({ ...gym, render: () => 'ascii' }).render!()).toThrow(
      /returned .*expected a picture/,
    )
    expect(() => wrapEnv(gym).render!()).toThrow(NotDrawnError)
  })

  it('are seen through wrappers', async () => {
    const env = await createEnv({ type: 'pendulum', cfg: { env_wrapper: ['obs_norm'] } })
    await env.reset()
    expect(env.render!().width).toBe(400)
    expect(env.render_fps).toBe(30)
  })
})
