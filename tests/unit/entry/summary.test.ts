import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CompiledConfig, RunResult } from '../../../ding/index.js'
import { NO_LIMIT } from '../../../ding/pipeline/index.js'
import { summary } from '../../../entry/summary.js'
import { temporaryFolder } from '../../fixtures/configs.js'

const none = { max_train_iter: NO_LIMIT, max_env_step: NO_LIMIT }
const config = { main_config: { env: { stop_value: Number.POSITIVE_INFINITY } } } as CompiledConfig

const result = (more: Partial<RunResult>) =>
  ({ stop_reason: 'max_train_iter', env_step: 0, train_iter: 5, ...more }) as RunResult

test('raw return and normalised score stand side by side', () => {
  const evaluated = { eval_value: 1500, eval_value_raw: [1000, 2000], exp_name: 'x' }
  expect(summary(result({ ...evaluated, normalised_score: 46.71 }), config, none, 1)).toContain(
    'mean return 1500.00 over 2 episodes (normalised score 46.7)',
  )
  expect(summary(result(evaluated), config, none, 1)).not.toContain('normalised')
})

test('a run that never evaluated names its last weights', () => {
  const exp_name = temporaryFolder()
  const text = () =>
    summary(result({ eval_value: Number.NaN, eval_value_raw: [], exp_name }), config, none, 1)
  expect(text()).toContain('never evaluated')
  expect(text()).not.toContain('weights')
  mkdirSync(join(exp_name, 'ckpt'))
  writeFileSync(join(exp_name, 'ckpt', 'iteration_5.safetensors'), '')
  expect(text()).toContain(`last weights   ${join(exp_name, 'ckpt', 'iteration_5.safetensors')}`)
  expect(text()).not.toContain('ckpt_best')
})

test('a run that came to a limit is told how to go on beyond it; others keep their limits', () => {
  const at = { eval_value: 1, eval_value_raw: [1], exp_name: 'x' }
  const limits = { max_train_iter: 5, max_env_step: 40 }
  const goOn = (more: Partial<RunResult>, given = limits) =>
    /go on +(.*)/.exec(summary(result({ ...at, ...more }), config, given, 1))?.[1]
  expect(goOn({})).toBe('npx ding --resume x --train-iter 10')
  expect(goOn({ stop_reason: 'max_env_step' })).toBe('npx ding --resume x --env-step 80')
  expect(goOn({ stop_reason: 'interrupted' })).toBe('npx ding --resume x')
  // The limit of the config, which no flag moves.
  expect(goOn({}, none)).toBe('npx ding --resume x')
})
