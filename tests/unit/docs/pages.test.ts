import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isSchema, registries } from '../../../entry/index.js'
import { CONFIG_PAGE, configPage } from '../../../scripts/docs_config.js'
import {
  anchors,
  EXAMPLES,
  exampleFiles,
  namedBlocks,
  pages,
  ROOT,
  relativeLinks,
  resolveLink,
  testReferences,
} from './pages.js'

describe('the programs in the docs', () => {
  test('are, character by character, the files that the tests run', () => {
    for (const { path, text } of pages()) {
      for (const { file, code } of namedBlocks(text)) {
        expect(code, `${path} shows ${file}`).toBe(readFileSync(join(EXAMPLES, file), 'utf8'))
      }
    }
  })

  test('are all shown somewhere', () => {
    const shown = pages().flatMap(({ text }) => namedBlocks(text).map(({ file }) => file))
    expect([...new Set(shown)].sort()).toEqual(exampleFiles())
  })
})

describe('links', () => {
  test('lead to files and headings that are there', () => {
    const texts = new Map(pages().map(({ path, text }) => [path, text]))
    const broken: string[] = []
    for (const [page, text] of texts) {
      for (const target of relativeLinks(text)) {
        const { path, anchor } = resolveLink(page, target)
        const there = texts.get(path)
        const heading = anchor === undefined || (there !== undefined && anchors(there).has(anchor))
        if (!existsSync(join(ROOT, path)) || !heading) broken.push(`${page}: ${target}`)
      }
    }
    expect(broken).toEqual([])
  })
})

describe('the tests that pages name', () => {
  test('are there, and what stands in parentheses behind one occurs in it', () => {
    const wrong: string[] = []
    for (const { path: page, text } of pages()) {
      for (const { path, names } of testReferences(text)) {
        const file = join(ROOT, 'tests', path)
        const source = existsSync(file) ? readFileSync(file, 'utf8') : undefined
        if (source === undefined) wrong.push(`${page}: there is no tests/${path}`)
        for (const name of names)
          if (source?.includes(name) === false) wrong.push(`${page}: tests/${path} has no "${name}"`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('are found with and without their folder and backticks', () => {
    const text =
      'Parity, pipeline/a.test.ts (one; `two`, three), `tests/unit/b/c.test.ts`, d.test.ts (four) and `parity/e.ts`; not `ding/pipeline/f.ts`.'
    expect(testReferences(text)).toEqual([
      { path: 'pipeline/a.test.ts', names: ['one', 'two', 'three'] },
      { path: 'unit/b/c.test.ts', names: [] },
      { path: 'd.test.ts', names: ['four'] },
      { path: 'parity/e.ts', names: [] },
    ])
  })
})

describe('the config reference', () => {
  test('has every registered class that has keys', async () => {
    const page = await configPage()
    const missing: string[] = []
    for (const [role, registry] of Object.entries(registries)) {
      for (const name of registry.query()) {
        const { config } = registry.get(name) as { config?: unknown }
        if (
          isSchema(config) &&
          !page.includes(`\n### \`${name}\`\n\nClass \`${registry.details(name).owner}\``)
        )
          missing.push(`${role}: ${name}`)
      }
    }
    expect(missing).toEqual([])
    for (const key of ['commander.samples_per_insert.min', 'exchange.queue_chunks', 'exchange.tls.ca_file'])
      expect(page).toContain(`policy.other.${key}`)
  })

  test('is what scripts/docs_config.ts writes', async () => {
    expect(
      readFileSync(CONFIG_PAGE, 'utf8'),
      'Run `npx tsx scripts/docs_config.ts` and commit the page.',
    ).toBe(await configPage())
  })
})
