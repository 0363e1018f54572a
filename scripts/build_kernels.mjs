// Compiles ding/compute/host/kernels.as.ts (AssemblyScript with SIMD) into ding/compute/host/kernels_wasm.generated.ts,
// which holds the module in base64. Does nothing when that file is up to date; `--force` builds in any case.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = 'ding/compute/host/kernels.as.ts'
const target = join(root, 'ding/compute/host/kernels_wasm.generated.ts')
const options = [
  '--runtime',
  'stub',
  '--use',
  'abort=',
  '--importMemory',
  '--enable',
  'simd',
  '-O3',
  '--noAssert',
]

const digest = createHash('sha256')
  .update(readFileSync(join(root, source)))
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(asc.version ?? '')
  .digest('hex')
const mark = `// Built from kernels.as.ts by scripts/build_kernels.mjs; do not edit. ${digest}`

const fresh = existsSync(target) && readFileSync(target, 'utf8').startsWith(mark)
if (!fresh || process.argv.includes('--force')) await build()

async function build() {
  const folder = mkdtempSync(join(tmpdir(), 'ding-kernels-'))
  try {
    const out = join(folder, 'kernels.wasm')
    const { error, stderr } = await asc.main([source, ...options, '--baseDir', root, '--outFile', out])
    if (error)
      throw new Error(`AssemblyScript could not compile ${source}:\n${stderr.toString()}`, { cause: error })
    const base64 = readFileSync(out).toString('base64')
    const text = `${mark}\nexport const kernelsBase64 =\n  '${base64}'\n`
    // Written beside the target and renamed, so that tests started at the same time never read half a file.
    const beside = `${target}.${process.pid}`
    writeFileSync(beside, text)
    renameSync(beside, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
