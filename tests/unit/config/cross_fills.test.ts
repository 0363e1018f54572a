import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../ding/utils/index.js'
import { compile, create_config, main_config, rejection } from './fakes.js'

describe('cross-fills', () => {
  test('seed: the argument wins over the config', async () => {
    expect((await compile({ ...main_config(), seed: 3 })).seed).toBe(3)
    const { main_config: c, seed } = await compile({ ...main_config(), seed: 3 }, create_config(), {
      seed: 7,
    })
    expect([c.seed, seed]).toEqual([7, 7])
  })

  test('followers get their value from the one place that sets it', async () => {
    const main = main_config()
    Object.assign(main.policy, { priority: true, unroll_len: 6 })
    const { main_config: c, provenance } = await compile(main)
    expect(c.policy.other.replay_buffer).toMatchObject({ priority: true, priority_IS_weight: false })
    expect(c.policy.collect['unroll_len']).toBe(6)
    expect(provenance.get('policy.eval.evaluator.stop_value')).toBe('filled from env.stop_value')
  })

  test('no count of evaluation episodes: one per evaluator environment', async () => {
    const main = main_config()
    Object.assign(main.env, { n_evaluator_episode: null })
    expect((await compile(main)).main_config.policy.eval.evaluator['n_episode']).toBe(5)
  })

  test('a follower set by itself to something else is a problem', async () => {
    const main = main_config()
    Object.assign(main.policy.other.replay_buffer, { priority: true })
    const error = await rejection(compile(main))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(
      /policy\.other\.replay_buffer\.priority: is true \(main_config\).*Set policy\.priority instead/,
    )
    Object.assign(main.policy, { priority: true })
    expect((await compile(main)).main_config.policy['priority']).toBe(true)
  })

  test.each([
    ['the command line', 'command line', {}, [['policy.eval.evaluator.stop_value', 100]]],
    [
      'the environment',
      'environment variable DING__POLICY__EVAL__EVALUATOR__STOP_VALUE',
      { DING__POLICY__EVAL__EVALUATOR__STOP_VALUE: '100' },
      [],
    ],
  ] as const)(
    'a follower set from %s, where the config sets the key that it follows, is a problem',
    async (_from, source, env, overrides) => {
      const error = await rejection(compile(main_config(), create_config(), { env, overrides }))
      expect(error).toBeInstanceOf(ConfigError)
      expect(error.message).toContain(
        `policy.eval.evaluator.stop_value: is 100 (${source}), but it follows env.stop_value, which is 195. Set env.stop_value instead.`,
      )
    },
  )

  test('of a saved config, which has followers too, the key that they follow is the one to set', async () => {
    const { main_config: saved } = await compile(main_config())
    const { main_config: c } = await compile(saved, create_config(), {
      overrides: [
        ['env.stop_value', 100],
        ['policy.priority', true],
        // Said as well, and the same.
        ['policy.eval.evaluator.stop_value', 100],
      ],
    })
    expect(c.policy.eval.evaluator['stop_value']).toBe(100)
    expect(c.policy.other.replay_buffer['priority']).toBe(true)
  })

  test('a key and its follower in one file that contradict each other are a problem', async () => {
    const main = main_config()
    Object.assign(main.policy.eval.evaluator, { stop_value: 10 })
    expect((await rejection(compile(main))).message).toContain(
      'policy.eval.evaluator.stop_value: is 10 (main_config), but it follows env.stop_value, which is 195.',
    )
    Object.assign(main.policy.eval.evaluator, { stop_value: 195 })
    expect((await compile(main)).main_config.policy.eval.evaluator['stop_value']).toBe(195)
  })

  test('of a saved config either key that a follower can follow is one to set', async () => {
    const main = main_config()
    Object.assign(main.env, { n_evaluator_episode: null })
    const { main_config: saved } = await compile(main)
    const episodes = async (...overrides: [string, unknown][]) =>
      (await compile(saved, create_config(), { overrides })).main_config.policy.eval.evaluator['n_episode']
    expect(await episodes()).toBe(5)
    expect(await episodes(['env.evaluator_env_num', 3])).toBe(3)
    expect(await episodes(['env.n_evaluator_episode', 7])).toBe(7)
  })

  test('a buffer without priorities is left alone', async () => {
    const main = main_config()
    Object.assign(main.policy, { priority: true })
    const { main_config: c } = await compile(main, { ...create_config(), replay_buffer: { type: 'naive' } })
    expect(c.policy.other.replay_buffer).toEqual({
      type: 'naive',
      import_names: [],
      replay_buffer_size: 20000,
    })
  })
})
