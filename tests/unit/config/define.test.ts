import { expect, expectTypeOf, test } from 'vitest'
import { defineConfig } from '../../../ding/config/index.js'

declare module '../../../ding/config/index.js' {
  interface PolicyConfigMap {
    test_policy: {
      discount_factor: number
      model: Record<string, unknown>
      learn: { batch_size: number; criterion: 'mse' | 'smooth_l1'; sizes: number[] }
      other: { replay_buffer: { replay_buffer_size: number } }
    }
  }
  interface DefaultModelMap {
    test_policy: 'test_model' | 'test_other_model'
  }
  interface ModelConfigMap {
    test_model: { obs_shape: number; widths: number[] }
    test_other_model: { obs_shape: number; depth: number }
    test_third_model: { obs_shape: number; heads: number }
  }
  interface EnvConfigMap {
    test_env: { collector_env_num: number; max_episode_steps: number | null }
  }
}

const create = { env: { type: 'test_env' }, policy: { type: 'test_policy' } } as const

test('returns both parts unchanged', () => {
  const main = { policy: { learn: { batch_size: 3 } } }
  const [main_config, create_config] = defineConfig(main, create)
  expect(main_config).toBe(main)
  expect(create_config).toBe(create)
  expectTypeOf(create_config.policy.type).toEqualTypeOf<'test_policy'>()
})

test('accepts what the policy and the environment have, and the places of other parts', () => {
  defineConfig(
    {
      exp_name: 'x',
      env: { collector_env_num: 8, max_episode_steps: null, manager: { max_retry: 2 } },
      policy: {
        discount_factor: 0.9,
        model: { obs_shape: 4 },
        learn: { batch_size: 3, criterion: 'mse', learner: { hook: { save_ckpt_after_iter: 3 } } },
        eval: { evaluator: { eval_freq: 3 } },
        other: { replay_buffer: { replay_buffer_size: 3, alpha: 0.6 } },
      },
    },
    { env: { type: 'test_env' }, policy: { type: 'test_policy_command' } },
  )
  // The keys of either of the two models that the policy may take, of the one that is named, or any of one that is not known.
  const models = [{ obs_shape: 4, widths: [8] }, { depth: 3 }] as const
  for (const model of models) defineConfig({ policy: { model } }, create)
  defineConfig({ policy: { model: { type: 'test_third_model', heads: 2, import_names: ['x'] } } }, create)
  defineConfig({ policy: { model: { type: 'own', whatever: 2 } } }, create)
  defineConfig({ policy: { model: { whatever: 1 } } }, { env: { type: 'test_env' }, policy: { type: 'own' } })
  defineConfig(
    { policy: { whatever: 1 }, env: { x: [1] } },
    { env: { type: 'mine' }, policy: { type: 'own' } },
  )
  expect.assertions(0)
})

test('wrong keys and types do not compile', () => {
  const wrong = () => {
    // @ts-expect-error: misspelt
    defineConfig({ policy: { learn: { batch_sise: 3 } } }, create)
    // @ts-expect-error: wrong type
    defineConfig({ policy: { learn: { batch_size: '3' } } }, create)
    // @ts-expect-error: not one of the values
    defineConfig({ policy: { learn: { criterion: 'l1' } } }, create)
    // @ts-expect-error: not a key of the models that the policy may take
    defineConfig({ policy: { model: { obs_shape: 4, heads: 2 } } }, create)
    // @ts-expect-error: wrong type
    defineConfig({ policy: { model: { widths: 8 } } }, create)
    // @ts-expect-error: not a key of the model that is named
    defineConfig({ policy: { model: { type: 'test_third_model', widths: [8] } } }, create)
    // @ts-expect-error: not a key of the environment
    defineConfig({ env: { collector_envs: 3 } }, create)
    // @ts-expect-error: not a part of a config
    defineConfig({ polciy: {} }, create)
    // @ts-expect-error: no type
    defineConfig({}, { env: { type: 'test_env' }, policy: {} })
  }
  expect(wrong).toBeTypeOf('function')
})
