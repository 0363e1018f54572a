import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BaseEnv, Box, type ConfigPair, Discrete, Tuple } from '../../ding/index.js'
import { asHandedOut } from '../../ding/pipeline/dataset_rows.js'
import { DatasetError, type HostTensor } from '../../ding/utils/index.js'
import { collect_demo_data, resume_pipeline, serial_pipeline_offline_to_online } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const
const OFFLINE = 4
const ONLINE = 6

/** Bytes as a machine's memory is seen; the reward is for the action 1. Episodes of 6 steps. */
class Memory extends BaseEnv<Uint8Array, number> {
  readonly observation_space = new Box(0, 255, [6], 'uint8')
  readonly action_space = new Discrete(2)
  private t = 0

  constructor() {
    super('memory', 6)
  }

  protected override begin(): Uint8Array {
    this.t = 0
    return new Uint8Array(6)
  }

  protected override advance(action: number) {
    this.t++
    return { obs: new Uint8Array(6).fill(this.t * 40 + action), reward: action, terminated: false }
  }

  protected override saveState() {
    return { t: this.t }
  }

  protected override restoreState(state: { t: number }): void {
    this.t = state.t
  }
}

function configOf(env: object, model: object, data_path: string): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 1,
        evaluator_env_num: 1,
        n_evaluator_episode: 1,
        max_episode_steps: 20,
        stop_value: 1e9,
      },
      policy: {
        model,
        learn: { batch_size: 4, offline_iterations: OFFLINE, online_iterations: ONLINE },
        collect: { data_path, n_sample: 2 },
        other: { replay_buffer: { replay_buffer_size: 200 } },
      },
    },
    { env, policy: { type: 'cqn' }, replay_buffer: { type: 'naive' } },
  ] as unknown as ConfigPair
}

const latent = { latent_dim: 8 }
const asterix = {
  env: { type: 'MinAtar/Asterix-v1' },
  model: {
    obs_shape: [4, 10, 10],
    action_shape: 5,
    image_range: [0, 1],
    net_config: {
      ...latent,
      encoder_config: { channel_size: [4], kernel_size: [3], stride_size: [1] },
    },
  },
}
const memory = { env: { type: 'cartpole' }, model: { obs_shape: 6, action_shape: 2, net_config: latent } }

test.each([
  ['images', asterix, undefined],
  ['8-bit vectors', memory, () => new Memory()],
] as const)(
  '%s of a dataset and of the environment go into one buffer, resumed too',
  async (_name, of, make) => {
    const data_path = join(temporaryFolder(), 'random.hdf5')
    const config = configOf(of.env, of.model, data_path)
    const options = {
      ...quiet,
      ...(make === undefined ? {} : { env_setting: { collector: [make], evaluator: [make] } }),
    }
    await collect_demo_data(config, 0, {
      ...options,
      work_dir: temporaryFolder(),
      random_policy: true,
      collect_count: 40,
      expert_data_path: data_path,
    })
    const weights = async (stop: number | undefined): Promise<Buffer> => {
      const work_dir = temporaryFolder()
      const limit = stop === undefined ? {} : { max_train_iter: stop }
      await serial_pipeline_offline_to_online(config, 0, { ...options, ...limit, work_dir })
      if (stop !== undefined) {
        const result = await resume_pipeline(join(work_dir, 'run'), { ...options, max_train_iter: 1e9 })
        expect(result).toMatchObject({ env_step: ONLINE, stop_reason: 'max_env_step' })
      }
      return readFileSync(join(work_dir, 'run', 'ckpt', 'run_state.safetensors'))
    }
    const straight = await weights(undefined)
    for (const stop of [OFFLINE - 1, OFFLINE + 1])
      expect((await weights(stop)).equals(straight), `stop at ${stop}`).toBe(true)
  },
)

const floats = (shape: number[], ...data: number[]): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data),
})

test('observations of a dataset take the form of what the space hands out', () => {
  const square = floats([1, 2, 2], 0, 1, 2, 255)
  expect(asHandedOut(new Box(0, 255, [2, 2], 'uint8'), square, 'obs')).toEqual({
    dtype: 'uint8',
    shape: [1, 4],
    data: Uint8Array.of(0, 1, 2, 255),
  })
  const parts = asHandedOut(
    new Tuple([new Discrete(3), new Box(0, 9, [1], 'int32')]),
    { 0: floats([2, 1], 2, 1), 1: floats([2], 7, 8) },
    'obs',
  )
  expect(parts).toEqual({
    0: floats([2], 2, 1),
    1: { dtype: 'int32', shape: [2, 1], data: Int32Array.of(7, 8) },
  })
  const plain = floats([2, 2], 0, 1, 2, 3)
  expect((asHandedOut(new Box(-1, 9, [2]), plain, 'obs') as HostTensor).data).toBe(plain.data)
})

test('a value that the element type of the space cannot hold is refused by name', () => {
  const refused = () =>
    asHandedOut(new Tuple([new Box(0, 255, [2], 'uint8')]), { 0: floats([1, 2], 3, 0.5) }, 'next_obs')
  expect(refused).toThrow(DatasetError)
  expect(refused).toThrow(/"next_obs\.0" holds 0\.5, which is no uint8 number.*same wrappers/)
})
