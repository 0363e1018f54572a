// Compiles the SIMD kernels and the TypeScript sources into dist/.
//
// The old dist stays usable until the new one is whole, so that whatever runs from it at that moment is not disturbed.
import { chmodSync, existsSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './lib.mjs'

const target = join(root, 'dist')
const fresh = join(root, `dist-${process.pid}`)
const old = join(root, `dist-${process.pid}-old`)
process.on('exit', () => {
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true })
})

run(process.execPath, [join(root, 'scripts', 'build_kernels.mjs')])
// The kernels just written are a source, too.
const started = new Date()
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh])
chmodSync(join(fresh, 'entry', 'bin.js'), 0o755)
// What is edited during the build is newer than the stamp.
const stamp = join(fresh, '.built')
writeFileSync(stamp, '')
utimesSync(stamp, started, started)
if (existsSync(target)) renameSync(target, old)
renameSync(fresh, target)
