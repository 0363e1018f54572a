// `npm run test:learning -- [STUDY...]`: long runs that show that policies learn. Each study writes its page below
// docs/results. Ends with the count of criteria; fails when one does not hold.
import { cartpole_dqn } from './cartpole_dqn.js'
import { cqn } from './cqn.js'
import type { Study } from './types.js'

const STUDIES: readonly Study[] = [cartpole_dqn, cqn]

/** Runs the studies of these names, all without names. @returns the exit code */
async function main(names: readonly string[]): Promise<number> {
  const known = STUDIES.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    process.stderr.write(`There is no study ${unknown.join(', ')}. There are: ${known.join(', ')}.\n`)
    return 2
  }
  let passed = 0
  let failed = 0
  for (const study of STUDIES) {
    if (names.length > 0 && !names.includes(study.name)) continue
    const outcome = await study.run()
    passed += outcome.passed
    failed += outcome.failed
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
