import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../fixtures/cli/ding.js'

interface LockEntry {
  readonly resolved?: string
  readonly optionalDependencies?: Record<string, string>
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockEntry>
}

test('package-lock.json lists the optional packages of every platform (npm ci refuses it otherwise: npm run lock)', () => {
  const wanted = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
    Object.entries(optionalDependencies).filter(([, version]) => /^\d+\.\d+\.\d+/.test(version)),
  )
  const missing = wanted.filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
  expect(missing).toEqual([])
})

test('package-lock.json names no host', () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
})

test('no source file has more than 400 lines', () => {
  const long = ['ding', 'entry'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name))
      .filter((path) => readFileSync(join(root, path), 'utf8').split('\n').length > 401),
  )
  expect(long).toEqual([])
})

test('folders import only what is below them, through its index.ts', async () => {
  const script = join(root, 'scripts', 'check_imports.mjs')
  const { checkImports } = (await import(script)) as { checkImports(): string[] }
  expect(checkImports()).toEqual([])
})

test('all TypeScript type-checks, with what tests say of types (vitest runs them without looking)', {
  timeout: 600_000,
}, () => {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', 'tsconfig.json'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})
