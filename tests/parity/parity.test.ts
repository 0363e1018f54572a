import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { goldenFiles, line, runFile, tally } from './suite.js'

const folder = process.env['DING_GOLDEN'] ?? fileURLToPath(new URL('../../../shared/golden', import.meta.url))
/** Files whose cases are not run, which say why. Any other that is left out would pass unseen. */
const NOT_RUN: readonly string[] = ['agilerl_cqn/training.json']
const files = existsSync(folder) ? await goldenFiles(folder) : []

describe('golden numbers of the reference implementations', () => {
  test.skipIf(files.length > 0)(
    'no golden files here: set DING_GOLDEN to their folder to run these tests',
    (context) => {
      context.skip()
    },
  )

  test.each(files.map((file) => [file.shown, file] as const))('%s', async (_, file) => {
    const results = await runFile(file)
    const failed = results.filter((result) => !result.pass && result.skipped === undefined)
    expect(failed.map(line)).toEqual([])
    expect(tally(results).failed).toBe(0)
    if (!NOT_RUN.includes(file.shown))
      expect(results.filter(({ skipped }) => skipped !== undefined).map(line)).toEqual([])
  })
})
