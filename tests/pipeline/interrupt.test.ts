import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CartPoleEnv, createDataset, RandomStream, register_learner_hook } from '../../ding/index.js'
import { collect_demo_data, resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

type Pair = [Record<string, unknown>, Record<string, unknown>]

const LIMIT = 60

/** Iterations at which the run that is going is aborted, and by what. */
const planned = { iterations: new Set<number>(), controller: new AbortController() }

register_learner_hook('abort_as_planned', ({ name }) => ({
  name,
  position: 'after_iter',
  priority: 0,
  call: (learner) => {
    if (planned.iterations.has(learner.train_iter)) planned.controller.abort()
  },
}))

function withHook(pair: Pair): Pair {
  const policy = pair[0]['policy'] as { learn: Record<string, unknown> }
  const learner = { hook: { custom: { abort: { type: 'abort_as_planned' } } } }
  return [{ ...pair[0], policy: { ...policy, learn: { ...policy.learn, learner } } }, pair[1]]
}

function ends(work_dir: string, limit: number): Buffer[] {
  const files = ['run_state', `iteration_${limit}`]
  return files.map((file) => readFileSync(join(work_dir, 'small_dqn', 'ckpt', `${file}.safetensors`)))
}

function expectSame(a: string, b: string, limit = LIMIT): void {
  const [first, second] = [ends(a, limit), ends(b, limit)]
  expect(first.map((file, i) => file.equals(second[i] as Buffer))).toEqual([true, true])
}

/** Runs straight through, and in pieces ended by aborts at random iterations; compares what both leave, byte by byte. */
async function compare(pair: Pair, seed: number, aborts: number): Promise<void> {
  const config = withHook(pair)
  planned.iterations = new Set()
  const straight = temporaryFolder()
  await serial_pipeline(config, seed, { console: 'quiet', work_dir: straight, max_train_iter: LIMIT })

  const work_dir = temporaryFolder()
  const random = RandomStream.fromSeed(seed).child('aborts')
  planned.iterations = new Set(Array.from({ length: aborts }, () => random.nextInt(1, LIMIT - 4)))
  let stops = 0
  for (let reason = 'interrupted'; reason === 'interrupted'; ) {
    planned.controller = new AbortController()
    const options = { console: 'quiet', max_train_iter: LIMIT, signal: planned.controller.signal } as const
    const result =
      stops === 0
        ? await serial_pipeline(config, seed, { ...options, work_dir })
        : await resume_pipeline(join(work_dir, 'small_dqn'), options)
    reason = result.stop_reason
    if (reason === 'interrupted') stops++
  }
  expect(stops).toBeGreaterThanOrEqual(1)
  expectSame(work_dir, straight)
}

const PER = { priority: true, priority_IS_weight: true, nstep: 3 }

describe('aborted at random rounds and resumed, a run ends as one that went straight through, byte for byte', () => {
  test.each([1, 2, 3])('buffer naive, seed %i', (seed) => compare(smallDqn(), seed, 3))

  test('buffer advanced with priorities, n-step returns and random collect', async () => {
    const [main, create] = smallDqn({ ...PER, random_collect_size: 30 })
    await compare([main, { ...create, replay_buffer: { type: 'advanced' } }], 4, 3)
  })

  test('buffer deque with priorities', async () => {
    const [main, create] = smallDqn(PER)
    await compare([main, { ...create, replay_buffer: { type: 'deque' } }], 5, 3)
  })

  test('noisy layers, a learning rate schedule and whole trajectories', async () => {
    const [main, create] = smallDqn({
      noisy_net: true,
      traj_len_inf: true,
      nstep: 2,
      model: { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [16], noise: true },
      learn: {
        update_per_collect: 4,
        batch_size: 16,
        lr_schedule: { type: 'linear' },
        target_update_freq: null,
      },
    })
    await compare([main, create], 6, 2)
  })

  test('the episode collector', async () => {
    const [main, create] = smallDqn({ collect: { n_sample: null, n_episode: 3 } })
    await compare([main, { ...create, collector: { type: 'episode' } }], 7, 3)
  })

  test('environments in worker threads', async () => {
    const [main, create] = smallDqn({}, { manager: { env_num_per_worker: 2 } })
    await compare([main, { ...create, env_manager: { type: 'subprocess' } }], 8, 1)
  })
})

test('an abort before the first round leaves a state after the random collect, to go on from', async () => {
  const config = smallDqn({ random_collect_size: 50 })
  const straight = temporaryFolder()
  await serial_pipeline(config, 5, { console: 'quiet', work_dir: straight, max_train_iter: LIMIT })
  const work_dir = temporaryFolder()
  const stopped = await serial_pipeline(config, 5, {
    console: 'quiet',
    work_dir,
    signal: AbortSignal.abort(),
  })
  expect(stopped).toMatchObject({ stop_reason: 'interrupted', train_iter: 0 })
  expect(stopped.env_step).toBeGreaterThanOrEqual(50)
  await resume_pipeline(join(work_dir, 'small_dqn'), { console: 'quiet', max_train_iter: LIMIT })
  expectSame(work_dir, straight)
})

test('a run that reached its limit goes on with a higher one as if it had never stopped', async () => {
  const straight = temporaryFolder()
  await serial_pipeline(smallDqn(), 6, { console: 'quiet', work_dir: straight, max_train_iter: LIMIT })
  const work_dir = temporaryFolder()
  const first = await serial_pipeline(smallDqn(), 6, { console: 'quiet', work_dir, max_train_iter: 20 })
  expect(first.stop_reason).toBe('max_train_iter')
  const again = await resume_pipeline(join(work_dir, 'small_dqn'), {
    console: 'quiet',
    max_train_iter: LIMIT,
  })
  expect(again.train_iter).toBe(LIMIT)
  expectSame(work_dir, straight)
})

test('resuming a run that is at its limit does nothing but end again', async () => {
  const work_dir = temporaryFolder()
  await serial_pipeline(smallDqn(), 6, { console: 'quiet', work_dir, max_train_iter: 20 })
  const before = ends(work_dir, 20)
  const again = await resume_pipeline(join(work_dir, 'small_dqn'), { console: 'quiet', max_train_iter: 20 })
  expect(again).toMatchObject({ stop_reason: 'max_train_iter', train_iter: 20 })
  expect(ends(work_dir, 20)[0]?.equals(before[0] as Buffer)).toBe(true)
})

test.each(['d4rl', 'minari'] as const)(
  'collecting leaves what it has in a file that can be read: %s',
  async (layout) => {
    const work_dir = temporaryFolder()
    const controller = new AbortController()
    let episodes = 0
    class Counting extends CartPoleEnv {
      protected override begin(random: RandomStream) {
        if (++episodes === 3) controller.abort()
        return super.begin(random)
      }
    }
    const file = join(work_dir, 'data.hdf5')
    const collected = await collect_demo_data(smallDqn({}, { collector_env_num: 1 }), 0, {
      console: 'quiet',
      work_dir,
      random_policy: true,
      layout,
      expert_data_path: file,
      env_setting: { collector: [() => new Counting()], evaluator: [] },
      signal: controller.signal,
    })
    expect(collected).toMatchObject({ path: `${file}.partial`, interrupted: true })
    expect(existsSync(file)).toBe(false)
    const dataset = await createDataset({ data_path: collected.path }, { random: RandomStream.fromSeed(0) })
    expect(dataset.count).toBe(collected.count)
    expect(dataset.statistics.episodes).toBeGreaterThanOrEqual(2)
  },
)
