import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import partition from 'lodash-es/partition.js'
import { discover, type GoldenFile } from './discover.js'
import { HANDLERS } from './handlers.js'
import { failedCase, skippedCase } from './outcome.js'
import type { CaseResult, FileResult } from './types.js'

/** The golden files below a folder. */
export function goldenFiles(folder: string): Promise<GoldenFile[]> {
  return discover(folder, new Set(HANDLERS.keys()))
}

/**
 * All cases of one file, named by file and case. A file that cannot be read or run is one failed case.
 * @param run all files that are run together
 */
export async function runFile(file: GoldenFile, run: readonly GoldenFile[] = [file]): Promise<CaseResult[]> {
  const alike = run.filter(({ format }) => format === file.format)
  const [near, far] = partition(alike, ({ path }) => dirname(path) === dirname(file.path))
  let result: FileResult
  try {
    result = await HANDLERS.get(file.format)!(await read(file), file.shown, () => readAll([...near, ...far]))
  } catch (error) {
    return [failedCase(file.shown, error)]
  }
  if ('skipped' in result) return [skippedCase(file.shown, result.skipped)]
  if (result.cases.length === 0) return [skippedCase(file.shown, 'no cases in it')]
  return result.cases.map((c) => ({ ...c, name: `${file.shown} ${c.name}` }))
}

async function read({ path }: GoldenFile): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}

/** Those that can be read; the others are failed cases of their own. */
async function readAll(files: readonly GoldenFile[]): Promise<unknown[]> {
  const found = await Promise.allSettled(files.map(read))
  return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

export interface Tally {
  passed: number
  failed: number
  skipped: number
}

export function tally(results: readonly CaseResult[]): Tally {
  const skipped = results.filter((c) => c.skipped !== undefined).length
  const failed = results.filter((c) => c.skipped === undefined && !c.pass).length
  return { passed: results.length - skipped - failed, failed, skipped }
}

/** One line for a case: the outcome, its largest error and the tolerance, and what else there is to say. */
export function line(result: CaseResult): string {
  if (result.skipped !== undefined) return `skip  ${result.name}: ${result.skipped}`
  const numbers = `max error ${result.maxError.toExponential(2)} (tolerance ${result.tolerance.toExponential(0)})`
  const detail = result.detail === undefined ? '' : `  ${result.detail}`
  return `${result.pass ? 'ok   ' : 'FAIL '} ${result.name}: ${numbers}${detail}`
}
