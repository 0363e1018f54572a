import { describe, expect, test } from 'vitest'
import { InteractionSerialEvaluator, MemoryLogger, UsageError } from '../../../ding/index.js'
import { type Event, FakeEnvManager } from '../../fixtures/fake_envs.js'
import { fakeEvalMode } from '../../fixtures/fake_modes.js'

interface Setting {
  readonly lengths: number[][]
  readonly n_episode?: number | null
  readonly stop_value?: number
  readonly events?: Record<number, Record<number, Event>>
  readonly lengthOfSeed?: (seed: number) => number
}

function build({ lengths, n_episode = null, stop_value = Number.POSITIVE_INFINITY, ...options }: Setting) {
  const env = new FakeEnvManager(lengths, { auto_reset: false, ...options })
  const { mode, seen } = fakeEvalMode()
  const logger = new MemoryLogger()
  const cfg = { eval_freq: 10, n_episode, stop_value }
  return {
    evaluator: new InteractionSerialEvaluator(cfg, { env, policy: mode, logger, seed: 100 }),
    env,
    seen,
    logger,
  }
}

const seedsOf = (env: FakeEnvManager) =>
  env.calls.flatMap((call) => (call.op === 'reset' ? [[call.id, call.seed]] : []))
const stepsOf = (env: FakeEnvManager, id: number) =>
  env.calls.filter((call) => call.op === 'step' && call.id === id).length

describe('which episodes are played', () => {
  test('the first quota of each environment; those that have filled it rest', async () => {
    // Environment 0 has short episodes: however many it could play meanwhile, two count and only two are played.
    const { evaluator, env } = build({ lengths: [[1], [5], [3]], n_episode: 6 })
    const { episode_info } = await evaluator.eval()
    const sum = (id: number, n: number) =>
      Array.from({ length: n }, (_, i) => 10 * id + i + 1).reduce((a, b) => a + b)
    expect(episode_info.eval_episode_return).toEqual([1, 1, sum(1, 5), sum(1, 5), sum(2, 3), sum(2, 3)])
    expect([0, 1, 2].map((id) => stepsOf(env, id))).toEqual([2, 10, 6])
  })

  test('n_episode not divisible by the environments: the first ones play one more', async () => {
    const { evaluator, env } = build({ lengths: [[1], [1], [1]], n_episode: 5 })
    const { episode_info } = await evaluator.eval()
    expect(episode_info.eval_episode_return).toEqual([1, 1, 11, 11, 21])
    expect([0, 1, 2].map((id) => stepsOf(env, id))).toEqual([2, 2, 1])
  })

  test('fewer episodes than environments: the others are not touched', async () => {
    const { evaluator, env } = build({ lengths: [[2], [2], [2]], n_episode: 2 })
    const { episode_info } = await evaluator.eval()
    expect(episode_info.eval_episode_return).toHaveLength(2)
    expect(env.calls.some((call) => call.id === 2)).toBe(false)
  })

  test.each([0, -2, 2.5, Number.NaN])('%d episodes cannot be played', async (n) => {
    const { evaluator, env } = build({ lengths: [[1], [1]] })
    await expect(evaluator.eval(undefined, 1, 1, n)).rejects.toThrow(UsageError)
    expect(env.calls).toEqual([])
    expect(evaluator.should_eval(1)).toBe(true)
  })

  test('one environment plays all; without n_episode each environment plays one', async () => {
    const one = build({ lengths: [[1, 2]], n_episode: 3 })
    expect((await one.evaluator.eval()).episode_info.eval_episode_return).toHaveLength(3)
    const each = build({ lengths: [[1], [1]] })
    expect((await each.evaluator.eval()).episode_info.eval_episode_return).toEqual([1, 11])
  })

  test('seeds by environment and episode: all different, and the same at each evaluation', async () => {
    const { evaluator, env } = build({ lengths: [[1], [1]], n_episode: 5, lengthOfSeed: (seed) => seed - 99 })
    const first = await evaluator.eval()
    const seeds = seedsOf(env)
    expect(seeds).toEqual([
      [0, 100],
      [1, 101],
      [0, 102],
      [1, 103],
      [0, 104],
    ])
    env.calls.length = 0
    const second = await evaluator.eval()
    expect(seedsOf(env)).toEqual(seeds)
    expect(second.episode_info).toEqual(first.episode_info)
  })

  test('an episode that broke is replaced by the next one of that environment', async () => {
    const { evaluator, env, logger } = build({
      lengths: [[3], [3]],
      n_episode: 2,
      events: { 1: { 2: 'abnormal' } },
    })
    const { episode_info } = await evaluator.eval(undefined, 0, 0)
    expect(episode_info.eval_episode_return).toEqual([6, 36])
    expect(seedsOf(env)).toEqual([
      [0, 100],
      [1, 101],
      [1, 103],
    ])
    expect(logger.warnings).toEqual(['Evaluator: environment 1 lost its episode: scripted.'])
    // The broken step is no env step.
    expect(logger.tables[0]?.row).toMatchObject({ envstep_count: 3 + 1 + 3, episode_count: 2 })
  })

  test('gives up on environments that only break', async () => {
    const events = {
      0: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [i + 1, 'abnormal' as const])),
    }
    await expect(build({ lengths: [[3]], events }).evaluator.eval()).rejects.toThrow(
      /broke 101 times.*environment 0: scripted/,
    )
  })

  test('the policy forgets an environment whenever an episode starts there', async () => {
    const { evaluator, seen } = build({ lengths: [[1], [2]], n_episode: 3 })
    await evaluator.eval()
    expect(seen.resets).toEqual([0, 1, 0])
  })
})

describe('what follows from an evaluation', () => {
  test('is due at first, and then every eval_freq iterations', async () => {
    const { evaluator } = build({ lengths: [[1]] })
    expect(evaluator.should_eval(0)).toBe(true)
    await evaluator.eval(undefined, 0, 0)
    expect([0, 1, 9, 10, 25].map((iter) => evaluator.should_eval(iter))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ])
    await evaluator.eval(undefined, 13, 0)
    expect([13, 22, 23].map((iter) => evaluator.should_eval(iter))).toEqual([false, false, true])
  })

  test('saves ckpt_best when the mean is strictly better than ever', async () => {
    const saved: string[] = []
    const { evaluator } = build({ lengths: [[1, 1, 2, 2, 1, 3]], n_episode: 1 })
    for (let i = 0; i < 6; i++) await evaluator.eval((name) => saved.push(`${name} ${i}`), i, i)
    // Episodes begin with the second entry: 1, 2, 2, 1, 3, 1 steps.
    expect(saved).toEqual(['ckpt_best 0', 'ckpt_best 1', 'ckpt_best 4'])
    expect(evaluator.max_episode_return).toBe(1 + 2 + 3)
  })

  test('stops at the stop value, but never before some training', async () => {
    const { evaluator } = build({ lengths: [[2]], stop_value: 3 })
    expect((await evaluator.eval(undefined, 0, 0)).stop).toBe(false)
    expect((await evaluator.eval(undefined, 1, 8)).stop).toBe(true)
    const higher = build({ lengths: [[2]], stop_value: 3.5 })
    expect((await higher.evaluator.eval(undefined, 5, 8)).stop).toBe(false)
  })

  test('logs under both axes', async () => {
    const { evaluator, logger } = build({ lengths: [[1], [2]] })
    await evaluator.eval(undefined, 40, 160)
    const at = (tag: string) => logger.values.filter((v) => v.tag === tag).map((v) => [v.value, v.step])
    expect(at('evaluator_iter/eval_episode_return_mean')).toEqual([[12, 40]])
    expect(at('evaluator_step/reward_mean')).toEqual([[12, 160]])
    expect(logger.tables[0]?.row).toMatchObject({
      train_iter: 40,
      reward_max: 23,
      reward_min: 1,
      reward_std: 11,
      avg_envstep_per_sec: 0,
    })
  })

  test('remembers its best and its last evaluation through a saved state', async () => {
    const { evaluator } = build({ lengths: [[2]] })
    await evaluator.eval(undefined, 20, 0)
    const other = build({ lengths: [[1]] }).evaluator
    other.load_state_dict(evaluator.state_dict())
    expect(other.max_episode_return).toBe(3)
    expect([29, 30].map((iter) => other.should_eval(iter))).toEqual([false, true])
  })
})
