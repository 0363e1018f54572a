// `npm run typecheck`: sources, tests and benchmarks through the TypeScript compiler, without building.
import { join } from 'node:path'
import { install, root, run } from './lib.mjs'

install()
run(process.execPath, [join(root, 'scripts', 'build_kernels.mjs')])
run(process.execPath, [
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '--noEmit',
  '-p',
  'tsconfig.json',
])
