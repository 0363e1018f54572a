import { readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { merge } from 'lodash-es'
import { describe, expect, test } from 'vitest'
import { type ConfigPair, compile_config } from '../../ding/index.js'
import {
  collect_demo_data,
  type PipelineOptions,
  serial_pipeline,
  serial_pipeline_offline,
} from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const FOLDER = resolve(import.meta.dirname, '../../configs')

/** Every config that is shipped, by its path below configs/. */
const FILES = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('_config.ts'))
  .map((entry) => relative(FOLDER, join(entry.parentPath, entry.name)))
  .sort()

interface ConfigFile {
  readonly main_config: { readonly exp_name?: string; readonly policy?: { readonly collect?: object } }
  readonly create_config: { readonly env: { readonly type: string } }
  readonly default: ConfigPair
}

const load = (file: string) => import(join(FOLDER, file)) as Promise<ConfigFile>

/** Sizes with which any config does some updates and an evaluation within seconds. */
const SMALL = {
  env: { collector_env_num: 2, evaluator_env_num: 2, n_evaluator_episode: 2, max_episode_steps: 40 },
  policy: {
    random_collect_size: 0,
    learn: { batch_size: 8, update_per_collect: 2 },
    collect: { n_sample: 16 },
    eval: { evaluator: { eval_freq: 4 } },
    other: { replay_buffer: { replay_buffer_size: 200 } },
  },
}

describe('shipped configs', () => {
  test('are found', () => {
    expect(FILES).toContain('cartpole/cartpole_dqn_config.ts')
    for (const policy of ['crossq', 'ddpg', 'redq', 'sac', 'td3'])
      expect(FILES).toContain(`mujoco/halfcheetah_${policy}_config.ts`)
    expect(FILES.filter((file) => /^minatar\/\w+_dqn_config\.ts$/.test(file))).toHaveLength(5)
  })

  describe.each(FILES)('%s', (file) => {
    test('compiles, and exports its parts and the pair', async () => {
      const { main_config, create_config, default: pair } = await load(file)
      expect(pair).toEqual([main_config, create_config])
      const compiled = await compile_config(main_config, create_config, {
        seed: 0,
        env: {},
        save: false,
        renew_dir: false,
      })
      expect(compiled.main_config.exp_name).toBe(main_config.exp_name)
    })

    test('trains for some updates', async () => {
      const { main_config, create_config } = await load(file)
      const config: ConfigPair = [merge(structuredClone(main_config), SMALL), create_config]
      const options = { console: 'quiet', work_dir: temporaryFolder(), max_train_iter: 6 } as const
      const needsData = Object.hasOwn(main_config.policy?.collect ?? {}, 'data_path')
      const result = needsData
        ? await serial_pipeline_offline(config, 0, {
            ...options,
            overrides: await randomData(config, options),
          })
        : await serial_pipeline(config, 0, options)
      expect(result).toMatchObject({ stop: false, stop_reason: 'max_train_iter', train_iter: 6 })
      expect(result.eval_value_raw).toHaveLength(2)
      expect(Number.isFinite(result.eval_value)).toBe(true)
    })
  })
})

/** Random play in the config's environment instead of the file that it names. */
async function randomData(config: ConfigPair, options: PipelineOptions): Promise<[string, string][]> {
  const { path } = await collect_demo_data(config, 0, {
    ...options,
    random_policy: true,
    collect_count: 100,
    expert_data_path: join(String(options.work_dir), 'data.hdf5'),
  })
  return [
    ['policy.collect.data_type', 'auto'],
    ['policy.collect.data_path', path],
  ]
}
