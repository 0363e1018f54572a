// `npm run lint`: formatting and lint rules (Biome), type-aware rules (oxlint), and the import rule of the house.
// All three run, whatever the first ones find. `npm run format` mends what can be mended by itself.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkImports } from './check_imports.mjs'
import { install, root, run } from './lib.mjs'

install()
// The type-aware rules need the module that is generated.
run(process.execPath, [join(root, 'scripts', 'build_kernels.mjs')])

const tools = [
  [
    'Biome',
    'node_modules/@biomejs/biome/bin/biome',
    ['check', '--max-diagnostics=50', ...process.argv.slice(2)],
  ],
  ['oxlint', 'node_modules/oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']],
]
const failed = []
for (const [name, program, args] of tools) {
  const { status } = spawnSync(process.execPath, [join(root, program), ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) failed.push(name)
}
const imports = checkImports()
for (const line of imports) console.error(line)
if (imports.length > 0) failed.push('imports')
console.log(failed.length === 0 ? 'Lint: all in order.' : `Lint: see above (${failed.join(', ')}).`)
process.exit(failed.length === 0 ? 0 : 1)
