// `npm run test:learning`: the long runs that show that policies learn.
import { join } from 'node:path'
import { build, install, root, run } from './lib.mjs'

install()
build()
run(process.execPath, [
  '--import',
  'tsx',
  join(root, 'tests', 'learning', 'run.ts'),
  ...process.argv.slice(2),
])
