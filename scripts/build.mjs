// Compiles the SIMD kernels and the TypeScript sources into dist/.
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './lib.mjs'

rmSync(join(root, 'dist'), { recursive: true, force: true })
run(process.execPath, [join(root, 'scripts', 'build_kernels.mjs')])
run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])
chmodSync(join(root, 'dist', 'entry', 'bin.js'), 0o755)
writeFileSync(join(root, 'dist', '.built'), '')
