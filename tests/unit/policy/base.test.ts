import { describe, expect, test } from 'vitest'
import { CheckpointError, ConfigError, Module, UsageError } from '../../../ding/index.js'
import { buildDqn, QTable, tableOf } from '../../fixtures/q_table.js'

const table = () => new QTable([[1, 2]])

describe('modes', () => {
  test('are frozen, hold only functions, and are the same at each access', async () => {
    const policy = await buildDqn({}, { model: table() })
    for (const mode of [policy.learn_mode, policy.collect_mode, policy.eval_mode, policy.command_mode]) {
      expect(Object.isFrozen(mode)).toBe(true)
      expect(Object.values(mode).every((member) => typeof member === 'function')).toBe(true)
    }
    expect(policy.learn_mode).toBe(policy.learn_mode)
    expect(policy.collect_mode).toBe(policy.collect_mode)
  })

  test('share one model', async () => {
    const policy = await buildDqn({}, { model: table() })
    policy.eval_mode.load_state_dict({
      model: { table: { dtype: 'float32', shape: [1, 2], data: Float32Array.of(3, 4) } },
    })
    expect(tableOf(policy.learn_mode.state_dict())).toEqual([3, 4])
  })

  test('only those enabled are there', async () => {
    const policy = await buildDqn({}, { model: table(), enable_field: ['eval'] })
    expect(() => policy.eval_mode).not.toThrow()
    expect(() => policy.learn_mode).toThrow(ConfigError)
    expect(() => policy.collect_mode).toThrow(/enable_field \[eval\].*no collect_mode.*Add 'collect'/)
    expect(policy.enable_field).toEqual(['eval'])
  })

  test('are initialised in the order learn, collect, eval, whatever was asked', async () => {
    const policy = await buildDqn({}, { model: table(), enable_field: ['eval', 'learn'] })
    expect(policy.enable_field).toEqual(['learn', 'eval'])
  })

  test('an unknown field is refused with a suggestion', async () => {
    await expect(buildDqn({}, { model: table(), enable_field: ['lern' as never] })).rejects.toThrow(
      /"lern".*Did you mean "learn"/,
    )
  })

  test('a mode that cannot be initialised says so every time', async () => {
    const policy = await buildDqn({ learn: { lr_schedule: { type: 'nonsense' } } }, { model: table() })
    for (let i = 0; i < 2; i++) expect(() => policy.learn_mode).toThrow(/lr_schedule/)
  })
})

describe('attributes', () => {
  test('are what was set, else a key of the config: top level, learn, collect', async () => {
    const policy = await buildDqn(
      { nstep: 3, learn: { batch_size: 17 }, collect: { n_sample: 9 } },
      { model: table() },
    )
    const { learn_mode, collect_mode } = policy
    expect(
      ['nstep', 'batch_size', 'n_sample', 'priority', 'on_policy', 'cuda'].map((name) =>
        collect_mode.get_attribute(name),
      ),
    ).toEqual([3, 17, 9, false, false, false])
    expect(learn_mode.get_attribute('cfg')).toBe(policy.cfg)
    learn_mode.set_attribute('batch_size', 5)
    expect(collect_mode.get_attribute('batch_size')).toBe(5)
    expect(collect_mode.has_attribute('no_such')).toBe(false)
    expect(() => collect_mode.get_attribute('no_such')).toThrow(/no attribute "no_such"/)
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(collect_mode.has_attribute(name)).toBe(false)
  })
})

describe('the model', () => {
  test('may be given, as a Module', async () => {
    const model = table()
    const policy = await buildDqn({}, { model })
    model.table.data.fill(8)
    expect(tableOf(policy.eval_mode.state_dict())).toEqual([8, 8])
    await expect(buildDqn({}, { model: {} as never })).rejects.toThrow(UsageError)
    expect(model).toBeInstanceOf(Module)
  })

  test('is built from policy.model otherwise, the same for the same seed', async () => {
    const given = { model: { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [8] } }
    const weights = async (seed: number) => (await buildDqn(given, { seed })).learn_mode.state_dict()
    expect(await weights(1)).toEqual(await weights(1))
    expect(await weights(1)).not.toEqual(await weights(2))
    await expect(buildDqn({ model: { obs_shape: 4, action_shap: 2 } })).rejects.toThrow(
      /policy\.model.*action_shap/s,
    )
  })

  test('a state of another kind is refused', async () => {
    const policy = await buildDqn({}, { model: table() })
    expect(() => policy.eval_mode.load_state_dict({ weights: {} })).toThrow(CheckpointError)
    expect(() => policy.eval_mode.load_state_dict({ weights: {} })).toThrow(
      /no "model" part \(it has: weights\)/,
    )
  })
})
