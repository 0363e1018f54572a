// Shared by the scripts that must work in a fresh clone: install what is missing, build what is stale.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs a command in the repository root; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) throw result.error
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/**
 * Runs `node ARGS` in the place of this process and ends with its exit code. Ctrl-C reaches it from the terminal: this
 * process only waits for it to end in order. SIGTERM is passed on.
 */
export function handOver(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    throw error
  })
  child.on('close', (code) => process.exit(code ?? 1))
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(
      `ding needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer Node and try again.`,
    )
    process.exit(1)
  }
}

/** Whether node_modules holds what the lock file asks for: installed by us, or by npm after the lock file changed. */
function isInstalled(lock, digest, stamp) {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return true
  const byNpm = join(root, 'node_modules', '.package-lock.json')
  return existsSync(byNpm) && statSync(byNpm).mtimeMs >= statSync(lock).mtimeMs
}

/**
 * `npm ci` when node_modules is missing or was made from another lock file. Without install scripts: the only one that would do anything, ONNX Runtime's,
 * looks for CUDA libraries on the network, and npm before 11.16 does not read the package's allowScripts.
 */
export function install() {
  requireNode()
  const lock = join(root, 'package-lock.json')
  const stamp = join(root, 'node_modules', '.installed_by_ding')
  const digest = createHash('sha256').update(readFileSync(lock)).digest('hex')
  if (isInstalled(lock, digest, stamp)) return
  console.log('Installing dependencies (npm ci) ...')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
  })
  writeFileSync(stamp, digest)
}

function newest(path) {
  const info = statSync(path)
  if (!info.isDirectory()) return info.mtimeMs
  let time = 0
  for (const entry of readdirSync(path)) {
    if (entry !== 'node_modules') time = Math.max(time, newest(join(path, entry)))
  }
  return time
}

/** The build's sources: everything whose change makes dist stale. */
const sources = [
  'ding',
  'entry',
  'configs',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
  'package-lock.json',
]

/** Builds dist when it is missing or older than a source. */
export function build({ force = false } = {}) {
  const stamp = join(root, 'dist', '.built')
  const fresh = existsSync(stamp) && sources.every((s) => newest(join(root, s)) <= statSync(stamp).mtimeMs)
  if (fresh && !force) return
  console.log('Building ...')
  run(process.execPath, [join(root, 'scripts', 'build.mjs')])
}
