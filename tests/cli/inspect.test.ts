import { describe, expect, test } from 'vitest'
import { ding, ownEnvs, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

describe('ding registry', () => {
  test('lists the registries, and the entries of one with where they come from', () => {
    const cwd = temporaryFolder()
    const all = ding(cwd, ['registry'])
    expect(all).toMatchObject({ code: 0, stderr: '' })
    expect(all.stdout).toMatch(/^policy +\d+ registered$/m)
    const one = ding(cwd, ['registry', 'policy'])
    expect(one.stdout).toMatch(/^dqn +DQNPolicy/m)
  })

  test('--import shows a registration of the user', () => {
    const { code, stdout } = ding(temporaryFolder(), ['registry', 'env', '--import', ownEnvs])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^corridor +Corridor$/m)
  })
})

describe('ding config explain', () => {
  test('a policy: every key with type, default and doc', () => {
    const { code, stdout } = ding(temporaryFolder(), ['config', 'explain', 'dqn'])
    expect(code).toBe(0)
    for (const part of ['discount_factor', '0.97', 'batch_size', 'positive_int'])
      expect(stdout).toContain(part)
  })

  test('a config file, below one key: values and where they came from', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const args = ['config', 'explain', config, 'policy.learn', '--set', 'policy.learn.learning_rate=0.5']
    const { code, stdout } = ding(cwd, args)
    expect(code).toBe(0)
    expect(stdout).toMatch(/batch_size.*\b16\b[\s\S]*main_config/)
    expect(stdout).toMatch(/learning_rate.*\b0\.5\b[\s\S]*command line/)
    expect(stdout).not.toContain('collector_env_num')
    expect(ding(cwd, ['config', 'explain', config, 'policy.lern'])).toMatchObject({ code: 2, stdout: '' })
  })
})

describe('help', () => {
  test('shows examples and what the exit codes mean', () => {
    const { code, stdout } = ding(temporaryFolder(), ['--help'])
    expect(code).toBe(0)
    for (const part of ['Examples:', 'Exit codes:', '130', '--resume', 'config explain'])
      expect(stdout).toContain(part)
  })

  test('--version is the version of the package', () => {
    expect(ding(temporaryFolder(), ['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
