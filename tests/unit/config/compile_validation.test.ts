import { describe, expect, test } from 'vitest'
import { ConfigError, RegistryError } from '../../../ding/utils/index.js'
import { compile, create_config, main_config, rejection } from './fakes.js'

describe('validation', () => {
  test('reports every problem with path, what was given, and what was expected', async () => {
    const main = main_config()
    Object.assign(main.policy.learn, { batch_size: '64', update_per_colect: 5, criterion: 'l1' })
    Object.assign(main.policy, { batch_size: 3, discount_factor: 1.5, collect: [] })
    Object.assign(main.policy.model, { encoder_hidden_size_list: [64, -1], obs_shape: undefined })
    const error = await rejection(compile(main))
    expect(error).toBeInstanceOf(ConfigError)
    const [title, ...lines] = error.message.split('\n  ')
    expect(title).toBe('The config has 8 problems:')
    expect(lines.sort()).toEqual([
      'policy.batch_size: unknown key (main_config). It belongs at "policy.learn.batch_size".',
      'policy.collect: is the list [] (main_config), expected an object with keys.',
      'policy.discount_factor: is 1.5 (main_config), expected a number from 0 to 1.',
      'policy.learn.batch_size: is the string "64" (main_config), expected a whole number > 0.',
      'policy.learn.criterion: is the string "l1" (main_config), expected one of "mse", "smooth_l1".',
      'policy.learn.update_per_colect: unknown key (main_config). Did you mean "update_per_collect"?',
      'policy.model.encoder_hidden_size_list: is the list [64,-1] (main_config), expected a list of whole numbers > 0.',
      'policy.model.obs_shape: has no value; it needs a whole number > 0, or a list of them. Size of an observation.',
    ])
    expect(error.path).toBe('policy.learn.update_per_colect')
  })

  test.each<[string, (main: ReturnType<typeof main_config>) => unknown, RegExp]>([
    ['NaN', (m) => Object.assign(m.env, { stop_value: Number.NaN }), /env\.stop_value: is NaN/],
    [
      'infinity where it is not allowed',
      (m) => Object.assign(m.policy.learn, { batch_size: Infinity }),
      /policy\.learn\.batch_size: is Infinity/,
    ],
    [
      'a function',
      (m) => Object.assign(m.policy.model.kwargs, { f: () => 1 }),
      /policy\.model\.kwargs\.f: is a function/,
    ],
    [
      'a class instance',
      (m) => Object.assign(m.policy, { model: new Date() }),
      /policy\.model: is an instance of Date/,
    ],
    ['an unknown top-level key', (m) => Object.assign(m, { polciy: {} }), /polciy: unknown key.*"policy"/],
    [
      '__proto__',
      (m) => Object.assign(m, { env: JSON.parse('{"__proto__": {"polluted": 1}}') }),
      /env\.__proto__: is not permitted/,
    ],
    [
      'constructor',
      (m) => Object.assign(m.policy.model.kwargs, { constructor: { prototype: { polluted: 1 } } }),
      /kwargs\.constructor: is not permitted/,
    ],
    ['an unsafe name', (m) => Object.assign(m, { exp_name: '../outside' }), /exp_name: is "\.\.\/outside"/],
    ['an absolute name', (m) => Object.assign(m, { exp_name: '/outside' }), /exp_name/],
    [
      'undefined in a list',
      (m) => Object.assign(m.policy.model.kwargs, { l: [undefined] }),
      /kwargs\.l\[0\]: is undefined/,
    ],
  ])('refuses %s', async (_what, change, message) => {
    const main = main_config()
    change(main)
    const error = await rejection(compile(main))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(message)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('a config that contains itself', async () => {
    const main = main_config()
    Object.assign(main.policy.model.kwargs, { self: main.policy })
    expect((await rejection(compile(main))).message).toMatch(/kwargs\.self: contains itself/)
  })

  test('a text for infinity is refused with how it is written', async () => {
    const main = main_config()
    Object.assign(main.env, { stop_value: 'inf' })
    expect((await rejection(compile(main))).message).toMatch(
      /env\.stop_value: is the string "inf" \(main_config\), expected a number or an infinity\. .*\.inf in YAML/,
    )
  })

  test('overrides that are no list are refused', async () => {
    const overrides = {} as never
    const error = await rejection(compile(main_config(), create_config(), { overrides }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/Overrides: is \{\}, expected a list of \[path, value\] pairs/)
  })

  test('names the source of a bad value from outside the files', async () => {
    const env = { DING__POLICY__LEARN__BATCH_SIZE: '12abc', DING__POLICY__LEARN__BATCHSIZE: '1' }
    const error = await rejection(
      compile(main_config(), create_config(), { env, overrides: [['env.stop_valu', 1]] }),
    )
    expect(error.message).toContain(
      'policy.learn.batch_size: is the string "12abc" (environment variable DING__POLICY__LEARN__BATCH_SIZE)',
    )
    expect(error.message).toContain(
      'policy.learn.batchsize: unknown key (environment variable DING__POLICY__LEARN__BATCHSIZE). Did you mean "batch_size"?',
    )
    expect(error.message).toContain('env.stop_valu: unknown key (command line). Did you mean "stop_value"?')
  })

  test('unknown and missing types', async () => {
    const unknown = await rejection(compile(main_config(), { ...create_config(), policy: { type: 'dqm' } }))
    expect(unknown).toBeInstanceOf(RegistryError)
    expect(unknown.message).toMatch(/^policy\.type: Registry "policy" has no entry "dqm".*Did you mean "dqn"/)
    expect(unknown.cause).toBeInstanceOf(RegistryError)
    const missing = await rejection(compile(main_config(), { env: { type: 'cartpole' } }))
    expect(missing).toBeInstanceOf(ConfigError)
    expect(missing.message).toMatch(/create_config\.policy\.type: missing.*dqn/)
    const section = await rejection(
      compile(main_config(), { ...create_config(), replay_bufer: { type: 'naive' } }),
    )
    expect(section.message).toMatch(/create_config\.replay_bufer: unknown section.*replay_buffer/)
    // Sections of DI-engine's that no pipeline uses.
    for (const unused of ['reward_model', 'world_model']) {
      const inCreate = compile(main_config(), { ...create_config(), [unused]: { type: 'mine' } })
      expect(await rejection(inCreate)).toMatchObject({
        name: 'ConfigError',
        message: expect.stringMatching(`create_config\\.${unused}: unknown section.*The sections are: env,`),
      })
      const inMain = await rejection(compile({ ...main_config(), [unused]: { weight: 1 } }))
      expect(inMain.message).toMatch(`${unused}: unknown key (main_config)`)
    }
    const number = await rejection(compile(main_config(), { ...create_config(), env: { type: 4 } }))
    expect(number.message).toMatch(/create_config\.env\.type: is 4/)
  })
})
