// `npm run bench`: builds what is stale, then runs benchmarks/run.ts.

import { join } from 'node:path'
import { build, install, root, run } from './lib.mjs'

install()
build()
run(process.execPath, ['--import', 'tsx', join(root, 'benchmarks', 'run.ts'), ...process.argv.slice(2)])
