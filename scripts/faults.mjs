// `npm run test:faults [rounds] [seed]`: kills every role and the server of parallel runs at random moments, many times, and counts transitions.
import { join } from 'node:path'
import { build, install, root, run } from './lib.mjs'

const [rounds = '20', seed = '0'] = process.argv.slice(2)
install()
build()
run(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    'tests/parallel_faults',
    '--no-file-parallelism',
  ],
  { env: { ...process.env, DING_FAULT_ROUNDS: rounds, DING_FAULT_SEED: seed } },
)
