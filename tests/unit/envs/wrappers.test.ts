import { describe, expect, it } from 'vitest'
import { scaleAction, unscaleAction } from '../../../ding/envs/act_scale.js'
import {
  ActionError,
  BaseEnv,
  Box,
  Dict,
  Discrete,
  type Env,
  type EnvTimestep,
  type EnvWrapper,
  type EnvWrapperSpec,
  type Obs,
  PendulumEnv,
  RunningMeanStd,
  type Space,
  type StepOutcome,
  wrapWith,
} from '../../../ding/envs/index.js'
import { ENV_WRAPPER_REGISTRY } from '../../../ding/registry/index.js'
import type { StateTree } from '../../../ding/utils/index.js'

/** Plays back given observations and rewards; ends with the list. */
class ScriptEnv extends BaseEnv {
  readonly action_space: Space
  readonly done: unknown[] = []
  private at = 0

  constructor(
    readonly observation_space: Space,
    private readonly script: { obs: Obs[]; rewards: number[] },
    actions: Space = new Discrete(3),
  ) {
    super('script')
    this.action_space = actions
  }

  protected override begin(): Obs {
    this.at = 0
    return this.script.obs[0]!
  }

  protected override advance(action: unknown): StepOutcome {
    this.done.push(action)
    this.at++
    const obs = this.script.obs[this.at % this.script.obs.length]!
    return {
      obs,
      reward: this.script.rewards[this.at - 1]!,
      terminated: this.at >= this.script.rewards.length,
    }
  }

  protected override saveState(): StateTree {
    return { at: this.at }
  }

  protected override restoreState(state: StateTree): void {
    this.at = Number(state['at'])
  }
}

const vectors = [0, 1, 2, 3, 4].map((v) => Float32Array.of(v, 10 * v))
const script = (rewards: number[]) => new ScriptEnv(new Box(-100, 100, [2]), { obs: vectors, rewards })

async function run(env: Env, steps: number): Promise<{ first: Obs; steps: EnvTimestep[] }> {
  const first = await env.reset()
  const out: EnvTimestep[] = []
  for (let t = 0; t < steps; t++) out.push(await env.step(0))
  return { first, steps: out }
}

async function rewards(spec: EnvWrapperSpec, given: number[]): Promise<number[]> {
  const { steps } = await run(wrapWith(script(given), spec), given.length)
  expect(steps.at(-1)?.info['eval_episode_return']).toBeCloseTo(
    given.reduce((a, b) => a + b, 0),
    10,
  )
  return steps.map((s) => s.reward)
}

describe('reward wrappers', () => {
  it('clip, scale and delay, and leave the evaluation return raw', async () => {
    expect(await rewards('clip_reward', [3, -2, 0])).toEqual([1, -1, 0])
    expect(await rewards({ type: 'clip_reward', min: -1, max: 2 }, [3, -2, 0.5])).toEqual([2, -1, 0.5])
    expect(await rewards({ type: 'scale_reward', scale: 2, shift: 1 }, [3, -2])).toEqual([7, -3])
    expect(await rewards({ type: 'delay_reward', delay_reward_step: 2 }, [1, 2, 3, 4, 5])).toEqual([
      0, 3, 0, 7, 5,
    ])
  })

  it('normalise by the deviation of the discounted return, over episodes', async () => {
    const given = [1, 5, -3, 2]
    const env = wrapWith(script(given), { type: 'reward_norm', reward_discount: 0.5, warmup: 2 })
    const seen: number[] = []
    const deviation = () => {
      const mean = seen.reduce((a, b) => a + b, 0) / seen.length
      return Math.sqrt(seen.reduce((a, b) => a + (b - mean) ** 2, 0) / seen.length) + 1e-4
    }
    for (let episode = 0; episode < 2; episode++) {
      const { steps } = await run(env, 4)
      let discounted = 0
      for (const [i, raw] of given.entries()) {
        discounted = discounted * 0.5 + raw
        seen.push(discounted)
        expect(steps[i]?.reward).toBeCloseTo(seen.length <= 2 ? raw : raw / deviation(), 8)
      }
    }
  })
})

describe('observation wrappers', () => {
  it('stack frames, newest last, each stack its own array', async () => {
    const env = wrapWith(script([1, 1, 1]), { type: 'frame_stack', n_frames: 3 })
    expect(env.observation_space.shape).toEqual([3, 2])
    const { first, steps } = await run(env, 2)
    expect(Array.from(first as Float32Array)).toEqual([0, 0, 0, 0, 0, 0])
    expect(steps.map((s) => Array.from(s.obs as Float32Array))).toEqual([
      [0, 0, 0, 0, 1, 10],
      [0, 0, 1, 10, 2, 20],
    ])
    expect(env.observation_space.contains(steps[1]?.obs)).toBe(true)
  })

  it('normalise, running and static', async () => {
    const running = wrapWith(script([1, 1, 1, 1]), { type: 'obs_norm', warmup: 2, clip: 1.2 })
    const { first, steps } = await run(running, 3)
    expect(first).toEqual(vectors[0])
    expect(steps[0]?.obs).toEqual(vectors[1])
    // Third of 0, 1, 2: mean 1, deviation sqrt(2/3); 1 / 0.8166 = 1.2247, cut at 1.2.
    expect(Array.from(steps[1]?.obs as Float32Array)).toEqual([Math.fround(1.2), Math.fround(1.2)])
    const frozen = wrapWith(script([1]), { type: 'static_obs_norm', mean: [1, 10], std: [2, 5] })
    expect(Array.from((await frozen.reset()) as Float32Array)).toEqual([-0.5, -2])
    expect(() => wrapWith(script([1]), { type: 'static_obs_norm', mean: [1], std: [2, 5] })).toThrow(
      /mean has 1 entries/,
    )
    expect(() => wrapWith(script([1]), { type: 'static_obs_norm', mean: [1, 1] })).toThrow(
      /needs a value for "std"/,
    )
  })

  it('normalise by given statistics that stay, with update false', async () => {
    const learned = wrapWith(script([1, 1, 1, 1]), { type: 'obs_norm', warmup: 0 })
    await run(learned, 3)
    const fixed = wrapWith(script([1, 1, 1, 1]), { type: 'obs_norm', warmup: 0, update: false })
    await fixed.load_state_dict?.((await learned.state_dict?.()) as StateTree)
    // Seen were 0, 1, 2 and 3, and ten times that.
    const normal = (v: number) =>
      Float32Array.of((v - 1.5) / (Math.sqrt(1.25) + 1e-4), (10 * v - 15) / (Math.sqrt(125) + 1e-4))
    for (let episode = 0; episode < 2; episode++) {
      const { first, steps } = await run(fixed, 2)
      expect([first, ...steps.map(({ obs }) => obs)]).toEqual([normal(0), normal(1), normal(2)])
    }
  })

  it('scale and transpose images', async () => {
    const image = Uint8Array.from({ length: 12 }, (_, i) => i)
    const make = () => new ScriptEnv(new Box(0, 255, [2, 2, 3], 'uint8'), { obs: [image], rewards: [1] })
    const chw = wrapWith(make(), 'obs_transpose')
    expect(chw.observation_space.shape).toEqual([3, 2, 2])
    expect(Array.from((await chw.reset()) as Uint8Array)).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    const scaled = wrapWith(make(), 'scaled_float_frame')
    expect(((await scaled.reset()) as Float32Array)[11]).toBeCloseTo(11 / 255)
    expect(() => wrapWith(script([1]), 'obs_transpose')).toThrow(/"obs_transpose": it needs images/)
  })

  it('transpose the images of a Dict, and nothing else of it', async () => {
    const pixels = Uint8Array.from({ length: 24 }, (_, i) => i)
    const image = (shape: number[]) => new Box(0, 255, shape, 'uint8')
    const rest = { map: new Box(0, 1, [4, 3, 2]), speed: new Box(-1, 1, [2]) }
    const values = { map: new Float32Array(24), speed: Float32Array.of(1, -1) }
    const make = (spaces: Record<string, Space>, obs: Obs) =>
      new ScriptEnv(new Dict(spaces), { obs: [obs], rewards: [1, 1] })
    const nested = { near: image([4, 3, 2]) }
    const inner = { camera: pixels, eyes: { near: pixels }, ...values }
    const env = make({ camera: image([4, 3, 2]), eyes: new Dict(nested), ...rest }, inner)
    const chw = wrapWith(env, 'obs_transpose')
    const eyes = new Dict({ near: image([2, 4, 3]) })
    expect(chw.observation_space).toEqual(new Dict({ camera: image([2, 4, 3]), eyes, ...rest }))
    const moved = Uint8Array.from([
      ...pixels.filter((v) => v % 2 === 0),
      ...pixels.filter((v) => v % 2 === 1),
    ])
    const expected = { camera: moved, eyes: { near: moved }, ...values }
    expect(await chw.reset()).toEqual(expected)
    expect((await chw.step(0)).obs).toEqual(expected)
    expect(inner.camera).toEqual(Uint8Array.from({ length: 24 }, (_, i) => i))
    expect(() => wrapWith(make(rest, values), 'obs_transpose')).toThrow(/needs images among the entries/)
    const left = wrapWith(make(rest, values), { type: 'obs_transpose', skip: true })
    expect(left.observation_space).toBe((left as EnvWrapper).env.observation_space)
    expect(await left.reset()).toEqual(values)
  })

  it('add the action and the reward that led to the observation', async () => {
    const env = wrapWith(script([7, 8]), 'obs_plus_prev_action_reward')
    const { first, steps } = await run(env, 1)
    expect(first).toEqual({ obs: vectors[0], prev_action: -1, prev_reward_extrinsic: Float32Array.of(0) })
    expect(steps[0]?.obs).toEqual({
      obs: vectors[1],
      prev_action: 0,
      prev_reward_extrinsic: Float32Array.of(7),
    })
    expect(env.observation_space.explain(first)).toBeNull()
    const appended = await run(wrapWith(script([7, 8]), 'reward_in_obs'), 1)
    expect(Array.from(appended.steps[0]?.obs as Float32Array)).toEqual([1, 10, 7])
  })

  it('flatten records', async () => {
    const space = new Dict({ a: new Discrete(2), b: new Box(0, 1, [1]) })
    const env = new ScriptEnv(space, { obs: [{ a: 1, b: Float32Array.of(0.5) }], rewards: [1] })
    const flat = wrapWith(env, 'flatten_observation')
    expect(Array.from((await flat.reset()) as Float32Array)).toEqual([0, 1, 0.5])
    expect(() => wrapWith(new ScriptEnv(space, { obs: [], rewards: [] }), 'frame_stack')).toThrow(
      /"frame_stack" works on Box/,
    )
  })
})

describe('episode wrappers', () => {
  it('time_limit truncates with the raw return', async () => {
    const { steps } = await run(
      wrapWith(script([1, 2, 4, 8]), { type: 'time_limit', max_episode_steps: 3 }),
      3,
    )
    expect(steps.map((s) => [s.truncated, s.terminated, s.done])).toEqual([
      [false, false, false],
      [false, false, false],
      [true, false, true],
    ])
    expect(steps[2]?.info['eval_episode_return']).toBe(7)
    const both = await run(wrapWith(script([1, 2]), { type: 'time_limit', max_episode_steps: 2 }), 2)
    expect(both.steps[1]).toMatchObject({ terminated: true, truncated: true })
  })

  it('action_repeat and max_and_skip add up rewards and stop at the end', async () => {
    const inner = script([1, 2, 4, 8, 16])
    const { steps } = await run(wrapWith(inner, { type: 'action_repeat', action_repeat: 3 }), 2)
    expect(steps.map((s) => s.reward)).toEqual([7, 24])
    expect(inner.done).toHaveLength(5)
    const skipped = await run(wrapWith(script([1, 2, 4, 8, 16]), { type: 'max_and_skip', skip: 5 }), 1)
    expect(skipped.steps[0]).toMatchObject({ reward: 31, done: true, obs: vectors[4] })
    const short = script([1, 2])
    const ended = await run(wrapWith(short, { type: 'max_and_skip', skip: 5 }), 1)
    expect(ended.steps[0]).toMatchObject({ reward: 3, done: true })
    expect(short.done).toHaveLength(2)
  })

  it('noop_reset starts with 1 to noop_max no-ops, by its own seed', async () => {
    const counts = new Set<number>()
    const inner = script(Array(99).fill(1))
    const env = wrapWith(inner, { type: 'noop_reset', noop_max: 4, noop_action: 2 })
    env.seed(1)
    for (let k = 0; k < 40; k++) {
      inner.done.length = 0
      await env.reset()
      counts.add(inner.done.length)
      expect(inner.done.every((action) => action === 2)).toBe(true)
    }
    expect([...counts].sort()).toEqual([1, 2, 3, 4])
    expect(() => wrapWith(script([1]), { type: 'noop_reset', noop_action: 3 })).toThrow(/with the action 3/)
  })

  it('noop_reset keeps the seed of a reset where its no-ops end the episode', async () => {
    const inner = script([1])
    const seeds: unknown[] = []
    const reset = inner.reset.bind(inner)
    inner.reset = (options) => {
      seeds.push(options?.seed)
      return reset(options)
    }
    await wrapWith(inner, { type: 'noop_reset', noop_max: 3 }).reset({ seed: 5 })
    expect(seeds.length).toBeGreaterThan(1)
    expect(new Set(seeds)).toEqual(new Set([5]))
  })
})

describe('act_scale', () => {
  it('maps there and back; where a bound is a point, that is -1', () => {
    const [low, high] = [Float32Array.of(-4, 3), Float32Array.of(4, 3)]
    const native = scaleAction([0.5, 0.5], low, high)
    expect(native).toEqual([2, 3])
    expect(unscaleAction(native, low, high)).toEqual([0.5, -1])
  })

  it('shows [-1, 1], scales to the native box, and its random actions are in range', async () => {
    const native = new Box([-4, 0], [4, 10])
    const inner = new ScriptEnv(new Box(-100, 100, [2]), { obs: vectors, rewards: Array(99).fill(1) }, native)
    const env = wrapWith(inner, 'act_scale')
    expect(env.action_space.equals(new Box(-1, 1, [2]))).toBe(true)
    await env.reset()
    await env.step(Float32Array.of(0.5, 0.5))
    await env.step(Float32Array.of(-3, 3))
    expect(inner.done.map((action) => Array.from(action as Float32Array))).toEqual([
      [2, 7.5],
      [-4, 10],
    ])
    for (let k = 0; k < 30; k++) {
      const action = env.random_action?.()
      expect(env.action_space.contains(action)).toBe(true)
    }
    expect(() => env.step(0)).toThrow(ActionError)
    expect(() => wrapWith(script([1]), 'act_scale')).toThrow(/needs a bounded float32 Box/)
  })
})

describe('every wrapper', () => {
  const specs: Record<string, EnvWrapperSpec> = {
    // The state is saved at step 45: within an episode of the wrapper's own, and of the environment's.
    time_limit: { type: 'time_limit', max_episode_steps: 7 },
    delay_reward: { type: 'delay_reward', delay_reward_step: 4 },
    static_obs_norm: { type: 'static_obs_norm', mean: [0, 0, 0], std: [1, 2, 3] },
  }
  const discreteOnly = new Set(['noop_reset'])
  const boundedOnly = new Set(['obs_transpose'])
  const names = ENV_WRAPPER_REGISTRY.query().filter((name) => !boundedOnly.has(name))

  it.each(names)('%s goes on bit for bit from a saved state', async (name) => {
    const make = () => {
      const cfg = { max_episode_steps: 20, continuous: !discreteOnly.has(name) }
      return wrapWith(wrapWith(new PendulumEnv(cfg) as unknown as Env, 'reward_norm'), specs[name] ?? name)
    }
    const play = async (env: Env, steps: number) => {
      const out: unknown[] = []
      for (let t = 0; t < steps; t++) {
        const timestep = await env.step(env.random_action?.() as never)
        out.push(timestep)
        if (timestep.done) out.push(await env.reset())
      }
      return structuredClone(out)
    }
    const env = make()
    env.seed(2)
    await env.reset()
    await play(env, 45)
    const state = structuredClone(await env.state_dict?.()) as StateTree
    const copy = make()
    await copy.load_state_dict?.(state)
    expect(await play(copy, 60)).toEqual(await play(env, 60))
    expect(copy.episode_return).toBe(env.episode_return)
  })
})

describe('RunningMeanStd', () => {
  it('is the mean and the deviation of what it saw', () => {
    const statistics = new RunningMeanStd(1, 0)
    const values = [3, -1, 4, 1, 5, 9, 2, 6]
    for (const v of values) statistics.update([v])
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
    expect(statistics.meanAt(0)).toBeCloseTo(mean, 12)
    expect(statistics.stdAt(0)).toBeCloseTo(deviation, 12)
  })
})
