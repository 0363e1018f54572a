import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ConfigPair, CrossQ, REDQ } from '../../ding/index.js'
import { ROLES, resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const
const LENGTH = 20

interface Cadence {
  readonly envs?: number
  readonly collect: object
  readonly episodes?: boolean
  readonly updates: number
  readonly starts?: number
  readonly nstep?: number
  readonly batch?: number
  readonly replace?: boolean
}

/** Episodes of Pendulum are LENGTH steps long. */
function configOf(
  type: string,
  { envs = 1, collect, episodes = false, updates, starts = 0, nstep = 1, batch = 4, replace }: Cadence,
) {
  const model =
    type === 'dqn'
      ? { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [8] }
      : { obs_shape: 3, action_shape: 1, net_arch: [8] }
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: envs,
        evaluator_env_num: 1,
        n_evaluator_episode: 1,
        max_episode_steps: LENGTH,
        stop_value: 1e9,
      },
      policy: {
        random_collect_size: starts,
        nstep,
        model,
        learn: { update_per_collect: updates, batch_size: batch },
        collect,
        eval: { evaluator: { eval_freq: 1000000 } },
        ...(replace !== undefined && { other: { replay_buffer: { replace } } }),
      },
    },
    {
      env: { type: type === 'dqn' ? 'cartpole' : 'pendulum' },
      policy: { type },
      replay_buffer: { type: 'naive' },
      ...(episodes && { collector: { type: 'episode' } }),
    },
  ] as unknown as ConfigPair
}

async function counts(
  type: string,
  cadence: Cadence,
  limit: { max_env_step?: number; max_train_iter?: number },
) {
  const work_dir = temporaryFolder()
  const { env_step, train_iter } = await serial_pipeline(configOf(type, cadence), 0, {
    ...quiet,
    work_dir,
    ...limit,
  })
  return { env_step, train_iter }
}

describe('train_freq in steps', () => {
  test.each(['sac', 'td3', 'redq', 'crossq', 'ddpg'])(
    '%s: gradient_steps -1 is an update for each env step, after learning_starts',
    async (type) => {
      const cadence = { collect: { n_sample: 4 }, updates: -1, starts: 20 }
      expect(await counts(type, cadence, { max_env_step: 60 })).toEqual({ env_step: 60, train_iter: 40 })
    },
  )

  test('of several environments together, as in SB3', async () => {
    const cadence = { envs: 3, collect: { n_sample: 6 }, updates: -1, starts: 30 }
    const { env_step, train_iter } = await counts('sac', cadence, { max_env_step: 60 })
    expect(train_iter).toBe(env_step - 30)
    // One update a collect, however many environments take part in it.
    const one = await counts(
      'sac',
      { ...cadence, collect: { n_sample: 3 }, updates: 1 },
      { max_env_step: 60 },
    )
    expect(one).toEqual({ env_step: 60, train_iter: 10 })
  })

  test('a value-based policy with n-step returns, whose samples lag behind the steps, still comes to one update a step', async () => {
    const cadence = { collect: { n_sample: 8 }, updates: -1, nstep: 3 }
    const { env_step, train_iter } = await counts('dqn', cadence, { max_env_step: 100 })
    expect(train_iter).toBe(env_step)
  })
})

describe('train_freq in episodes', () => {
  test.each(['sac', 'td3'])(
    '%s: with gradient_steps -1 an episode of n steps is followed by n updates',
    async (type) => {
      const cadence = { collect: { n_sample: null, n_episode: 1 }, episodes: true, updates: -1, starts: 40 }
      expect(await counts(type, cadence, { max_env_step: 40 + 3 * LENGTH })).toEqual({
        env_step: 40 + 3 * LENGTH,
        train_iter: 3 * LENGTH,
      })
    },
  )

  test('a fixed number of updates follows each collect of episodes', async () => {
    const cadence = { collect: { n_sample: null, n_episode: 2 }, episodes: true, updates: 5, starts: 40 }
    expect(await counts('sac', cadence, { max_env_step: 40 + 6 * LENGTH })).toEqual({
      env_step: 40 + 6 * LENGTH,
      train_iter: 15,
    })
  })

  test('several environments: no step goes without its update, though episodes end at once', async () => {
    const cadence = {
      envs: 2,
      collect: { n_sample: null, n_episode: 1 },
      episodes: true,
      updates: -1,
      starts: 40,
    }
    const { env_step, train_iter } = await counts('sac', cadence, { max_env_step: 200 })
    expect(train_iter).toBe(env_step - 40)
  })

  test('random_collect_size counts transitions, of whole episodes', async () => {
    const cadence = { collect: { n_sample: null, n_episode: 1 }, episodes: true, updates: 1, starts: 45 }
    let held = 0
    const result = await serial_pipeline(configOf('sac', cadence), 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 1,
      rebind: (container) => {
        container.onActivation(ROLES.buffer, (_context, buffer) => {
          const push = buffer.push.bind(buffer)
          buffer.push = (data, options) => {
            if (held === 0) held = (data as readonly unknown[]).length
            push(data, options)
          }
          return buffer
        })
      },
    })
    expect(held).toBe(3 * LENGTH)
    expect(result).toMatchObject({ env_step: 4 * LENGTH, train_iter: 1 })
  })

  test('it resumes between two collects to the same counts', async () => {
    const work_dir = temporaryFolder()
    const cadence = { collect: { n_sample: null, n_episode: 1 }, episodes: true, updates: -1, starts: 20 }
    await serial_pipeline(configOf('sac', cadence), 0, { ...quiet, work_dir, max_train_iter: LENGTH })
    const { env_step, train_iter } = await resume_pipeline(join(work_dir, 'run'), {
      ...quiet,
      max_train_iter: 3 * LENGTH,
    })
    expect({ env_step, train_iter }).toEqual({ env_step: 20 + 3 * LENGTH, train_iter: 3 * LENGTH })
  })
})

describe('a batch larger than what there is behind the warm-up', () => {
  const agent = { learning_starts: 10, batch_size: 30, seed: 0, policy_kwargs: { net_arch: [8] } }
  const env = { type: 'pendulum', cfg: { max_episode_steps: LENGTH } }

  test.each([
    ['crossq', () => new CrossQ({ ...agent, env })],
    ['redq', () => new REDQ({ ...agent, env, gradient_steps: 1 })],
  ] as const)(
    '%s: the pipeline waits until the buffer holds it, unless it draws with replacement, as SB3, Tianshou and the class do',
    async (type, make) => {
      const cadence = { collect: { n_sample: 1 }, updates: 1, starts: 10, batch: 30 }
      const limit = { max_env_step: 50 }
      expect(await counts(type, cadence, limit)).toEqual({ env_step: 50, train_iter: 50 - 29 })
      const all = { env_step: 50, train_iter: 50 - 10 }
      expect(await counts(type, { ...cadence, replace: true }, limit)).toEqual(all)
      const own = make()
      await own.learn({ total_timesteps: 50 })
      expect({ env_step: own.num_timesteps, train_iter: own.n_updates }).toEqual(all)
      await own.close()
    },
  )
})

test.each([0, -2, 1.5])('update_per_collect %d is refused', async (updates) => {
  await expect(counts('sac', { collect: { n_sample: 1 }, updates }, { max_env_step: 10 })).rejects.toThrow(
    /policy\.learn\.update_per_collect.*-1/s,
  )
})
