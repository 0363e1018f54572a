import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import '../../../ding/index.js'
import { type ConfigPair, compile_config } from '../../../ding/config/index.js'

const folder = new URL('../../../configs/cartpole/', import.meta.url)

describe('configs of cartpole', () => {
  it.each(readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith('_config.ts')))(
    '%s compiles',
    async (name) => {
      const [main, create] = ((await import(new URL(name, folder).href)) as { default: ConfigPair }).default
      const { main_config } = await compile_config(main as never, create as never, { save: false })
      expect(main_config.exp_name).toMatch(/^cartpole_\w+_seed0$/)
      expect(main_config.policy).toHaveProperty('learn.batch_size')
    },
  )
})
