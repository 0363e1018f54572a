import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ConfigPair, compile_config } from '../../ding/index.js'
import { checkConfig } from '../../ding/pipeline/check.js'
import { loadState, type StateTree } from '../../ding/utils/index.js'
import { resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

interface Part {
  readonly env?: object
  readonly policy?: object
  readonly learn?: object
  readonly buffer?: object
  readonly other?: object
  readonly type?: string
  readonly manager?: string
}

/** A small run of a policy in a goal environment. */
function configOf(policy: string, part: Part = {}): ConfigPair {
  const discrete = policy === 'dqn'
  const env = discrete ? { n_bits: 4 } : { body: 'arm', dimensions: 2, max_episode_steps: 9 }
  const model = discrete
    ? { obs_shape: { observation: 4, desired_goal: 4 }, action_shape: 4, encoder_hidden_size_list: [16] }
    : {
        obs_shape: { observation: 4, achieved_goal: 2, desired_goal: 2 },
        action_shape: 2,
        net_arch: [16],
      }
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 3,
        evaluator_env_num: 2,
        n_evaluator_episode: 4,
        stop_value: 1e9,
        ...env,
        ...part.env,
      },
      policy: {
        random_collect_size: 40,
        model,
        learn: { update_per_collect: 2, batch_size: 8, ...part.learn },
        collect: { n_sample: 6 },
        eval: { evaluator: { eval_freq: 10 } },
        other: { replay_buffer: { replay_buffer_size: 100, ...part.buffer }, ...part.other },
        ...part.policy,
      },
    },
    {
      env: { type: discrete ? 'bit_flip' : 'reach' },
      env_manager: { type: part.manager ?? 'base' },
      policy: { type: policy },
      replay_buffer: { type: part.type ?? 'her' },
    },
  ] as unknown as ConfigPair
}

/** The state that a run leaves, with stops after these updates. */
async function stateAfter(config: ConfigPair, [first, ...others]: readonly [number, ...number[]]) {
  const work_dir = temporaryFolder()
  const options = { console: 'quiet', work_dir } as const
  await serial_pipeline(config, 0, { ...options, max_train_iter: first })
  for (const max_train_iter of others)
    await resume_pipeline(join(work_dir, 'run'), { ...options, max_train_iter })
  const { tree } = loadState(join(work_dir, 'run', 'ckpt', 'run_state.safetensors'))
  // A stop is evaluated, which the evaluator remembers.
  const { evaluator: _evaluator, learner, ...rest } = tree
  return { ...rest, policy: (learner as StateTree)['policy'] } as StateTree
}

const POLICIES = ['dqn', 'ddpg', 'td3', 'sac', 'crossq', 'redq'] as const

test.each(POLICIES)('%s: with two stops as straight through, bit for bit', async (policy) => {
  const config = configOf(policy)
  expect(await stateAfter(config, [8, 14, 20])).toEqual(await stateAfter(config, [20]))
})

test('the same without a copy of next_obs: same networks, same data, less memory', async () => {
  const [plain, saving] = await Promise.all(
    [false, true].map((optimize_memory_usage) =>
      stateAfter(configOf('dqn', { buffer: { optimize_memory_usage } }), [20]),
    ),
  )
  expect(saving!['policy']).toEqual(plain!['policy'])
  const data = (state: StateTree | undefined) => (state!['buffer'] as StateTree)['data'] as StateTree
  expect(Object.keys(data(plain))).toContain('next_obs')
  expect(Object.keys(data(saving)['columns'] as object)).not.toContain('next_obs')
})

test('environments in worker threads learn the same', async () => {
  const config = (manager: string) => configOf('dqn', { manager })
  const [here, there] = [await stateAfter(config('base'), [6]), await stateAfter(config('subprocess'), [6])]
  expect(there['policy']).toEqual(here['policy'])
})

test('evaluations report the success rate', async () => {
  const work_dir = temporaryFolder()
  await serial_pipeline(configOf('dqn'), 0, { console: 'quiet', work_dir, max_train_iter: 12 })
  const lines = readFileSync(join(work_dir, 'run', 'log', 'serial', 'metrics.jsonl'), 'utf8').trim()
  const rates = lines
    .split('\n')
    .map((line) => JSON.parse(line) as { tag?: string; value: number })
    .filter(({ tag }) => tag === 'evaluator_iter/success_rate')
  expect(rates.length).toBeGreaterThanOrEqual(2)
  for (const { value } of rates) expect([0, 0.25, 0.5, 0.75, 1]).toContain(value)
})

test('hindsight makes bit flipping with 8 bits learnable', async () => {
  const config = (type: string) =>
    configOf('dqn', {
      type,
      env: { n_bits: 8, n_evaluator_episode: 20, stop_value: -3.9 },
      policy: {
        model: {
          obs_shape: { observation: 8, desired_goal: 8 },
          action_shape: 8,
          encoder_hidden_size_list: [64],
          dueling: false,
        },
      },
      learn: { update_per_collect: 6, batch_size: 64, target_update_freq: null, target_theta: 0.05 },
      buffer: { replay_buffer_size: 5000 },
    })
  const options = { console: 'quiet', max_train_iter: 2000 } as const
  const run = (type: string) => serial_pipeline(config(type), 0, { ...options, work_dir: temporaryFolder() })
  expect((await run('her')).eval_value).toBeGreaterThan(-4.6)
  expect((await run('naive')).eval_value).toBeLessThan(-6)
}, 60_000)

test("the guide's own goal environment trains", async () => {
  const file = join(import.meta.dirname, '../fixtures/docs/goals/carousel_config.ts')
  const { eval_value, train_iter } = await serial_pipeline(file, 0, {
    console: 'quiet',
    work_dir: temporaryFolder(),
    max_train_iter: 1600,
  })
  expect(train_iter).toBe(1600)
  // Every episode within half a turn: without learning it is about -26.
  expect(eval_value).toBeGreaterThan(-13)
}, 60_000)

describe('configs', () => {
  const compile = async (part: Part, policy = 'dqn') => {
    const [main, create] = configOf(policy, part)
    const compiled = await compile_config(main, create, { seed: 0, env: {}, save: false, renew_dir: false })
    checkConfig(compiled)
    return compiled.main_config.policy.other.replay_buffer
  }

  test("SB3's names, or DI-engine's", async () => {
    expect(await compile({})).toMatchObject({ n_sampled_goal: 4, goal_selection_strategy: 'future' })
    expect(await compile({ buffer: { n_sampled_goal: 2 } })).toMatchObject({ n_sampled_goal: 2 })
    for (const policy of POLICIES) {
      const other = { her: { her_strategy: 'final', her_replay_k: 1 } }
      expect(await compile({ other }, policy)).toMatchObject({
        n_sampled_goal: 1,
        goal_selection_strategy: 'final',
      })
    }
  })

  test.each<[string, Part, RegExp]>([
    [
      'both, when they differ',
      { buffer: { n_sampled_goal: 2 }, other: { her: { her_replay_k: 3 } } },
      /replay_buffer.n_sampled_goal.* is 2 .* but it follows policy.other.her.her_replay_k/,
    ],
    [
      'a strategy that there is not',
      { buffer: { goal_selection_strategy: 'past' } },
      /goal_selection_strategy.*"past"/,
    ],
    [
      'n-step returns',
      { policy: { nstep: 3 } },
      /policy.nstep is 3, but the replay buffer "her" relabels single steps/,
    ],
    [
      'priorities',
      { policy: { priority: true } },
      /policy.priority is true, but the replay buffer "her" keeps no priorities/,
    ],
    [
      'hindsight keys without the buffer',
      { type: 'naive', other: { her: { her_strategy: 'final' } } },
      /policy.other.her.her_strategy is final, but the replay buffer "naive" does no hindsight relabelling/,
    ],
    [
      'saving memory in the episode buffer',
      { type: 'episode', buffer: { optimize_memory_usage: true } },
      /optimize_memory_usage/,
    ],
  ])('refuse %s', async (_, part, message) => {
    await expect(
      compile({
        ...part,
        ...(part.other && {
          other: { replay_buffer: { replay_buffer_size: 100, ...part.buffer }, ...part.other },
        }),
      }),
    ).rejects.toThrow(message)
  })

  test('an environment without goals is refused by its name', async () => {
    const [main, create] = configOf('dqn') as unknown as [{ env: object; policy: object }, object]
    const pair = [
      {
        ...main,
        env: { collector_env_num: 1, evaluator_env_num: 1 },
        policy: { ...main.policy, model: { obs_shape: 4, action_shape: 2 } },
      },
      { ...create, env: { type: 'cartpole' } },
    ] as unknown as ConfigPair
    await expect(serial_pipeline(pair, 0, { console: 'quiet', work_dir: temporaryFolder() })).rejects.toThrow(
      /CartPoleEnv is no goal environment/,
    )
  })
})
