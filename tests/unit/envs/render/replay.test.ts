import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  BaseEnv,
  Box,
  baseEnvConfig,
  CartPoleEnv,
  createEnv,
  createEnvManager,
  Discrete,
  FrozenLakeEnv,
  PendulumEnv,
  replayOptions,
  resolveConfig,
  wrapEnv,
} from '../../../../ding/envs/index.js'
import { temporaryFolder } from '../../../fixtures/configs.js'
import { decodeGif } from './gif_decoder.js'

function play(env: CartPoleEnv | PendulumEnv, seed: number, steps = Infinity): unknown[] {
  const log: unknown[] = [env.reset({ seed })]
  for (let k = 0; k < steps; k++) {
    const timestep = env.step(env.random_action() as never)
    log.push(timestep)
    if (timestep.done) break
  }
  return log
}

const gifOf = (folder: string, name: string) => decodeGif(readFileSync(join(folder, name)))

describe('enable_save_replay', () => {
  it('writes an animation beside the JSON, at real speed, without a change to the episode', () => {
    const folder = join(temporaryFolder(), 'new')
    const [recorded, plain] = [new CartPoleEnv(), new CartPoleEnv()]
    recorded.enable_save_replay(folder)
    const log = play(recorded, 4)
    expect(log).toEqual(play(plain, 4))
    expect(recorded.state_dict()).toEqual(plain.state_dict())
    expect(readdirSync(folder).sort()).toEqual(['CartPole-v0_episode_0.gif', 'CartPole-v0_episode_0.json'])
    const { length } = JSON.parse(readFileSync(join(folder, 'CartPole-v0_episode_0.json'), 'utf8'))
    const gif = gifOf(folder, 'CartPole-v0_episode_0.gif')
    expect([gif.width, gif.height, gif.complete]).toEqual([400, 208, true])
    // Every second of 50 steps a second: the first, each second step, and the last in any case.
    expect(gif.frames).toHaveLength(1 + Math.floor(length / 2) + (length % 2))
    expect(gif.frames.slice(0, -1).every(({ delay }) => delay === 4)).toBe(true)
    expect(gif.frames.at(-1)?.delay).toBe(100)
    // The last picture is that of the last state.
    const last = gif.frames.at(-1)!.data
    const off = recorded.render().data.map((v, i) => Math.abs(v - last[i]!))
    expect(off.reduce((most, v) => Math.max(most, v))).toBeLessThan(30)
    expect(off.reduce((sum, v) => sum + v) / off.length).toBeLessThan(0.05)
  })

  it('takes size and frame_skip, and goes without animations', () => {
    const folder = temporaryFolder()
    const env = new PendulumEnv({ max_episode_steps: 9 })
    env.enable_save_replay(folder, { size: 64, frame_skip: 4 })
    play(env, 1)
    const gif = gifOf(folder, 'Pendulum-v1_episode_0.gif')
    expect([gif.width, gif.frames.length]).toEqual([64, 4])
    env.enable_save_replay(folder, { gif: false })
    play(env, 1)
    expect(readdirSync(folder).sort()).toEqual([
      'Pendulum-v1_episode_0.gif',
      'Pendulum-v1_episode_0.json',
      'Pendulum-v1_episode_1.json',
    ])
    expect(() => env.enable_save_replay(folder, { frame_skip: 0 })).toThrow(/frame_skip is 0/)
  })

  it('cuts an endless episode after max_frames pictures, says so once, and holds nothing more of it', async () => {
    const folder = temporaryFolder()
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const env = new PendulumEnv({ max_episode_steps: 1000 })
    env.enable_save_replay(folder, { size: 32, frame_skip: 3, max_frames: 5 })
    const render = vi.spyOn(env, 'render')
    play(env, 1, 11)
    expect(readdirSync(folder)).toEqual([])
    env.step(Float32Array.of(0))
    expect(readdirSync(folder).sort()).toEqual(['Pendulum-v1_episode_0.gif', 'Pendulum-v1_episode_0.json'])
    play(env, 2)
    expect(render).toHaveBeenCalledTimes(10)
    // An episode of just so many pictures is whole.
    const short = new PendulumEnv({ max_episode_steps: 12 })
    short.enable_save_replay(folder, { size: 32, frame_skip: 3, max_frames: 5 })
    play(short, 1)
    const endless = new PendulumEnv({ max_episode_steps: 1000 })
    endless.enable_save_replay(folder, { gif: false, frame_skip: 3, max_frames: null })
    play(endless, 1)
    const facts = [0, 1, 2, 3].map((n) => {
      const episode = JSON.parse(readFileSync(join(folder, `Pendulum-v1_episode_${n}.json`), 'utf8'))
      const { length, cut, truncated, obs, actions, rewards } = episode
      return [
        length,
        cut,
        truncated,
        episode.eval_episode_return === null,
        obs.length,
        actions.length,
        rewards.length,
      ]
    })
    expect(facts).toEqual([
      [12, true, false, true, 13, 12, 12],
      [12, true, false, true, 13, 12, 12],
      [12, false, true, false, 13, 12, 12],
      [1000, false, true, false, 1001, 1000, 1000],
    ])
    for (const n of [0, 1, 2]) {
      const gif = gifOf(folder, `Pendulum-v1_episode_${n}.gif`)
      expect([gif.frames.length, gif.complete, gif.frames.at(-1)!.delay]).toEqual([5, true, 100])
    }
    await new Promise(setImmediate)
    process.off('warning', listen)
    expect(warnings.map(({ name }) => name)).toEqual(['ReplayWarning'])
    expect(warnings[0]!.message).toMatch(/end after 5 pictures \(12 steps\).*env\.replay_max_frames/)
    expect(() => env.enable_save_replay(folder, { max_frames: 1 })).toThrow(/max_frames is 1/)
    expect(() => env.enable_save_replay(folder, { format: 'mp4' } as never)).toThrow(/has no option "format"/)
  })

  it('is told the limit by env.replay_max_frames, 2000 by default', () => {
    expect(replayOptions(resolveConfig(baseEnvConfig, {}, 'env'))).toMatchObject({ max_frames: 2000 })
    expect(replayOptions({ replay_max_frames: null })).toEqual({ max_frames: null })
    expect(() => resolveConfig(baseEnvConfig, { replay_max_frames: 1 }, 'env')).toThrow(/at least 2/)
    const folder = temporaryFolder()
    const env = new PendulumEnv({ max_episode_steps: 2001 })
    env.enable_save_replay(folder, { gif: false, frame_skip: 1 })
    play(env, 1)
    expect(JSON.parse(readFileSync(join(folder, 'Pendulum-v1_episode_0.json'), 'utf8'))).toMatchObject({
      length: 1999,
      cut: true,
    })
  })

  it('leaves nothing of an episode that does not end, and starts with the next one', () => {
    const folder = temporaryFolder()
    const env = new PendulumEnv({ max_episode_steps: 5 })
    play(env, 1, 2)
    env.enable_save_replay(folder)
    for (let k = 0; k < 3; k++) env.step(Float32Array.of(0))
    expect(readdirSync(folder)).toEqual([])
    play(env, 1, 3)
    play(env, 2)
    play(env, 3, 4)
    env.close()
    expect(readdirSync(folder).sort()).toEqual(['Pendulum-v1_episode_0.gif', 'Pendulum-v1_episode_0.json'])
    expect(gifOf(folder, 'Pendulum-v1_episode_0.gif').frames.length).toBeGreaterThan(2)
  })

  it('overwrites nothing: neither files that are there nor those that another env is writing', () => {
    const folder = temporaryFolder()
    for (const name of [
      'Pendulum-v1_episode_0.gif',
      'Pendulum-v1_episode_1.json',
      '.Pendulum-v1_episode_2.claim',
    ])
      writeFileSync(join(folder, name), 'mine')
    const env = new PendulumEnv({ max_episode_steps: 2 })
    env.enable_save_replay(folder)
    play(env, 1)
    const files = readdirSync(folder).sort()
    expect(files).toEqual([
      '.Pendulum-v1_episode_2.claim',
      'Pendulum-v1_episode_0.gif',
      'Pendulum-v1_episode_1.json',
      'Pendulum-v1_episode_3.gif',
      'Pendulum-v1_episode_3.json',
    ])
    expect(files.slice(0, 3).map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual([
      'mine',
      'mine',
      'mine',
    ])
  })

  it('leaves no claim behind when the disk refuses', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'Pendulum-v1_episode_0.json.d'))
    writeFileSync(join(folder, 'file'), '')
    const env = new PendulumEnv({ max_episode_steps: 1 })
    env.enable_save_replay(join(folder, 'file'))
    env.reset()
    expect(() => env.step(Float32Array.of(0))).toThrow(/EEXIST|ENOTDIR/)
  })

  it('makes file names of any id, also of an env that does not draw itself', async () => {
    const folder = temporaryFolder()
    const game = await createEnv({ type: 'MinAtar/Freeway-v1', cfg: { max_episode_steps: 3 } })
    await game.enable_save_replay!(folder, { size: 50 })
    await game.reset()
    for (let k = 0; k < 3; k++) await game.step(0)
    class Bare extends BaseEnv<Float32Array, number> {
      readonly observation_space = new Box(0, 1, [1])
      readonly action_space = new Discrete(2)
      protected override begin() {
        return Float32Array.of(0)
      }
      protected override advance() {
        return { obs: Float32Array.of(0), reward: 1, terminated: true }
      }
    }
    const bare = new Bare('a/b')
    bare.enable_save_replay(folder)
    bare.reset()
    bare.step(0)
    expect(readdirSync(folder).sort()).toEqual([
      'MinAtar_Freeway-v1_episode_0.gif',
      'MinAtar_Freeway-v1_episode_0.json',
      'a_b_episode_1.json',
    ])
    const [first, , , last] = gifOf(folder, 'MinAtar_Freeway-v1_episode_0.gif').frames
    expect(first!.delay).toBe(7)
    expect(last!.delay).toBe(100)
  })

  it('ends with an episode that a wrapper around the env cuts', async () => {
    const folder = temporaryFolder()
    const env_wrapper = [{ type: 'time_limit', max_episode_steps: 3 }, 'frame_stack']
    const env = await createEnv({ type: 'pendulum', cfg: { env_wrapper } })
    await env.enable_save_replay!(folder, { size: 32, frame_skip: 2 })
    for (let episode = 0; episode < 2; episode++) {
      await env.reset()
      for (let k = 0; k < 3; k++) await env.step(Float32Array.of(0))
    }
    for (const n of [0, 1]) {
      const episode = JSON.parse(readFileSync(join(folder, `Pendulum-v1_episode_${n}.json`), 'utf8'))
      expect(episode).toMatchObject({ length: 3, cut: false, terminated: false, truncated: true })
      expect(episode.eval_episode_return).toBeLessThan(0)
      const { frames } = gifOf(folder, `Pendulum-v1_episode_${n}.gif`)
      expect([frames.length, frames.at(-1)?.delay]).toEqual([3, 100])
    }
  })

  it('records what wrapEnv made, cut by its time limit', async () => {
    const folder = temporaryFolder()
    const lake = new FrozenLakeEnv()
    const env = wrapEnv(
      {
        observation_space: lake.observation_space,
        action_space: lake.action_space,
        reset: (options) => lake.reset(options),
        step: () => [Array.from(lake.reset() as Float32Array), 0.5, false, false, {}],
        scene: () => lake.scene()!,
        render_fps: 2,
      },
      { env_id: 'Mine-v0', max_episode_steps: 4 },
    )
    await env.enable_save_replay!(folder, { size: 40 })
    await env.reset()
    for (let k = 0; k < 4; k++) await env.step(0)
    expect(readdirSync(folder).sort()).toEqual(['Mine-v0_episode_0.gif', 'Mine-v0_episode_0.json'])
    const episode = JSON.parse(readFileSync(join(folder, 'Mine-v0_episode_0.json'), 'utf8'))
    expect(episode).toMatchObject({ length: 4, truncated: true, eval_episode_return: 2 })
    expect(gifOf(folder, 'Mine-v0_episode_0.gif').frames.map(({ delay }) => delay)).toEqual([
      50, 50, 50, 50, 100,
    ])
  })
})

describe('env managers', () => {
  it.each(['base', 'subprocess'])('%s: each episode of each env has files of its own', async (type) => {
    const folder = temporaryFolder()
    const source = { type: 'pendulum', cfg: { max_episode_steps: 4 } }
    const manager = createEnvManager({ type, ...(type === 'base' ? {} : { env_num_per_worker: 1 }) }, [
      source,
      source,
      source,
    ])
    manager.seed(0)
    await manager.enable_save_replay(folder, { size: 32, frame_skip: 1 })
    await manager.launch()
    for (let k = 0; k < 9; k++) await manager.step(await manager.random_action())
    await manager.close()
    const files = readdirSync(folder).sort()
    expect(files).toHaveLength(12)
    expect(files.filter((name) => name.endsWith('.gif'))).toHaveLength(6)
    for (const name of files.filter((each) => each.endsWith('.gif'))) {
      const gif = gifOf(folder, name)
      expect([gif.width, gif.frames.length, gif.complete]).toEqual([32, 5, true])
      expect(files).toContain(name.replace('.gif', '.json'))
    }
  })
})
