import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
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

describe('the config reference', () => {
  test('is what scripts/docs_config.ts writes', async () => {
    expect(
      readFileSync(CONFIG_PAGE, 'utf8'),
      'Run `npx tsx scripts/docs_config.ts` and commit the page.',
    ).toBe(await configPage())
  })
})
