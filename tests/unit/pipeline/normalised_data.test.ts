import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  collect_demo_data,
  evaluate,
  serial_pipeline,
  serial_pipeline_offline,
} from '../../../entry/index.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

/** A policy that has learned from normalised observations. */
async function trained() {
  const work_dir = temporaryFolder()
  const data_path = join(work_dir, 'random.hdf5')
  const random = { random_policy: true, collect_count: 500, expert_data_path: data_path }
  await collect_demo_data(smallDqn(), 0, { ...quiet, work_dir, ...random })
  const [main, create] = smallDqn({ collect: { data_path, use_norm: true } }, { stop_value: 1e9 })
  const config: [object, object] = [main, create]
  const result = await serial_pipeline_offline(config, 0, { ...quiet, work_dir, max_train_iter: 100 })
  return { work_dir, config, result, load_path: join(work_dir, 'small_dqn/ckpt/iteration_100.safetensors') }
}

test('a policy of normalised data is evaluated on observations normalised alike', async () => {
  const { work_dir, config, result, load_path } = await trained()
  const evaluated = await evaluate(config, 0, { ...quiet, work_dir, load_path })
  expect(evaluated.eval_value_raw).toEqual(result.eval_value_raw)
  const raw = { ...quiet, work_dir, load_path, overrides: [['policy.collect.use_norm', 'false']] as const }
  expect((await evaluate(config, 0, raw)).eval_value_raw).not.toEqual(result.eval_value_raw)
})

test('it does not record demonstrations, nor is use_norm ignored by a run that collects', async () => {
  const { work_dir, config, load_path } = await trained()
  const demo = { ...quiet, work_dir, state_dict_path: load_path, expert_data_path: join(work_dir, 'x.hdf5') }
  await expect(collect_demo_data(config, 0, demo)).rejects.toThrow(/policy\.collect\.use_norm is true/)
  await expect(serial_pipeline(config, 0, { ...quiet, work_dir, exp_name: 'online' })).rejects.toMatchObject({
    name: 'ConfigError',
    path: 'policy.collect.use_norm',
  })
})
