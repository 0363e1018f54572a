import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository root. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Where the programs that the pages show are kept. */
export const EXAMPLES = join(ROOT, 'tests', 'fixtures', 'docs')

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Every page for people, by its path from the root. */
export function pages(): { path: string; text: string }[] {
  const top = ['README.md', 'CONTRIBUTING.md'].map((name) => join(ROOT, name))
  const docs = filesBelow(join(ROOT, 'docs')).filter((path) => path.endsWith('.md'))
  return [...top, ...docs].map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
}

/** The example files, by their path from the examples' folder. */
export function exampleFiles(): string[] {
  return filesBelow(EXAMPLES).map((path) => relative(EXAMPLES, path))
}

/** The code blocks of a page that name the file they show: ```ts file=own_policy/munchausen.ts */
export function namedBlocks(text: string): { file: string; code: string }[] {
  return [...text.matchAll(/^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    file: match[1] as string,
    code: match[2] as string,
  }))
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
}

/** Targets of a page's links to other files, and to headings. */
export function relativeLinks(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] as string)
    .filter((target) => !/^[a-z]+:/.test(target))
}

/** A test file that a page names, and words of the names of its tests, where the page has some in parentheses behind it. */
export interface TestReference {
  /** From the folder of the tests. */
  readonly path: string
  readonly names: readonly string[]
}

const TEST_FILE =
  /(?<![\w/.-])(?:tests\/)?((?:(?:unit|pipeline|parity|cli|learning|fixtures|parallel_faults)\/[\w/.-]+|[\w/.*-]+\.test)\.(?:ts|py|json))`?(?: \(([^)]*)\))?/g

/** The test files that a page names, in running text and in tables. */
export function testReferences(text: string): TestReference[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(TEST_FILE)].map(([, path, names = '']) => ({
    path: path as string,
    names: names
      .split(/[,;]/)
      .map((name) => name.replaceAll('`', '').trim())
      .filter((name) => name !== ''),
  }))
}

/** The anchors that GitHub gives a page's headings. */
export function anchors(text: string): Set<string> {
  const headings = [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)]
  return new Set(
    headings.map((match) =>
      (match[1] as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  )
}

/** The file that a link of a page leads to, from the root, and the anchor in it. */
export function resolveLink(page: string, target: string): { path: string; anchor: string | undefined } {
  const [file, anchor] = target.split('#') as [string, string | undefined]
  return { path: file === '' ? page : join(dirname(page), file), anchor }
}
