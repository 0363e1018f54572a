// `npm run format`: formats, sorts imports, and applies the safe fixes of the lint rules.
import { join } from 'node:path'
import { install, root, run } from './lib.mjs'

install()
const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
run(process.execPath, [biome, 'check', '--write', ...process.argv.slice(2)])
