// Runs every golden case below a folder: npm run parity -- FOLDER [--runtime eager|onnx] [--failures]
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { GoldenFile } from './discover.js'
import { RUNTIMES, type RuntimeName, useRuntime } from './runtimes.js'
import { goldenFiles, line, runFile, tally } from './suite.js'
import type { CaseResult } from './types.js'

const USAGE = `Usage: npm run parity -- [FOLDER] [--runtime eager|onnx] [--failures]
  FOLDER      where to look for golden files, at any depth (default: ../shared/golden)
  --runtime   run tensor functions with this runtime only (default: both)
  --failures  print failed and skipped cases only`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runtime: { type: 'string' },
      failures: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  if (values.runtime !== undefined) {
    if (!(RUNTIMES as readonly string[]).includes(values.runtime))
      throw new Error(`--runtime must be one of ${RUNTIMES.join(', ')}.`)
    useRuntime(values.runtime as RuntimeName)
  }
  const byDefault =
    process.env['DING_GOLDEN'] ?? fileURLToPath(new URL('../../../shared/golden', import.meta.url))
  const folders = positionals.length > 0 ? positionals : [byDefault]
  const run: GoldenFile[] = []
  for (const folder of folders) {
    if (!existsSync(folder))
      throw new Error(`There is no folder ${folder}. Name the folder that holds the golden files.`)
    const files = await goldenFiles(folder)
    if (files.length === 0)
      throw new Error(`No golden files below ${folder}: no folder in it has the name of a known format.`)
    run.push(...files)
  }
  const results: CaseResult[] = []
  for (const file of run) {
    for (const result of await runFile(file, run)) {
      results.push(result)
      if (!values.failures || !result.pass || result.skipped !== undefined) console.log(line(result))
    }
  }
  const { passed, failed, skipped } = tally(results)
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  process.exitCode = 2
}
