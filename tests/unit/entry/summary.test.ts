import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CompiledConfig, RunResult } from '../../../ding/index.js'
import { summary } from '../../../entry/summary.js'
import { temporaryFolder } from '../../fixtures/configs.js'

const config = { main_config: { env: { stop_value: Number.POSITIVE_INFINITY } } } as CompiledConfig

const result = (more: Partial<RunResult>) =>
  ({ stop_reason: 'max_train_iter', env_step: 0, train_iter: 5, ...more }) as RunResult

test('raw return and normalised score stand side by side', () => {
  const evaluated = { eval_value: 1500, eval_value_raw: [1000, 2000], exp_name: 'x' }
  expect(summary(result({ ...evaluated, normalised_score: 46.71 }), config, 1)).toContain(
    'mean return 1500.00 over 2 episodes (normalised score 46.7)',
  )
  expect(summary(result(evaluated), config, 1)).not.toContain('normalised')
})

test('a run that never evaluated names its last weights', () => {
  const exp_name = temporaryFolder()
  const text = () => summary(result({ eval_value: Number.NaN, eval_value_raw: [], exp_name }), config, 1)
  expect(text()).toContain('never evaluated')
  expect(text()).not.toContain('weights')
  mkdirSync(join(exp_name, 'ckpt'))
  writeFileSync(join(exp_name, 'ckpt', 'iteration_5.safetensors'), '')
  expect(text()).toContain(`last weights   ${join(exp_name, 'ckpt', 'iteration_5.safetensors')}`)
  expect(text()).not.toContain('ckpt_best')
})
