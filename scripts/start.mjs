// `npm start`: from a fresh clone to a trained agent.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build, install, root } from './lib.mjs'

install()
build()
const args = process.argv.slice(2)
const chosen = args.length > 0 ? args : ['-m', 'serial', '-c', 'configs/cartpole/cartpole_dqn_config.ts', '-s', '0']
const result = spawnSync(process.execPath, [join(root, 'dist', 'entry', 'bin.js'), ...chosen], { cwd: root, stdio: 'inherit' })
process.exit(result.status ?? 1)
