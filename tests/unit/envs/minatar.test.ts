import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RandomStream } from '../../../ding/compute/index.js'
import {
  Box,
  createEnv,
  Discrete,
  type EnvTimestep,
  MinAtarEnv,
  type MinAtarGameName,
} from '../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { CheckpointError, ConfigError, type StateTree } from '../../../ding/utils/index.js'

const GAMES: [MinAtarGameName, string, number, number][] = [
  ['asterix', 'Asterix', 4, 5],
  ['breakout', 'Breakout', 4, 3],
  ['freeway', 'Freeway', 7, 3],
  ['seaquest', 'Seaquest', 10, 6],
  ['space_invaders', 'SpaceInvaders', 6, 4],
]

/** One case of fixtures/minatar_reference.json, which minatar_reference.py wrote with the published games. */
interface Recorded {
  readonly game: MinAtarGameName
  readonly difficulty_ramping: boolean
  readonly steps: number
  readonly every: number
  readonly reset_every: number
  readonly seed: number
  readonly ends: number
  readonly largest_reward: number
  readonly returns: number[]
  readonly hashes: number[]
  readonly sticky: number
  readonly immortal: boolean
  readonly often: number[]
  readonly late: number[]
}

/** The generator of minatar_reference.py in the form of a RandomStream. */
class Script {
  constructor(private state: number) {}
  nextFloat(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0
    return this.state / 2 ** 32
  }
  nextInt(low: number, high: number): number {
    return low + Math.floor(this.nextFloat() * (high - low))
  }
}

/** Plays with draws of one's own, and goes on after the end. */
class ScriptedEnv extends MinAtarEnv {
  restart(script: Script): Uint8Array {
    return this.begin(script as unknown as RandomStream)
  }
  play(action: number, script: Script) {
    return this.advance(action, script as unknown as RandomStream)
  }
}

function hash(h: number, values: Iterable<number>): number {
  let out = h
  for (const value of values) out = Math.imul(out ^ value, 16777619) >>> 0
  return out
}

function choose(recorded: Recorded, planes: Uint8Array, t: number, script: Script): number {
  if (recorded.game === 'breakout') {
    if (script.nextFloat() < 0.02) return script.nextInt(0, 6)
    const paddle = planes.indexOf(1, 90) % 10
    const ball = planes.indexOf(1, 100) % 10
    return paddle === ball ? 0 : paddle > ball ? 1 : 3
  }
  const actions = t % 1200 >= 1160 ? recorded.late : recorded.often
  return actions[script.nextInt(0, actions.length)] as number
}

describe('the published games', () => {
  const file = join(import.meta.dirname, 'fixtures', 'minatar_reference.json')
  const cases = JSON.parse(readFileSync(file, 'utf8')) as Recorded[]

  it.each(cases.map((each) => [each.game, each.difficulty_ramping, each] as const))(
    '%s, ramping %s: every observation, reward and end',
    (game, difficulty_ramping, recorded) => {
      const { steps, every, reset_every, seed, immortal, sticky } = recorded
      const env = new ScriptedEnv({ game, difficulty_ramping, sticky_action_prob: sticky })
      const script = new Script(seed)
      let obs = env.restart(script)
      let h = hash(2166136261, obs)
      let total = 0
      let ends = 0
      let largest = 0
      const hashes: number[] = []
      const returns: number[] = []
      for (let t = 0; t < steps; t++) {
        const step = env.play(choose(recorded, obs, t, script), script)
        obs = step.obs
        total += step.reward
        ends += Number(step.terminated)
        largest = Math.max(largest, step.reward)
        h = hash(hash(h, obs), [step.reward & 255, Number(step.terminated)])
        const again = step.terminated && (!immortal || game === 'freeway')
        if ((t + 1) % reset_every === 0 || again) {
          obs = env.restart(script)
          h = hash(h, obs)
        }
        if ((t + 1) % every === 0) {
          hashes.push(h)
          returns.push(total)
        }
      }
      expect({ returns, ends, largest }).toEqual({
        returns: recorded.returns,
        ends: recorded.ends,
        largest: recorded.largest_reward,
      })
      expect(hashes).toEqual(recorded.hashes)
    },
  )
})

/** Plays with random actions; `look` sees every observation with what came after it. */
function randomEpisodes(
  env: MinAtarEnv,
  steps: number,
  look?: (obs: Uint8Array, step?: EnvTimestep<Uint8Array>) => void,
): number[] {
  const returns: number[] = []
  let obs = env.reset()
  for (let t = 0; t < steps; t++) {
    const step = env.step(env.random_action())
    look?.(obs, step)
    if (step.done) {
      look?.(step.obs)
      returns.push(step.info['eval_episode_return'] as number)
    }
    obs = step.done ? env.reset() : step.obs
  }
  return returns
}

/** One number a step, of the observation before it and of what it brought. */
function digest(env: MinAtarEnv, steps: number): number[] {
  const out: number[] = []
  randomEpisodes(env, steps, (obs, step) => {
    out.push(hash(hash(2166136261, obs), [(step?.reward ?? 0) & 255, Number(step?.terminated ?? false)]))
  })
  return out
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

describe.each(GAMES)('%s', (game, title, channels, minimal) => {
  it('is registered by game and by id, with the spaces of its planes and actions', async () => {
    const all = (await createEnv({ type: `MinAtar/${title}-v0`, cfg: {} })) as MinAtarEnv
    const few = (await createEnv({ type: `MinAtar/${title}-v1`, cfg: {} })) as MinAtarEnv
    const plain = (await createEnv({ type: 'minatar', cfg: { game } })) as MinAtarEnv
    expect([all.name, few.name, plain.name]).toEqual([
      `MinAtar/${title}-v0`,
      `MinAtar/${title}-v1`,
      `MinAtar ${game}`,
    ])
    for (const env of [all, few, plain]) {
      expect(env.observation_space.equals(new Box(0, 1, [channels, 10, 10], 'uint8'))).toBe(true)
      expect(env.channels).toHaveLength(channels)
    }
    expect(all.action_space.equals(new Discrete(6))).toBe(true)
    expect(few.action_space.equals(new Discrete(minimal))).toBe(true)
    expect(plain.action_space.equals(new Discrete(6))).toBe(true)
    expect(ENV_REGISTRY.get('minatar')).toBe(MinAtarEnv)
  })

  it('keeps to its observation space, gives every observation an array of its own, and repeats with the seed', () => {
    const env = new MinAtarEnv({ game })
    env.seed(3)
    const seen: Uint8Array[] = []
    randomEpisodes(env, 2600, (obs) => {
      expect(env.observation_space.explain(obs)).toBeNull()
      seen.push(obs)
    })
    expect(new Set(seen.map((obs) => obs.buffer)).size).toBe(seen.length)
    env.seed(3)
    const first = digest(env, 2600)
    const again = new MinAtarEnv({ game })
    again.seed(3)
    expect(digest(again, 2600)).toEqual(first)
    again.seed(4)
    expect(digest(again, 2600)).not.toEqual(first)
  })

  it('goes on bit for bit from a state saved at any point of an episode', () => {
    const env = new MinAtarEnv({ game })
    env.seed(8)
    for (let cut = 1; cut < 400; cut += 57) {
      randomEpisodes(env, cut)
      env.reset()
      for (let t = 0; t < 20; t++) if (env.step(0).done) env.reset()
      const saved = JSON.parse(JSON.stringify(env.state_dict())) as StateTree
      const copy = new MinAtarEnv({ game })
      copy.load_state_dict(saved)
      expect(copy.observe()).toEqual(env.observe())
      const play = (e: MinAtarEnv) => {
        let step = e.step(e.random_action())
        const goingOn = [hash(0, step.obs)]
        for (let t = 0; t < 30 && !step.done; t++) {
          step = e.step(e.random_action())
          goingOn.push(hash(step.reward, step.obs))
        }
        return [goingOn, digest(e, 150)]
      }
      expect(play(copy)).toEqual(play(env))
    }
  })
})

describe('minatar env', () => {
  it("a random player's mean return is the published game's", () => {
    // The published games, 2000 to 4000 episodes of uniform actions each (freeway 60): mean and standard deviation of a return.
    const published = {
      asterix: [0.495, 0.832],
      breakout: [0.478, 0.741],
      freeway: [0.117, 0.321],
      seaquest: [0.092, 0.365],
      space_invaders: [2.799, 2.325],
    } as const
    for (const [game, [value, deviation]] of Object.entries(published)) {
      const env = new MinAtarEnv({ game })
      env.seed(0)
      const returns = randomEpisodes(env, game === 'freeway' ? 2501 * 20 : 30_000)
      expect(returns.length).toBeGreaterThanOrEqual(20)
      expect(Math.abs(mean(returns) - value), game).toBeLessThan(
        (4 * deviation) / Math.sqrt(returns.length) + 0.02,
      )
    }
  })

  it('repeats its last action with the sticky probability, and starts each episode with none', () => {
    const sticky = new MinAtarEnv({ game: 'breakout', sticky_action_prob: 1 })
    sticky.reset()
    const before = sticky.game.state['paddle']
    sticky.step(1)
    sticky.step(3)
    expect(sticky.game.state['paddle']).toBe(before)
    const never = new MinAtarEnv({ game: 'breakout', sticky_action_prob: 0 })
    never.reset()
    never.step(1)
    never.step(1)
    expect(never.game.state['paddle']).toBe(2)
    const often = new MinAtarEnv({ game: 'freeway', sticky_action_prob: 0.1 })
    often.seed(1)
    often.reset()
    let repeats = 0
    for (let t = 0; t < 2000; t++) {
      often.step(t % 2 === 0 ? 1 : 3)
      const did = ((often.state_dict() as StateTree)['dynamics'] as StateTree)['last_action']
      if (did !== (t % 2 === 0 ? 1 : 3)) repeats++
    }
    // Binomial(2000, 0.1): four standard deviations are 54.
    expect(Math.abs(repeats - 200)).toBeLessThan(54)
  })

  it('counts actions in the minimal action set when asked to', () => {
    const env = new MinAtarEnv({ game: 'breakout', use_minimal_action_set: true, sticky_action_prob: 0 })
    expect(env.action_set).toEqual([0, 1, 3])
    env.reset()
    env.step(2)
    expect(env.game.state['paddle']).toBe(5)
    expect(() => env.step(3)).toThrow(/expected an integer from 0 to 2/)
    expect(new MinAtarEnv({ game: 'freeway', use_minimal_action_set: true }).action_set).toEqual([0, 2, 4])
  })

  it('takes the action set from env_id, unless told otherwise', async () => {
    const actions = async (type: string, cfg: Record<string, unknown>) =>
      ((await ENV_REGISTRY.build(type, cfg as never)) as MinAtarEnv).action_set.length
    expect(await actions('minatar', { env_id: 'MinAtar/Breakout-v1' })).toBe(3)
    expect(await actions('minatar', { env_id: 'MinAtar/Breakout-v1', use_minimal_action_set: false })).toBe(6)
    expect(await actions('minatar', { env_id: 'MinAtar/Breakout-v0' })).toBe(6)
    expect(await actions('minatar', { env_id: 'mine' })).toBe(6)
    expect(await actions('MinAtar/Breakout-v1', { env_id: 'mine' })).toBe(3)
    expect(await actions('MinAtar/Breakout-v1', { env_id: 'MinAtar/Breakout-v0' })).toBe(6)
  })

  it('has no time limit of its own, and truncates by max_episode_steps', () => {
    const env = new MinAtarEnv({ game: 'asterix', max_episode_steps: 7 })
    env.reset()
    const last = Array.from({ length: 7 }, () => env.step(0)).at(-1)
    expect(last).toMatchObject({ terminated: false, truncated: true, info: { eval_episode_return: 0 } })
  })

  it('refuses an unknown game, an env_id of another game, and the state of another game', () => {
    expect(() => new MinAtarEnv({ game: 'pong' })).toThrow(ConfigError)
    expect(() => new MinAtarEnv({ game: 'asterix', env_id: 'MinAtar/Breakout-v1' })).toThrow(
      /env_id is "MinAtar\/Breakout-v1" but game is "asterix": set game to "breakout"/,
    )
    expect(() => ENV_REGISTRY.build('MinAtar/Asterix-v1', { game: 'breakout' } as never)).toThrow(
      /set game to/,
    )
    expect(new MinAtarEnv({ game: 'asterix', env_id: 'mine' }).name).toBe('mine')
    const env = new MinAtarEnv({ game: 'asterix' })
    env.reset()
    const state = env.state_dict() as StateTree
    expect(() => new MinAtarEnv({ game: 'breakout' }).load_state_dict(state)).toThrow(CheckpointError)
    expect(() => new MinAtarEnv({ game: 'breakout' }).load_state_dict(state)).toThrow(
      /Breakout has no usable "paddle"/,
    )
  })
})
