import { expect, test } from 'vitest'
import type { OverrideEntry } from '../../../ding/config/index.js'
import { extendSchema, type schema } from '../../../ding/config/index.js'
import { ConfigError, RegistryError } from '../../../ding/utils/index.js'
import { compile, create_config, fakeRegistries, main_config, rejection } from './fakes.js'

const NAIVE = { replay_buffer: { type: 'naive', import_names: [], replay_buffer_size: 20000 } }

test.each<[string, OverrideEntry]>([
  ['as text', ['policy.other.replay_buffer', '{"type":"naive"}']],
  ['as a record', ['policy.other.replay_buffer', { type: 'naive' }]],
  ['of the section', ['create_config.replay_buffer', '{"type":"naive"}']],
  ['further out', ['policy', { other: { replay_buffer: { type: 'naive' } } }]],
  ['further out, as text', ['create_config.policy.other', '{"replay_buffer":{"type":"naive"}}']],
])('a type inside a group that is overridden counts: %s', async (_how, override) => {
  const { main_config: c, create_config: create } = await compile(main_config(), create_config(), {
    overrides: [override],
  })
  expect(c.policy.other).toMatchObject(NAIVE)
  expect(create.replay_buffer.type).toBe('naive')
})

test('... and from the environment; the later of two overrides wins', async () => {
  const env = { DING__POLICY__OTHER__REPLAY_BUFFER: '{"type":"naive"}' }
  expect((await compile(main_config(), create_config(), { env })).create_config.replay_buffer.type).toBe(
    'naive',
  )
  const overrides = [['policy.other.replay_buffer.type', 'advanced']] as const
  const both = await compile(main_config(), create_config(), { env, overrides })
  expect(both.create_config.replay_buffer.type).toBe('advanced')
})

test('a type that nothing is registered under is an error inside a group, too', async () => {
  const overrides = [['policy.other.replay_buffer', { type: 'nonsense' }]] as const
  const error = await rejection(compile(main_config(), create_config(), { overrides }))
  expect(error).toBeInstanceOf(RegistryError)
  expect(error.message).toMatch(/policy\.other\.replay_buffer\.type: .*"nonsense"/)
  const number = [['policy', { model: { type: 4 } }]] as const
  expect((await rejection(compile(main_config(), create_config(), { overrides: number }))).message).toContain(
    'policy.model.type: is 4, expected the name of a registered model.',
  )
})

test('sections of create_config may hold those inside them', async () => {
  const { replay_buffer } = NAIVE
  for (const create of [
    { ...create_config(), policy: { type: 'dqn', other: { replay_buffer: { type: 'naive' } } } },
    { ...create_config(), replay_buffer: { type: 'naive' } },
  ])
    expect((await compile(main_config(), create)).main_config.policy.other.replay_buffer).toEqual(
      replay_buffer,
    )
  const env = { type: 'cartpole', manager: { type: 'subprocess' } }
  const { main_config: c, create_config: made } = await compile(main_config(), {
    ...create_config(),
    env,
    env_manager: {},
  })
  expect(c.env.manager['type']).toBe('subprocess')
  expect(made.env_manager.type).toBe('subprocess')
})

test('two types for one part in create_config are a contradiction; main_config goes over both', async () => {
  const env = { type: 'cartpole', manager: { type: 'subprocess' } }
  const error = await rejection(compile(main_config(), { ...create_config(), env }))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toBe(
    'create_config.env_manager.type: is the string "base", but create_config.env.manager.type is the string "subprocess". Leave one of them out.',
  )
  const main = { ...main_config(), env: { ...main_config().env, manager: { type: 'subprocess' } } }
  expect((await compile(main, create_config())).create_config.env_manager.type).toBe('subprocess')
})

test("a policy's default model is that of its keys, wherever they are set", async () => {
  const registries = fakeRegistries()
  const base = registries.policy.get('dqn') as unknown as { config: ReturnType<typeof schema> }
  registries.policy.register(
    'either',
    class Either {
      static config = extendSchema(base.config, {
        wide: { doc: 'Which model.', format: 'boolean', default: false },
      })
      declare cfg: { wide: boolean }
      defaultModel() {
        return this.cfg.wide ? 'wide' : 'mlp'
      }
    },
  )
  registries.model.register('wide', class Wide {})
  const model = async (main: object, policy: object, more: object = {}) => {
    const create = { ...create_config(), policy: { type: 'either', ...policy } }
    return (await compile(main, create, { registries, ...more })).main_config.policy.model['type']
  }
  const main = main_config()
  expect(await model(main, {})).toBe('mlp')
  expect(await model({ ...main, policy: { ...main.policy, wide: true } }, {})).toBe('wide')
  expect(await model(main, { wide: true })).toBe('wide')
  expect(await model(main, {}, { overrides: [['policy.wide', 'true']] })).toBe('wide')
  expect(await model(main, {}, { env: { DING__POLICY__WIDE: '1' } })).toBe('wide')
})
