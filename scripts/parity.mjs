// `npm run parity -- FOLDER`: golden cases of the reference implementations against this code.
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { build, install, root } from './lib.mjs'

install()
build()
// npm runs scripts in the repository root: a relative folder is meant from where npm was called.
const from = process.env.INIT_CWD ?? process.cwd()
const takesValue = new Set(['--runtime'])
const args = process.argv.slice(2)
const located = args.map((arg, i) =>
  arg.startsWith('-') || takesValue.has(args[i - 1]) ? arg : resolve(from, arg),
)
const program = join(root, 'tests', 'parity', 'run.ts')
const result = spawnSync(process.execPath, ['--import', 'tsx', program, ...located], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(result.status ?? 1)
