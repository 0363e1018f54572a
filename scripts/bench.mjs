// `npm run bench`: builds what is stale, then runs benchmarks/run.ts.
import { build, install, root, run } from './lib.mjs'
import { join } from 'node:path'

install()
build()
run(process.execPath, ['--import', 'tsx', join(root, 'benchmarks', 'run.ts'), ...process.argv.slice(2)])
