import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Comparison, relativeError } from './compare.js'
import { goldenFiles, line, runFile, tally } from './suite.js'

const epsilon = (eps: number) => ({
  cases: [
    { fn: 'get_epsilon_greedy_fn', start: 1, end: 0, decay: 10, type: 'linear', step: [0, 5], eps: [1, eps] },
  ],
})

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ding-parity-'))
  await mkdir(join(root, 'a', 'b', 'di_engine', 'more'), { recursive: true })
  await mkdir(join(root, 'bcq'))
  await mkdir(join(root, 'other'))
  await writeFile(join(root, 'a', 'b', 'di_engine', 'any name.json'), JSON.stringify(epsilon(0.5)))
  await writeFile(join(root, 'a', 'b', 'di_engine', 'more', 'deep.JSON'), JSON.stringify(epsilon(0.5)))
  await writeFile(join(root, 'a', 'b', 'di_engine', 'notes.txt'), 'not golden')
  await writeFile(join(root, 'bcq', 'x.json'), '{}')
  await writeFile(join(root, 'other', 'x.json'), JSON.stringify(epsilon(0.5)))
})

afterAll(() => rm(root, { recursive: true, force: true }))

const runner = fileURLToPath(new URL('../../scripts/parity.mjs', import.meta.url))
const cli = (...args: string[]) => spawnSync(process.execPath, [runner, ...args], { encoding: 'utf8' })

describe('finding golden files', () => {
  test('by the name of a folder, at any depth, whatever the file is called', async () => {
    const shown = (await goldenFiles(root)).map((file) => file.shown)
    expect(shown).toEqual(['a/b/di_engine/any name.json', 'a/b/di_engine/more/deep.JSON', 'bcq/x.json'])
  })

  test('in a folder that has the name itself, and one file alone', async () => {
    const inside = await goldenFiles(join(root, 'a', 'b', 'di_engine'))
    expect(inside.map((file) => [file.shown, file.format])).toEqual([
      ['di_engine/any name.json', 'di_engine'],
      ['di_engine/more/deep.JSON', 'di_engine'],
    ])
    const [single] = await goldenFiles(join(root, 'bcq', 'x.json'))
    expect(single).toMatchObject({ shown: 'bcq/x.json', format: 'bcq' })
  })
})

describe('running golden files', () => {
  const runJson = async (json: unknown, format = 'di_engine') => {
    const path = join(root, 'case.json')
    await writeFile(path, typeof json === 'string' ? json : JSON.stringify(json))
    return runFile({ path, shown: 'case.json', format })
  }

  test('a wrong number fails, a right one passes', async () => {
    expect(tally(await runJson(epsilon(0.5)))).toEqual({ passed: 1, failed: 0, skipped: 0 })
    const wrong = await runJson(epsilon(0.5001))
    expect(tally(wrong)).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(line(wrong[0]!)).toMatch(
      /^FAIL {2}case\.json #0 get_epsilon_greedy_fn .* max error 1\.00e-4 \(tolerance 1e-12\)/,
    )
  })

  test('unknown content is skipped by name, a broken file or case fails', async () => {
    expect((await runJson({ cases: [{ fn: 'ppo_error' }] }))[0]).toMatchObject({
      skipped: expect.stringContaining('ppo_error'),
    })
    expect((await runJson([1, 2]))[0]).toMatchObject({ skipped: expect.any(String) })
    expect((await runJson({}, 'bcq'))[0]).toMatchObject({
      skipped: 'not a BCQ case: needs config and initial_params',
    })
    expect(tally(await runJson('{'))).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(tally(await runJson({ cases: [{ fn: 'nstep_return' }] }))).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    })
  })

  test('the command line prints a line a case and the totals, and its exit code tells failures', async () => {
    const good = cli(root)
    expect(good.stdout).toContain('skip  bcq/x.json: not a BCQ case: needs config and initial_params')
    expect(good.stdout).toMatch(/2 passed, 0 failed, 1 skipped\s*$/)
    expect(good.status).toBe(0)
    const bad = join(root, 'bad')
    await cp(join(root, 'a'), bad, { recursive: true })
    await writeFile(join(bad, 'b', 'di_engine', 'wrong.json'), JSON.stringify(epsilon(0.4)))
    const failing = cli(bad, '--failures')
    expect(failing.stdout).toMatch(
      /^FAIL {2}b\/di_engine\/wrong\.json[^\n]*\n2 passed, 1 failed, 0 skipped\s*$/,
    )
    expect(failing.status).toBe(1)
    expect(cli(join(root, 'other')).status).toBe(2)
    expect(cli(join(root, 'nowhere')).stderr).toContain('There is no folder')
  })
})

describe('comparing', () => {
  test('errors are relative to the scale of the tensor', () => {
    expect(relativeError([1000, 1], [1001, 1])).toBeCloseTo(1 / 1001, 12)
    expect(relativeError([0.001], [0.002])).toBeCloseTo(0.1, 12)
    expect(relativeError([1, 2], [1])).toBe(Number.POSITIVE_INFINITY)
    expect(relativeError([Number.NaN], [1])).toBe(Number.POSITIVE_INFINITY)
    expect(
      relativeError([Number.POSITIVE_INFINITY, Number.NaN], [Number.POSITIVE_INFINITY, Number.NaN]),
    ).toBe(0)
  })

  test('a case in which nothing was compared, or in which a result is missing, fails', () => {
    expect(new Comparison('empty').result().pass).toBe(false)
    const missing = new Comparison('missing')
    missing.check('loss', undefined, 1)
    expect(missing.result().pass).toBe(false)
  })
})
