// `npm run test:learning -- [STUDY...] [options]`: long runs that show that policies learn. Each study writes its page below
// docs/results. Ends with the count of criteria; fails when one does not hold.
import { type Arguments, readArguments, USAGE } from './arguments.js'
import { cartpole_dqn } from './cartpole_dqn.js'
import { CONTROL_STUDIES } from './control.js'
import { cqn } from './cqn.js'
import { her } from './her.js'
import { OFFLINE_STUDIES } from './offline.js'
import { parallel } from './parallel.js'
import type { Study } from './types.js'

const STUDIES: readonly Study[] = [cartpole_dqn, cqn, her, ...CONTROL_STUDIES, ...OFFLINE_STUDIES, parallel]

/** The studies that are asked for. @throws Error for an unknown name, or options that a study does not take */
function chosen({ names, partial }: Arguments): readonly Study[] {
  const known = STUDIES.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw new Error(`There is no study ${unknown.join(', ')}. There are: ${known.join(', ')}.`)
  const studies = STUDIES.filter(({ name }) => names.length === 0 || names.includes(name))
  const whole = studies.filter(({ takes_options }) => takes_options !== true)
  if (partial && (names.length === 0 || whole.length > 0))
    throw new Error(
      `Name studies that take options: ${STUDIES.filter((s) => s.takes_options)
        .map((s) => s.name)
        .join(', ')}.`,
    )
  return studies
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  let given: Arguments
  let studies: readonly Study[]
  try {
    given = readArguments(args)
    studies = chosen(given)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`)
    return 2
  }
  if (given.help) {
    process.stdout.write(`${USAGE}\nStudies: ${STUDIES.map(({ name }) => name).join(', ')}\n`)
    return 0
  }
  let passed = 0
  let failed = 0
  let open = 0
  for (const study of studies) {
    const outcome = await study.run(given.options).catch((error: unknown) => {
      // What goes wrong in a part is told; in a whole study it is a defect and keeps its stack.
      if (!given.partial || !(error instanceof Error)) throw error
      process.stderr.write(`${study.name}: ${error.message}\n`)
      return undefined
    })
    if (outcome === undefined) return 2
    passed += outcome.passed
    failed += outcome.failed
    open += outcome.open ?? 0
  }
  const unjudged = open === 0 ? '' : `${open} open, `
  process.stdout.write(`${unjudged}${passed} passed, ${failed} failed\n`)
  // Whoever asks for some seeds gets those; whoever asks for a judgement has none while seeds are missing.
  const judging = !given.partial || given.options.page_only === true
  return failed === 0 && !(judging && open > 0) ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
