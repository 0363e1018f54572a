import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createDataset, loadState, RandomStream, type StateTree } from '../../../ding/index.js'
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
  return {
    work_dir,
    data_path,
    config,
    result,
    load_path: join(work_dir, 'small_dqn/ckpt/iteration_100.safetensors'),
  }
}

test('a checkpoint holds the mean and deviation of the data, so that the data are not needed to evaluate or act', async () => {
  const { work_dir, data_path, config, result, load_path } = await trained()
  const { obs_norm } = await createDataset(
    { data_path, use_norm: true },
    { random: RandomStream.fromSeed(0) },
  )
  expect((loadState(load_path).tree['normalisation'] as StateTree)['fixed']).toEqual(obs_norm)
  rmSync(data_path)
  const options = { ...quiet, work_dir, load_path }
  expect((await evaluate(config, 0, options)).eval_value_raw).toEqual(result.eval_value_raw)
  // The normalisation goes with the weights, whatever the config says.
  const raw = { ...options, overrides: [['policy.collect.use_norm', 'false']] as const }
  expect((await evaluate(config, 0, raw)).eval_value_raw).toEqual(result.eval_value_raw)
  const expert_data_path = join(work_dir, 'demo.hdf5')
  await collect_demo_data(config, 0, {
    ...quiet,
    work_dir,
    state_dict_path: load_path,
    collect_count: 50,
    expert_data_path,
  })
  // Demonstrations are raw: their observations are small, as CartPole's are.
  const demo = await createDataset({ data_path: expert_data_path }, { random: RandomStream.fromSeed(0) })
  expect(Math.max(...demo.statistics.std!)).toBeLessThan(1)
})

test('a checkpoint without the statistics that the config asks for is refused', async () => {
  const { work_dir, config } = await trained()
  await serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, exp_name: 'raw', max_train_iter: 4 })
  const load_path = join(work_dir, 'raw/ckpt/iteration_4.safetensors')
  await expect(evaluate(config, 0, { ...quiet, work_dir, load_path })).rejects.toThrow(
    /iteration_4\.safetensors cannot be used here.*no normalisation statistics.*policy\.collect\.use_norm/,
  )
})

test('use_norm is not ignored by a run that collects, nor running statistics by one that does not', async () => {
  const { work_dir, data_path, config } = await trained()
  await expect(serial_pipeline(config, 0, { ...quiet, work_dir, exp_name: 'online' })).rejects.toMatchObject({
    name: 'ConfigError',
    path: 'policy.collect.use_norm',
  })
  const running = smallDqn({ collect: { data_path }, vec_normalize: { norm_obs: true } })
  await expect(
    serial_pipeline_offline(running, 0, { ...quiet, work_dir, exp_name: 'running' }),
  ).rejects.toMatchObject({ name: 'ConfigError', path: 'policy.vec_normalize.norm_obs' })
})
