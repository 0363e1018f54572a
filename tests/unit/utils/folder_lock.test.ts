import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LOCK_FILE, lockFolder, UsageError } from '../../../ding/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'

/** What another does just before a file is written, linked or renamed here, once; and whether there are links. */
const disk = vi.hoisted(() => ({
  before: {} as Partial<Record<'write' | 'link' | 'rename', () => void>>,
  links: true,
}))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const interrupt = (at: keyof typeof disk.before) => {
    const act = disk.before[at]
    delete disk.before[at]
    act?.()
  }
  return {
    ...fs,
    writeSync: (descriptor: number, data: Uint8Array) => {
      interrupt('write')
      return fs.writeSync(descriptor, data)
    },
    renameSync: (from: string, to: string) => {
      interrupt('rename')
      fs.renameSync(from, to)
    },
    linkSync: (from: string, to: string) => {
      interrupt('link')
      if (!disk.links) throw Object.assign(new Error('EPERM: link'), { code: 'EPERM' })
      fs.linkSync(from, to)
    },
  }
})

afterEach(() => {
  disk.before = {}
  disk.links = true
})

const lockOf = (folder: string) => join(folder, LOCK_FILE)
const read = (folder: string) => JSON.parse(readFileSync(lockOf(folder), 'utf8')) as Record<string, unknown>

/** Leaves the lock of another holder: this process', changed. */
function leave(change: Record<string, unknown>): string {
  const folder = temporaryFolder()
  const release = lockFolder(folder)
  const text = JSON.stringify({ ...read(folder), ...change })
  release()
  writeFileSync(lockOf(folder), text)
  return folder
}

describe('a folder', () => {
  test('is held until it is given back, and then leaves nothing', () => {
    const folder = temporaryFolder()
    const release = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(UsageError)
    expect(() => lockFolder(folder)).toThrow(/A run of this process is at work in .*another exp_name/)
    release()
    expect(existsSync(lockOf(folder))).toBe(false)
    const again = lockFolder(folder)
    release()
    expect(() => lockFolder(folder)).toThrow(UsageError)
    again()
  })

  test('that a living process holds is refused, and is taken over once that is killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000); console.log(1)'])
    await once(child.stdout, 'data')
    const pid = child.pid as number
    const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]
    const [boot] = String(read(holding())['began']).split(' ')
    const folder = leave({ pid, began: `${boot} ${ticks}` })
    expect(() => lockFolder(folder)).toThrow(new RegExp(`A run of process ${pid} is at work`))
    expect(read(folder)['pid']).toBe(pid)
    child.kill('SIGKILL')
    await once(child, 'exit')
    lockFolder(folder)
    expect(read(folder)['pid']).toBe(process.pid)
  })

  test.each([
    ['an earlier process with the number of a living one', { pid: process.ppid, began: 'another boot 1' }],
    ['an earlier process with our number', { began: 'another boot 1' }],
    ['our own process, which has given it back', {}],
    ['a process of another machine', { host: 'elsewhere.example' }],
  ])('of %s is taken over', (_who, change) => {
    const folder = leave(change)
    const release = lockFolder(folder)
    expect(read(folder)['pid']).toBe(process.pid)
    release()
    expect(existsSync(lockOf(folder))).toBe(false)
  })

  test.each(['', 'null', '{"host": 1', '[]'])('whose lock is damaged (%j) is taken over', (text) => {
    const folder = temporaryFolder()
    writeFileSync(lockOf(folder), text)
    lockFolder(folder)
    expect(read(folder)['pid']).toBe(process.pid)
  })
})

/** Tries to hold the folder. @returns whether it does */
function takes(folder: string): boolean {
  try {
    lockFolder(folder)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return false
  }
}

describe('of two that come at once one gets it', () => {
  const stale = () => leave({ began: 'another boot 1' })

  test.each([
    ['a free one', 'link', temporaryFolder],
    ['one to be taken over', 'link', stale],
    ['one to be taken over, when the first has found it stale', 'rename', stale],
  ] as const)('%s', (_what, at, make) => {
    const folder = make()
    const got: boolean[] = []
    disk.before[at] = () => got.push(takes(folder))
    got.push(takes(folder))
    expect(got).toEqual([true, false])
    expect(takes(folder)).toBe(false)
    expect(readdirSync(folder)).toEqual([LOCK_FILE])
  })

  test('nobody reads a lock before it says whose it is', () => {
    const folder = temporaryFolder()
    const seen: boolean[] = []
    disk.before.write = () => seen.push(existsSync(lockOf(folder)))
    lockFolder(folder)
    expect(seen).not.toContain(true)
  })

  test('also where there are no links', () => {
    disk.links = false
    for (const folder of [temporaryFolder(), stale()]) {
      expect([takes(folder), takes(folder)]).toEqual([true, false])
      expect(readdirSync(folder)).toEqual([LOCK_FILE])
    }
  })
})

/** A folder that this process holds. */
function holding(): string {
  const folder = temporaryFolder()
  lockFolder(folder)
  return folder
}
