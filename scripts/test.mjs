// `npm test`: installs and builds what is missing, runs every test, ends with "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, install, root } from './lib.mjs'

install()
build()
const folder = mkdtempSync(join(tmpdir(), 'ding-test-'))
const report = join(folder, 'report.json')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = [
  vitest,
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTotalTests: 0 }
try {
  counts = JSON.parse(readFileSync(report, 'utf8'))
} catch {
  console.error('The test runner left no report.')
}
rmSync(folder, { recursive: true, force: true })
// A file that could not even be loaded fails no test; it must fail the run all the same.
const failed = counts.numFailedTests + (status !== 0 && counts.numFailedTests === 0 ? 1 : 0)
const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : ''
console.log(`${counts.numPassedTests} passed, ${failed} failed${skipped}`)
process.exit(status === 0 && failed === 0 && counts.numPassedTests > 0 ? 0 : 1)
