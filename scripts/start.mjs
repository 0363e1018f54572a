// `npm start`: from a fresh clone to a trained agent.
import { join } from 'node:path'
import { build, handOver, install, root } from './lib.mjs'

install()
build()
const args = process.argv.slice(2)
const chosen =
  args.length > 0 ? args : ['-m', 'serial', '-c', 'configs/cartpole/cartpole_dqn_config.ts', '-s', '0']
handOver([join(root, 'dist', 'entry', 'bin.js'), ...chosen])
