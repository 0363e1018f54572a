import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BaseEnv, Box, type ConfigPair, Dict, type Obs } from '../../ding/index.js'
import { loadState, type StateTree } from '../../ding/utils/index.js'
import { evaluate, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const SIDE = 6

/** A dot of 8-bit light and its speed; the reward is for staying at the left. Episodes of 10 steps. */
class Camera extends BaseEnv<Obs, Float32Array> {
  readonly observation_space = new Dict({
    camera: new Box(0, 255, [1, SIDE, SIDE], 'uint8'),
    speed: new Box(-50, 50, [1]),
  })
  readonly action_space = new Box(-1, 1, [1])
  private at = 0
  private speed = 0

  constructor() {
    super('camera', 10)
  }

  private see(): Obs {
    const camera = new Uint8Array(SIDE * SIDE)
    camera[Math.floor(this.at)] = 255
    return { camera, speed: Float32Array.of(this.speed) }
  }

  protected override begin(): Obs {
    this.at = SIDE / 2
    this.speed = 0
    return this.see()
  }

  protected override advance(action: Float32Array) {
    this.speed = 50 * action[0]!
    this.at = Math.min(SIDE - 1, Math.max(0, this.at + action[0]!))
    return { obs: this.see(), reward: -this.at, terminated: false }
  }
}

test.each(['sac', 'td3', 'crossq', 'redq'])(
  '%s learns from images beside vectors; the vectors alone are normalised; its checkpoint evaluates alike',
  async (type) => {
    const work_dir = temporaryFolder()
    const config = [
      {
        exp_name: 'run',
        env: { collector_env_num: 2, evaluator_env_num: 1, n_evaluator_episode: 2, stop_value: 1e9 },
        policy: {
          random_collect_size: 20,
          vec_normalize: { norm_obs: true, norm_reward: true },
          model: {
            obs_shape: { camera: [1, SIDE, SIDE], speed: 1 },
            action_shape: 1,
            net_arch: [8],
            encoder_hidden_size_list: [4, 6],
            encoder_kernel_size_list: [3],
            normalize_images: true,
          },
          learn: { update_per_collect: -1, batch_size: 8 },
          collect: { n_sample: 4 },
          other: { replay_buffer: { replay_buffer_size: 200 } },
        },
      },
      { env: { type: 'pendulum' }, policy: { type } },
    ] as unknown as ConfigPair
    const make = () => new Camera()
    const options = {
      console: 'quiet',
      work_dir,
      env_setting: { collector: [make, make], evaluator: [make] },
    } as const
    const trained = await serial_pipeline(config, 0, { ...options, max_env_step: 60 })
    expect(trained).toMatchObject({ env_step: 60, train_iter: 40 })
    const load_path = join(work_dir, 'run/ckpt/iteration_40.safetensors')
    const evaluated = await evaluate(config, 0, { ...options, load_path })
    expect(evaluated.eval_value_raw).toEqual(trained.eval_value_raw)
    const { tree } = loadState(load_path)
    expect(Object.keys((tree['normalisation'] as StateTree)['obs'] as StateTree)).toEqual(['speed'])
    expect(Object.keys(tree['model'] as StateTree)).toContain('actor.encoder.encoders.camera.main.0.weight')
    const buffer = loadState(join(work_dir, 'run/ckpt/run_state.safetensors')).tree['buffer'] as StateTree
    expect(
      JSON.stringify(buffer, (_key, value: unknown) => (ArrayBuffer.isView(value) ? 0 : value)),
    ).toContain('uint8')
  },
)
