import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type CompileOptions, compile_config, extendSchema, schema } from '../../../ding/config/index.js'
import { Registry, type RegistryName, registries } from '../../../ding/registry/index.js'

/** A set of registries like the real one, with a policy, an env, buffers and so on, none of which runs. */
export function fakeRegistries(): Record<RegistryName, Registry> {
  const made = Object.fromEntries(
    Object.keys(registries).map((name) => [
      name,
      new Registry(name, name === 'policy' ? { ignoredSuffixes: ['_command'] } : {}),
    ]),
  ) as Record<RegistryName, Registry>
  made.policy.register('dqn', FakeDqn)
  made.policy.register('plain', class PlainPolicy {})
  made.policy.register(
    'dict',
    class DictPolicy {
      static config = { gain: 2, learn: { rate: 0.5, sizes: [1, 2] } }
      defaultModel() {
        return 'mlp'
      }
    },
  )
  made.model.register('mlp', FakeModel)
  made.env.register('cartpole', FakeEnv)
  made.env.register('bare', class BareEnv {})
  made.env_manager.register('base', FakeManager)
  made.env_manager.register('subprocess', FakeManager)
  made.learner.register('base', FakeLearner)
  made.serial_collector.register('sample', FakeCollector)
  made.serial_collector.register('episode', FakeCollector)
  made.serial_evaluator.register('interaction', FakeEvaluator)
  made.buffer.register('advanced', FakeBuffer)
  made.buffer.register(
    'naive',
    class Naive {
      static config = schema({ replay_buffer_size: { doc: 'Capacity.', format: 'positive_int', default: 5 } })
    },
  )
  return made
}

class FakeModel {
  static config = schema({
    obs_shape: { doc: 'Size of an observation.', format: 'shape', required: true },
    action_shape: { doc: 'Number of actions.', format: 'shape', required: true },
    encoder_hidden_size_list: { doc: 'Widths.', format: 'positive_int_list', default: [128, 128, 64] },
    dropout: { doc: 'Dropout.', format: 'unit_interval', default: null, nullable: true },
    kwargs: { doc: 'More arguments.', format: 'any_record', default: {} },
  })
}

const basePolicy = schema({
  cuda: { doc: 'Use a GPU.', format: 'boolean', default: false, env: 'FAKE_CUDA', arg: 'cuda' },
  priority: { doc: 'Prioritised replay.', format: 'boolean', default: false },
  priority_IS_weight: { doc: 'Importance weights.', format: 'boolean', default: false },
  learn: { resume_training: { doc: 'Go on.', format: 'boolean', default: false } },
})

class FakeDqn {
  static config = extendSchema(basePolicy, {
    discount_factor: { doc: 'Gamma.', format: 'unit_interval', default: 0.97 },
    unroll_len: { doc: 'Length of pieces.', format: 'positive_int', default: 1 },
    learn: {
      update_per_collect: { doc: 'Updates per collect.', format: 'positive_int', default: 3 },
      batch_size: { doc: 'Batch.', format: 'positive_int', default: 64 },
      criterion: { doc: 'Loss.', format: ['mse', 'smooth_l1'], default: 'mse' },
    },
    collect: {
      n_sample: { doc: 'Samples per collect.', format: 'positive_int', default: 8, nullable: true },
      unroll_len: { doc: 'Length of pieces.', format: 'positive_int', default: 1 },
    },
    other: {
      eps: { start: { doc: 'Epsilon at first.', format: 'unit_interval', default: 0.95 } },
      replay_buffer: { replay_buffer_size: { doc: 'Capacity.', format: 'positive_int', default: 10000 } },
    },
  })
  defaultModel() {
    return ['mlp', ['ding.model.mlp']]
  }
}

class FakeEnv {
  static config = schema({
    env_id: { doc: 'Id.', format: 'string', default: 'CartPole-v0' },
    collector_env_num: { doc: 'Collecting envs.', format: 'positive_int', default: 8 },
    evaluator_env_num: { doc: 'Evaluating envs.', format: 'positive_int', default: 5 },
    n_evaluator_episode: { doc: 'Episodes.', format: 'positive_int', default: null, nullable: true },
    stop_value: { doc: 'Stop.', format: 'number', infinity: true, default: Number.POSITIVE_INFINITY },
  })
}

class FakeManager {
  static config = schema({
    max_retry: { doc: 'Retries.', format: 'positive_int', default: 1 },
    episode_num: {
      doc: 'Episodes.',
      format: 'positive_int',
      infinity: true,
      default: Number.POSITIVE_INFINITY,
    },
    step_timeout: { doc: 'Seconds.', format: 'positive_number', default: null, nullable: true },
  })
}

class FakeLearner {
  static config = schema({
    log_policy: { doc: 'Log the model.', format: 'boolean', default: true },
    hook: { save_ckpt_after_iter: { doc: 'Save every.', format: 'positive_int', default: 10000 } },
  })
}

class FakeCollector {
  static config = schema({ collect_print_freq: { doc: 'Log every.', format: 'positive_int', default: 100 } })
}

class FakeEvaluator {
  static config = schema({
    eval_freq: { doc: 'Evaluate every.', format: 'positive_int', default: 1000 },
    n_episode: { doc: 'Episodes.', format: 'positive_int', default: null, nullable: true },
    stop_value: { doc: 'Stop.', format: 'number', infinity: true, default: Number.POSITIVE_INFINITY },
  })
}

class FakeBuffer {
  static config = schema({
    replay_buffer_size: { doc: 'Capacity.', format: 'positive_int', default: 4096 },
    max_use: {
      doc: 'Uses of a sample.',
      format: 'positive_int',
      infinity: true,
      default: Number.POSITIVE_INFINITY,
    },
    priority: { doc: 'Prioritised.', format: 'boolean', default: false },
    priority_IS_weight: { doc: 'Weights.', format: 'boolean', default: false },
    alpha: { doc: 'Exponent.', format: 'unit_interval', default: 0.6 },
  })
}

export const main_config = () => ({
  exp_name: 'cartpole_dqn_seed0',
  env: { collector_env_num: 4, evaluator_env_num: 5, n_evaluator_episode: 5, stop_value: 195 },
  policy: {
    cuda: false,
    model: {
      obs_shape: 4,
      action_shape: 2,
      encoder_hidden_size_list: [64, 64],
      kwargs: { note: 'inf', deep: { a: 1 } },
    },
    discount_factor: 0.99,
    learn: { batch_size: 32, learner: { hook: { save_ckpt_after_iter: 100 } } },
    collect: { n_sample: 16 },
    eval: { evaluator: { eval_freq: 40 } },
    other: { eps: { start: 0.9 }, replay_buffer: { replay_buffer_size: 20000 } },
  },
})

export const create_config = () => ({
  env: { type: 'cartpole', import_names: ['dizoo.classic_control.cartpole.envs.cartpole_env'] },
  env_manager: { type: 'base' },
  policy: { type: 'dqn' },
})

/** compile_config without files and environment, on the fakes. */
export function compile(
  main: object = main_config(),
  create: object = create_config(),
  options: CompileOptions = {},
) {
  return compile_config(main, create, {
    registries: fakeRegistries(),
    env: {},
    save: false,
    renew_dir: false,
    ...options,
  })
}

/** A temporary folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ding-config-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { path?: string }> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error: unknown) => error as Error,
  )
}
