import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { RegistryError } from '../utils/index.js'
import { importFile } from './import_file.js'

/** The name that the imports are meant to register. */
export interface WantedName {
  readonly registry: { readonly name: string; has(name: string): boolean }
  readonly name: string
}

const SOURCE_FILE = /\.[cm]?[jt]sx?$/
const DOTTED = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/
/** What comes with the library is registered from the start, so naming its modules, in either style, imports nothing. */
const FIRST_PARTY = /^(ding|dizoo)[./]/

/**
 * Imports the modules listed in a config's `import_names`, in order, for what they register: paths of .ts, .mts, .js,
 * .mjs files (absolute, or relative to `baseDir`) and package names. Dotted module paths of DI-engine
 * (`ding.policy.dqn`) are accepted and skipped, as are other dotted paths once `wanted` is registered.
 * @throws RegistryError naming the entry, with the cause, when one cannot be found or fails while loading.
 */
export async function importNames(
  names: readonly string[],
  baseDir: string,
  wanted?: WantedName,
): Promise<void> {
  for (const name of names) await importOne(name, baseDir, wanted)
}

async function importOne(name: string, baseDir: string, wanted: WantedName | undefined): Promise<void> {
  if (typeof name !== 'string' || name.trim() === '') {
    throw new RegistryError(`import_names: ${JSON.stringify(name)} is not a path or a package name.`)
  }
  if (isPath(name)) {
    const path = locate(name, baseDir)
    await attempt(name, path, () => importFile(path))
    return
  }
  if (FIRST_PARTY.test(name)) return
  if (DOTTED.test(name) && wanted?.registry.has(wanted.name) === true) return
  const hint = DOTTED.test(name)
    ? ' It looks like the path of a Python module; name a file or a package.'
    : ''
  await attempt(name, `package "${name}", seen from ${baseDir}`, () => importPackage(name, baseDir), hint)
}

function isPath(name: string): boolean {
  const relative =
    name.startsWith('./') || name.startsWith('../') || name.startsWith('.\\') || name.startsWith('..\\')
  return relative || isAbsolute(name) || name.startsWith('file:') || SOURCE_FILE.test(name)
}

/** An entry of import_names that means the same from everywhere: relative paths become absolute. */
export function absoluteImportName(name: string, baseDir: string): string {
  return isPath(name) && !name.startsWith('file:') ? resolve(baseDir, name) : name
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** The file that `name` means: itself, or with the extension that was left out or that the compiler will give it. */
function locate(name: string, baseDir: string): string {
  const path = name.startsWith('file:') ? fileURLToPath(name) : resolve(baseDir, name)
  const candidates = SOURCE_FILE.test(path)
    ? [path, path.replace(/\.([cm]?)js$/, '.$1ts')]
    : [path, ...['.ts', '.js', '.mts', '.mjs'].map((extension) => path + extension)]
  const found = candidates.find(isFile)
  if (found !== undefined) return found
  const cause = tryStat(path)
  throw new RegistryError(`import_names: there is no file "${name}" (looked for ${candidates.join(', ')}).`, {
    cause,
  })
}

function tryStat(path: string): unknown {
  try {
    statSync(path)
    return new Error(`${path} is not a file`)
  } catch (error) {
    return error
  }
}

async function attempt(name: string, what: string, load: () => Promise<unknown>, hint = ''): Promise<void> {
  try {
    await load()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RegistryError(`import_names: "${name}" (${what}) cannot be loaded: ${reason}${hint}`, { cause })
  }
}

/** Imports a package as code in `baseDir` would see it, else as the library sees it. */
async function importPackage(name: string, baseDir: string): Promise<unknown> {
  let url = name
  try {
    url = pathToFileURL(createRequire(join(resolve(baseDir), 'import_names')).resolve(name)).href
  } catch {
    // Not visible from there, or without an entry for require(): the plain import below decides.
  }
  return import(/* @vite-ignore */ url)
}
