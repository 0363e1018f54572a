import { register as registerHooks } from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'

/**
 * Module resolution for TypeScript files, and JavaScript files with import/export, in a package without
 * `"type": "module"`: they are ES modules all the same. Left to itself tsx would load them as CommonJS, which ends in
 * ERR_REQUIRE_CYCLE_MODULE, or in a second copy of every library that they import. It runs in Node's hooks thread,
 * hence the text.
 */
const MODULE_HOOK = `
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
const path = (url) => url.replace(/[?#].*$/, '')
const isEsm = (url) => {
  try { return /^\\s*(import\\b\\s*["'{*\\w]|export\\b\\s*[{*\\w])/m.test(readFileSync(fileURLToPath(path(url)), 'utf8')) }
  catch { return false }
}
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  if (found.format === 'module' || !found.url.startsWith('file:') || found.url.includes('/node_modules/')) return found
  const source = path(found.url)
  const esm = /\\.tsx?$/.test(source) || (source.endsWith('.js') && isEsm(found.url))
  return esm ? { ...found, format: 'module' } : found
}`

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx'])
let ready: Promise<void> | undefined

/**
 * Whether tsx already loads this thread's modules (`tsx file.ts`, `node --import tsx`). Worker threads inherit the options,
 * but tsx leaves them alone.
 */
function tsxIsActive(): boolean {
  if (!isMainThread) return false
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => /\btsx\b/.test(option))
}

/** Makes `import()` take TypeScript, once. Test runners that transform modules themselves are left alone. */
async function enableTypeScript(): Promise<void> {
  if (process.env['VITEST'] !== undefined) return
  if (!tsxIsActive()) {
    const { register } = await import('tsx/esm/api')
    register()
  }
  registerHooks(`data:text/javascript,${encodeURIComponent(MODULE_HOOK)}`)
}

/**
 * Imports a JavaScript or TypeScript file by its absolute path. What it imports is shared with the running program: in
 * particular it sees this copy of the library.
 * @throws whatever loading or evaluating the file throws.
 */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  if (TYPESCRIPT.has(extname(path)) || tsxIsActive()) {
    ready ??= enableTypeScript()
    await ready
  }
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, unknown>
}
