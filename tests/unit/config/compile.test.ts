import { describe, expect, test } from 'vitest'
import { schema } from '../../../ding/config/index.js'
import { compile, create_config, fakeRegistries, main_config, rejection } from './fakes.js'

describe('layers', () => {
  test('defaults <- create_config <- main_config <- environment <- command line', async () => {
    const create = { ...create_config(), collector: { type: 'episode', collect_print_freq: 7 } }
    const env = {
      DING__POLICY__LEARN__BATCH_SIZE: '48',
      DING__POLICY__PRIORITY_IS_WEIGHT: 'true',
      OTHER: 'x',
    }
    const overrides = [
      ['policy.learn.batch_size', '128'],
      ['policy.model.encoder_hidden_size_list', '32,16'],
      ['policy.model.kwargs.note', 'hello'],
      ['env.stop_value', 'inf'],
    ] as const
    const { main_config: c, provenance } = await compile(main_config(), create, { env, overrides })
    expect(c.policy.learn).toMatchObject({ batch_size: 128, update_per_collect: 3, criterion: 'mse' })
    expect(c.policy.collect.collector).toEqual({ type: 'episode', import_names: [], collect_print_freq: 7 })
    expect(c.policy.model).toMatchObject({
      type: 'mlp',
      encoder_hidden_size_list: [32, 16],
      kwargs: { note: 'hello', deep: { a: 1 } },
    })
    expect(c.policy['priority_IS_weight']).toBe(true)
    expect(c.env.stop_value).toBe(Number.POSITIVE_INFINITY)
    const sources = [
      'policy.learn.criterion',
      'policy.collect.collector.collect_print_freq',
      'policy.discount_factor',
      'policy.priority_IS_weight',
      'policy.learn.batch_size',
    ].map((path) => provenance.get(path))
    expect(sources).toEqual([
      'class default',
      'create_config',
      'main_config',
      'environment variable DING__POLICY__PRIORITY_IS_WEIGHT',
      'command line',
    ])
  })

  test('the conventional tree', async () => {
    const { main_config: c, create_config: create } = await compile()
    expect(c).toMatchObject({
      exp_name: 'cartpole_dqn_seed0',
      seed: 0,
      env: {
        type: 'cartpole',
        env_id: 'CartPole-v0',
        manager: { type: 'base', max_retry: 1, episode_num: Number.POSITIVE_INFINITY },
      },
      policy: {
        type: 'dqn',
        learn: { learner: { type: 'base', log_policy: true, hook: { save_ckpt_after_iter: 100 } } },
        collect: { n_sample: 16, collector: { type: 'sample' } },
        eval: { evaluator: { type: 'interaction', eval_freq: 40, stop_value: 195, n_episode: 5 } },
        other: {
          eps: { start: 0.9 },
          replay_buffer: { type: 'advanced', replay_buffer_size: 20000, max_use: Number.POSITIVE_INFINITY },
          commander: {},
        },
      },
    })
    expect(create.replay_buffer).toEqual({ type: 'advanced', import_names: [] })
    expect(Object.keys(create).sort()).toEqual([
      'collector',
      'env',
      'env_manager',
      'evaluator',
      'learner',
      'policy',
      'replay_buffer',
    ])
  })

  test("a policy's default for a buffer key wins over the buffer's own", async () => {
    const main = main_config()
    const { replay_buffer: _, ...other } = main.policy.other
    const { main_config: c } = await compile({ ...main, policy: { ...main.policy, other } })
    expect(c.policy.other.replay_buffer['replay_buffer_size']).toBe(10000)
  })

  test('the inputs are left as they were', async () => {
    const main = main_config()
    const create = create_config()
    const { main_config: c } = await compile(main, create)
    c.policy.model['obs_shape'] = 99
    ;(c.policy.model['encoder_hidden_size_list'] as number[]).push(1)
    expect(main).toEqual(main_config())
    expect(create).toEqual(create_config())
    expect((await compile()).main_config.policy.model).toMatchObject({
      obs_shape: 4,
      encoder_hidden_size_list: [64, 64],
    })
  })

  test('typed arrays become lists, undefined is not given, -0 is 0', async () => {
    const main = main_config()
    Object.assign(main.policy.model, { encoder_hidden_size_list: new Int32Array([8, 4]), dropout: undefined })
    Object.assign(main.env, { stop_value: -0 })
    const { main_config: c } = await compile(main)
    expect(c.policy.model['encoder_hidden_size_list']).toEqual([8, 4])
    expect(c.policy.model['dropout']).toBeNull()
    expect(Object.is(c.env.stop_value, 0)).toBe(true)
  })

  test('keys with a variable or an option of their own', async () => {
    const named = await compile(main_config(), create_config(), { env: { FAKE_CUDA: 'true' } })
    expect(named.main_config.policy['cuda']).toBe(true)
    expect(named.provenance.get('policy.cuda')).toBe('environment variable FAKE_CUDA')
    const option = await compile(main_config(), create_config(), {
      env: { FAKE_CUDA: 'false' },
      overrides: [['cuda', true]],
    })
    expect(option.main_config.policy['cuda']).toBe(true)
  })

  test('null from outside: nullable numbers, texts, permitted values and lists, keys of open groups', async () => {
    const registries = fakeRegistries()
    registries.policy.register(
      'loose',
      class LoosePolicy {
        static config = schema({
          size: { doc: 'Number.', format: 'positive_int', default: 3, nullable: true },
          place: { doc: 'Text.', format: 'string', default: 'here', nullable: true },
          kind: { doc: 'Permitted values.', format: ['a', null], default: 'a' },
          mode: { doc: 'Permitted values or null.', format: ['a', 'b'], default: 'a', nullable: true },
          sizes: { doc: 'List.', format: 'int_list', default: [1], nullable: true },
          anything: { doc: 'Anything.', format: 'any', default: 1 },
          name: { doc: 'Text, always.', format: 'string', default: 'x' },
          own: { doc: 'Own format.', format: (value: unknown) => value === 1, default: 1, nullable: true },
        })
        defaultModel() {
          return 'mlp'
        }
      },
    )
    registries.model.register('open', class OpenModel {})
    const main = { ...main_config(), policy: { type: 'loose', model: { type: 'open', width: 4 } } }
    const keys = ['size', 'place', 'kind', 'mode', 'sizes', 'anything', 'own']
    const expected = {
      ...Object.fromEntries(keys.map((key) => [key, null])),
      name: 'null',
      model: { width: null },
    }
    const create = { ...create_config(), policy: { type: 'loose' } }
    const overrides = [...keys, 'name', 'model.width'].map((key) => [`policy.${key}`, 'null'] as const)
    const byFlag = await compile(main, create, { registries, overrides })
    expect(byFlag.main_config.policy).toMatchObject(expected)
    const env = Object.fromEntries(
      overrides.map(([path]) => [`DING__${path.toUpperCase().replaceAll('.', '__')}`, 'null']),
    )
    const byVariable = await compile(main, create, { registries, env })
    expect(byVariable.main_config.policy).toMatchObject(expected)
  })

  test('false from outside switches off what is no switch: null, no path; else it is refused', async () => {
    const registries = fakeRegistries()
    registries.policy.register(
      'loose',
      class LoosePolicy {
        static config = schema({
          flag: { doc: 'Switch.', format: 'boolean', default: true },
          size: { doc: 'Number.', format: 'positive_int', default: 3, nullable: true },
          kind: { doc: 'Permitted values.', format: ['a', null], default: 'a' },
          file: { doc: 'Path.', format: 'path', default: 'here' },
          place: { doc: 'Path or null.', format: 'path', default: 'here', nullable: true },
          anything: { doc: 'Anything.', format: 'any', default: 1 },
          count: { doc: 'Number.', format: 'positive_int', default: 3 },
          name: { doc: 'Text.', format: 'string', default: 'x' },
        })
      },
    )
    const main = { ...main_config(), policy: { type: 'loose' } }
    const create = { ...create_config(), policy: { type: 'loose' } }
    const set = (...keys: string[]) =>
      compile(main, create, { registries, overrides: keys.map((key) => [`policy.${key}`, false] as const) })
    expect((await set('flag', 'size', 'kind', 'file', 'place', 'anything')).main_config.policy).toMatchObject(
      {
        flag: false,
        size: null,
        kind: null,
        file: '',
        place: null,
        anything: false,
      },
    )
    const { message } = await rejection(set('count', 'name'))
    expect(message).toContain('policy.count: is false (command line), expected a whole number > 0.')
    expect(message).toContain('policy.name: is false (command line), expected a string.')
  })

  test('the arguments seed, exp_name and rename go over the environment, and overrides over them', async () => {
    const env = { DING__SEED: '3', DING__EXP_NAME: 'of_env' }
    const nameAndSeed = async (options: object) => {
      const { main_config: c } = await compile(main_config(), create_config(), { env, ...options })
      return [c.exp_name, c.seed]
    }
    expect(await nameAndSeed({})).toEqual(['of_env', 3])
    expect(await nameAndSeed({ exp_name: 'given', seed: 4 })).toEqual(['given', 4])
    const overrides = [['exp_name', 'over']]
    expect(await nameAndSeed({ exp_name: 'given', overrides })).toEqual(['over', 3])
    const rename = (name: string) => `${name}_seed7`
    expect(await nameAndSeed({ rename })).toEqual(['of_env_seed7', 3])
    expect(await nameAndSeed({ exp_name: 'given', rename })).toEqual(['given_seed7', 3])
  })

  test('a record over a list replaces it, as a list over a record does', async () => {
    const main = main_config()
    Object.assign(main.policy.model.kwargs, { a: [1, 2], b: { c: 1 }, d: { e: [1], f: 2 } })
    const overrides = [['policy.model.kwargs', { a: { x: 1 }, b: [3], d: { e: { y: 2 } } }]] as const
    const { main_config: c } = await compile(main, create_config(), { overrides })
    expect(JSON.parse(JSON.stringify(c.policy.model['kwargs']))).toEqual({
      note: 'inf',
      deep: { a: 1 },
      a: { x: 1 },
      b: [3],
      d: { e: { y: 2 }, f: 2 },
    })
  })

  test('types can be overridden too, at their place or in create_config', async () => {
    const options = {
      env: { DING__CREATE_CONFIG__ENV_MANAGER__TYPE: 'subprocess' },
      overrides: [
        ['create_config.collector.type', 'episode'],
        ['main_config.policy.type', 'dqn_command'],
      ] as const,
    }
    const { main_config: c, create_config: create } = await compile(main_config(), create_config(), options)
    expect(c.env.manager['type']).toBe('subprocess')
    expect(create.env_manager.type).toBe('subprocess')
    expect(create.collector.type).toBe('episode')
    expect(c.policy.type).toBe('dqn_command')
  })
})

describe('classes without a schema', () => {
  test('take any keys, with a note', async () => {
    const main = { env: { anything: [1], stop_value: 3 }, policy: { gamma: 'x', learn: { foo: { bar: 1 } } } }
    const {
      main_config: c,
      notes,
      provenance,
    } = await compile(main, { env: { type: 'bare' }, policy: { type: 'plain' } })
    expect(c.env).toMatchObject({
      anything: [1],
      stop_value: 3,
      n_evaluator_episode: 4,
      manager: { type: 'base' },
    })
    expect(c.policy).toMatchObject({ gamma: 'x', learn: { foo: { bar: 1 } }, model: {} })
    expect(notes.join()).toMatch(/env "bare" declares no schema.*policy "plain" declares no schema/)
    expect(provenance.get('policy.gamma')).toBe('main_config')
  })

  test('a plain object as config gives defaults', async () => {
    const main = { policy: { model: { obs_shape: 1, action_shape: 1 }, learn: { more: 1 } } }
    const { main_config: c } = await compile(main, { env: { type: 'cartpole' }, policy: { type: 'dict' } })
    expect(c.policy).toMatchObject({
      gain: 2,
      learn: { rate: 0.5, sizes: [1, 2], more: 1 },
      model: { type: 'mlp' },
    })
    const error = await rejection(
      compile(
        { policy: { ...main.policy, collect: { collector: { frq: 1 } } } },
        { env: { type: 'cartpole' }, policy: { type: 'dict' } },
      ),
    )
    expect(error.message).toMatch(/policy\.collect\.collector\.frq: unknown key/)
  })
})
