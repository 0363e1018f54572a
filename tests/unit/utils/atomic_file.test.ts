import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { replaceFile, writeFileAtomic } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'

/** What happens once a file has been closed, and how many were. */
const disk = vi.hoisted(() => ({ closed: 0, afterClose: () => {} }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const closeSync = (descriptor: number) => {
    disk.closed++
    fs.closeSync(descriptor)
    disk.afterClose()
  }
  return { ...fs, closeSync }
})

beforeEach(() => {
  disk.closed = 0
  disk.afterClose = () => {}
})

const temporaries = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.tmp'))

/** Saves into `path` in a process that is killed while it writes. */
function killedIn(path: string): void {
  const code = `
    import { replaceFile } from ${JSON.stringify(join(import.meta.dirname, '../../../ding/utils/index.ts'))}
    replaceFile(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code, path])
  expect(child.signal).toBe('SIGKILL')
}

test('what a killed process left is removed by the next save, what others may be writing is not', () => {
  const folder = temporaryFolder()
  killedIn(join(folder, 'state.bin'))
  const [left] = temporaries(folder) as [string]
  const parts = /^\.state\.bin\.([0-9a-f]{8})-(\d+)-([0-9a-f]{8})\.0\.0\.tmp$/.exec(left)
  const [host, pid, began] = (parts ?? []).slice(1)
  const otherMachine = `.state.bin.00000000-${pid}-${began}.0.0.tmp`
  const reusedNumber = `.state.bin.${host}-${process.pid}-${began}.0.0.tmp`
  const foreign = '.state.bin.tmp'
  for (const name of [otherMachine, reusedNumber, foreign]) writeFileSync(join(folder, name), '')
  writeFileAtomic(join(folder, 'another.json'), 'x')
  expect(readdirSync(folder).sort()).toEqual([otherMachine, foreign, 'another.json'].sort())
})

test('what a living process is writing stays', () => {
  const folder = temporaryFolder()
  replaceFile(join(folder, 'state.bin'), () => {
    writeFileAtomic(join(folder, 'other.json'), 'x')
    expect(temporaries(folder)).toHaveLength(1)
  })
  expect(readdirSync(folder).sort()).toEqual(['other.json', 'state.bin'])
})

test('an error of closing is told of as it is: the file is not closed again', () => {
  const path = join(temporaryFolder(), 'state.bin')
  disk.afterClose = () => {
    throw new Error('EIO: close')
  }
  expect(() => writeFileAtomic(path, 'x')).toThrow('EIO: close')
  expect(disk.closed).toBe(1)
  expect(existsSync(path)).toBe(false)
})

test('the first error is the one that is told of', () => {
  const folder = temporaryFolder()
  const failing = (error?: Error) => () =>
    replaceFile(join(folder, 'state.bin'), (descriptor) => {
      closeSync(descriptor)
      if (error !== undefined) throw error
    })
  expect(failing(new Error('the disk is full'))).toThrow('the disk is full')
  expect(failing()).toThrow(/EBADF.*fsync/)
  expect(readdirSync(folder)).toEqual([])
})
