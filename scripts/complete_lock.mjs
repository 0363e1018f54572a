// `npm run lock`: renews package-lock.json, then adds the optional platform packages that npm left out of it.
//
// npm leaves an optional package out of the lock file when the registry at hand does not have it (mirrors often carry
// one platform's binaries only), and then `npm ci` refuses that very lock file as incomplete. The entries added here
// are what npm writes where the registry is complete, less the checksum.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './lib.mjs'

const OS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** What the name of a platform package says: `@oxlint/binding-linux-x64-musl` -> os linux, cpu x64, libc musl. */
function platform(name) {
  const words = name.split(/[/-]/)
  const os = OS.find((word) => words.includes(word))
  const cpu = CPU.find((word) => words.includes(word))
  const libc = words.includes('musl')
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined
  return {
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(os === undefined ? {} : { os: [os] }),
    ...(libc === undefined ? {} : { libc: [libc] }),
  }
}

if (!process.argv.includes('--only-complete')) {
  run('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund'], {
    shell: process.platform === 'win32',
  })
}
const file = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))
const added = []
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    if (lock.packages[place] !== undefined || !/^\d+\.\d+\.\d+/.test(version)) continue
    lock.packages[place] = { version, ...(entry.dev ? { dev: true } : {}), optional: true, ...platform(name) }
    added.push(`${name} ${version}`)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(
  added.length === 0 ? 'The lock file is complete.' : `Added to the lock file:\n  ${added.join('\n  ')}`,
)
