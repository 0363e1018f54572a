import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ding, dingInterrupted, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

const state = (cwd: string) => join(cwd, 'small_dqn', 'ckpt', 'run_state.safetensors')
/** Printed at the first evaluation after some training. */
const training = /^ +\d+ +100 /m

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('ends the run with 130 and everything saved; --resume goes on from there', async () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd, {}, { stop_value: 1e9 })
    const stopped = await dingInterrupted(cwd, ['-c', config], training, [signal])
    expect(stopped).toMatchObject({ code: 130, stderr: '' })
    expect(stopped.stdout).toContain(`${signal}: stopping`)
    expect(stopped.stdout).toContain('npx ding --resume small_dqn')
    expect(existsSync(state(cwd))).toBe(true)
    const reached = /(\d+) training iterations/.exec(stopped.stdout)?.[1]
    const result = JSON.parse(readFileSync(join(cwd, 'small_dqn', 'result.json'), 'utf8')) as Record<
      string,
      unknown
    >
    expect(result).toMatchObject({ stop_reason: 'interrupted', train_iter: Number(reached) })

    const limit = Number(reached) + 40
    const resumed = ding(cwd, ['--resume', 'small_dqn', '--train-iter', String(limit)])
    expect(resumed).toMatchObject({ code: 0, stderr: '' })
    expect(resumed.stdout).toContain(`${limit} training iterations`)
  })
})

test('Ctrl-C under npx arrives twice at once and still saves', async () => {
  const cwd = temporaryFolder()
  const config = writeSmallConfig(cwd, {}, { stop_value: 1e9 })
  const stopped = await dingInterrupted(cwd, ['-c', config], training, ['SIGINT', 'SIGINT', 'SIGINT'])
  expect(stopped.code).toBe(130)
  expect(existsSync(state(cwd))).toBe(true)
})
