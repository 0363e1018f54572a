// `npm run make:data -- TASK`: datasets of our own, from random to expert (see make_offline_data.ts).
import { join } from 'node:path'
import { build, handOver, install, root } from './lib.mjs'

install()
build()
handOver(['--import', 'tsx', join(root, 'scripts', 'make_offline_data.ts'), ...process.argv.slice(2)])
