import { expect, test } from 'vitest'
import {
  BUFFER_REGISTRY,
  type BufferOptions,
  ConfigError,
  compile_config,
  NaiveReplayBuffer,
} from '../../../ding/index.js'
import { checkConfig } from '../../../ding/pipeline/check.js'
import { smallDqn } from '../../fixtures/configs.js'

async function check(type: string, priority: boolean): Promise<void> {
  const [main, create] = smallDqn({ priority })
  const config = await compile_config(main, { ...create, replay_buffer: { type } }, { save: false, env: {} })
  checkConfig(config)
}

test('priority with the buffer "naive", which keeps none, is refused', async () => {
  await expect(check('naive', true)).rejects.toThrow(ConfigError)
  await expect(check('naive', true)).rejects.toMatchObject({ path: 'policy.priority' })
  await expect(check('naive', true)).rejects.toThrow(
    /policy\.priority is true, but the replay buffer "naive".*replay_buffer\.type.*advanced/,
  )
  await expect(check('naive', false)).resolves.toBeUndefined()
})

test('the buffer "episode", which a run would give no episodes, is refused', async () => {
  await expect(check('episode', false)).rejects.toThrow(ConfigError)
  await expect(check('episode', false)).rejects.toMatchObject({ path: 'create_config.replay_buffer.type' })
  await expect(check('episode', false)).rejects.toThrow(/stores whole episodes.*Use 'advanced', 'naive'/)
})

test.each(['advanced', 'deque'])('priority with the buffer "%s" is accepted', async (type) => {
  await expect(check(type, true)).resolves.toBeUndefined()
})

test('a buffer that does not say whether it keeps priorities is given the benefit of the doubt', async () => {
  class Unsaid {
    static readonly config = NaiveReplayBuffer.config
    readonly inner: NaiveReplayBuffer
    constructor(cfg: never, options: BufferOptions) {
      this.inner = new NaiveReplayBuffer(cfg, options)
    }
  }
  BUFFER_REGISTRY.register('unsaid_for_test', Unsaid as never)
  await expect(check('unsaid_for_test', true)).resolves.toBeUndefined()
})
