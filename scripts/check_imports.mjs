// The house rule of imports: a folder of ding/ imports only folders below it, and only through their index.ts.
// Types alone may also come from a folder on the same level. entry/ stands above all; configs/ import only 'ding' and what lies beside them.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './lib.mjs'

/** From the top down. Folders of one line are on the same level. */
const LEVELS = [
  ['entry'],
  // Agent classes over single policies, for those who write their own loop.
  ['agent'],
  ['parallel'],
  ['pipeline'],
  ['worker'],
  ['policy'],
  ['envs', 'data'],
  ['model', 'rl_utils'],
  // Schemas and loggers are used by every part above.
  ['config', 'logger'],
  ['nn'],
  ['compute'],
  ['registry'],
  ['utils'],
]
/** Reaches past faces on purpose: it is what worker threads load in their place, to start in a fraction of the time. */
const EXCEPTIONS = new Set(['ding/envs/light_imports.ts'])
const levelOf = new Map(LEVELS.flatMap((names, i) => names.map((name) => [name, LEVELS.length - i])))

const IMPORT =
  /\b(import|export)\s+(type\s+)?([^'"`;]*?\bfrom\s*)?['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g

/** The imports of a source text: what is imported, whether only types, and the line. */
function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '))
  return [...code.matchAll(IMPORT)].map((match) => {
    const [, , typeWord, clause = '', fixed, dynamic] = match
    const names =
      /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter(Boolean) ?? []
    const onlyTypes =
      names.length > 0 && names.every((name) => name.startsWith('type ')) && !/^\s*\w+\s*,/.test(clause)
    const line = code.slice(0, match.index).split('\n').length
    return { target: fixed ?? dynamic, types: typeWord !== undefined || onlyTypes, line }
  })
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (entry.name.endsWith('.ts') && !/\.(d|as)\.ts$/.test(entry.name)) yield path
  }
}

/** `ding/data/x/y.ts` -> ['data', 'x/y.ts']; `entry/x.ts` -> ['entry', 'x.ts']; `ding/index.ts` -> ['ding', 'index.ts']. */
function placeOf(path) {
  const parts = relative(root, path).split(sep)
  if (parts[0] === 'ding' && parts.length > 2) return [parts[1], parts.slice(2).join('/')]
  return [parts[0], parts.slice(1).join('/')]
}

function problem(file, { target, types }) {
  const [own] = placeOf(file)
  if (own === 'configs') {
    const fits = target === 'ding' || target.startsWith('./')
    return fits ? undefined : `configs import only 'ding' and what lies beside them, not '${target}'`
  }
  if (!target.startsWith('.')) return undefined
  const [other, rest] = placeOf(join(dirname(file), target))
  if (own === other) return undefined
  if (own === 'ding') return rest === 'index.js' ? undefined : `'${target}' reaches past the face of ${other}`
  if (rest !== 'index.js') return `'${target}' reaches past the face of ${other}: import its index.js`
  const [here, there] = [levelOf.get(own), levelOf.get(other)]
  if (here === undefined || (there === undefined && own !== 'entry'))
    return `'${target}': ${here === undefined ? own : other} is not in the list of levels of scripts/check_imports.mjs`
  if (there === undefined || there < here || (types && there === here)) return undefined
  return `${own} must not import ${other}, which is ${there === here ? 'beside it (types alone may)' : 'above it'}: '${target}'`
}

/** What is wrong with the imports below the repository root, one line each. */
export function checkImports() {
  const found = []
  for (const folder of ['ding', 'entry', 'configs']) {
    for (const file of sources(join(root, folder))) {
      if (EXCEPTIONS.has(relative(root, file).split(sep).join('/'))) continue
      for (const one of importsOf(readFileSync(file, 'utf8'))) {
        const message = problem(file, one)
        if (message !== undefined) found.push(`${relative(root, file)}:${one.line}: ${message}`)
      }
    }
  }
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = checkImports()
  for (const line of found) console.error(line)
  console.log(found.length === 0 ? 'Imports: all in order.' : `Imports: ${found.length} against the rule.`)
  process.exit(found.length === 0 ? 0 : 1)
}
