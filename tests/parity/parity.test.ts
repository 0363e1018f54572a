import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { goldenFiles, line, runFile, tally } from './suite.js'

const folder = process.env['DING_GOLDEN'] ?? fileURLToPath(new URL('../../../shared/golden', import.meta.url))
/** Files and cases that may not be run, which say why. Any other that is left out would pass unseen. */
const NOT_RUN: readonly string[] = [
  'agilerl_cqn/training.json',
  'corl_cql/helpers.json actions of an evaluation',
]
const files = existsSync(folder) ? await goldenFiles(folder) : []

describe('golden numbers of the reference implementations', () => {
  test.skipIf(files.length > 0)(
    'no golden files here: set DING_GOLDEN to their folder to run these tests',
    (context) => {
      context.skip()
    },
  )

  test.each(files.map((file) => [file.shown, file] as const))('%s', async (_, file) => {
    const results = await runFile(file, files)
    const failed = results.filter((result) => !result.pass && result.skipped === undefined)
    expect(failed.map(line)).toEqual([])
    expect(tally(results).failed).toBe(0)
    const skipped = results.filter((result) => result.skipped !== undefined)
    expect(skipped.filter(({ name }) => !NOT_RUN.includes(name)).map(line)).toEqual([])
  })
})
