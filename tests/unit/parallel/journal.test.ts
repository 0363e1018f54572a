import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { Journal } from '../../../ding/parallel/index.js'
import { writeFileAtomic } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'

/** Folders and files that were synced, in order; those that refuse it. */
const disk = vi.hoisted(() => ({ synced: [] as string[], refuses: new Set<string>() }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const paths = new Map<number, string>()
  const openSync = (path: string, flags: string) => {
    const descriptor = fs.openSync(path, flags)
    paths.set(descriptor, path)
    return descriptor
  }
  const fsyncSync = (descriptor: number) => {
    const path = paths.get(descriptor) as string
    if (disk.refuses.has(path)) throw new Error('EINVAL: fsync')
    fs.fsyncSync(descriptor)
    disk.synced.push(path)
  }
  return { ...fs, openSync, fsyncSync }
})

beforeEach(() => {
  disk.synced.length = 0
  disk.refuses.clear()
})

const entry = Uint8Array.of(1, 2, 3)

/** Opens a journal that has nothing yet. */
function opened(folder: string, syncs = true): Journal {
  const journal = new Journal(folder, syncs)
  expect([...journal.open(0)]).toEqual([])
  return journal
}

test('the name of a new journal is on the disk before an entry is acknowledged, and the names of new folders', async () => {
  const root = temporaryFolder()
  const folder = join(root, 'a', 'ckpt')
  const journal = opened(folder)
  expect(disk.synced).toEqual([dirname(folder), root])
  disk.synced.length = 0
  journal.append('chunk', entry)
  await journal.durable()
  expect(disk.synced).toEqual([folder])
  // Only the first time.
  journal.append('chunk', entry)
  await journal.durable()
  expect(disk.synced).toEqual([folder])
  await journal.rotate(() => {})
  expect(existsSync(join(folder, 'journal_1.bin'))).toBe(false)
  journal.append('chunk', entry)
  await journal.durable()
  expect(disk.synced).toEqual([folder, folder])
  await journal.close()
})

test('a journal that does not sync leaves that to the system', async () => {
  const journal = opened(join(temporaryFolder(), 'ckpt'), false)
  journal.append('chunk', entry)
  await journal.durable()
  expect(disk.synced).toEqual([])
})

test('folders that cannot be synced do no harm', async () => {
  const root = temporaryFolder()
  const folder = join(root, 'ckpt')
  for (const each of [root, folder]) disk.refuses.add(each)
  const journal = opened(folder)
  journal.append('chunk', entry)
  await journal.durable()
  await journal.close()
  const again = new Journal(folder)
  expect([...again.open(0)].map(({ bytes }) => [...bytes])).toEqual([[1, 2, 3]])
  await again.close()
})

/** A journal with two entries, and the bytes of its file. */
async function written(folder: string): Promise<{ path: string; bytes: Buffer }> {
  const journal = opened(folder)
  journal.append('chunk', entry)
  journal.append('dropped', Uint8Array.of(4))
  await journal.close()
  const path = join(folder, 'journal_0.bin')
  return { path, bytes: readFileSync(path) }
}

test('a journal of more than 2 GiB is read', async () => {
  const folder = temporaryFolder()
  const { path, bytes } = await written(folder)
  // Zeros behind the entries, as a power failure may leave them; they take no room on the disk.
  truncateSync(path, 2 ** 31 + 5)
  const journal = new Journal(folder)
  expect([...journal.open(0)].map(({ kind, bytes }) => [kind, ...bytes])).toEqual([
    ['chunk', 1, 2, 3],
    ['dropped', 4],
  ])
  expect(journal.bytes).toBe(bytes.length)
  await journal.close()
  expect(statSync(path).size).toBe(bytes.length)
})

// The second and third lie across the end of a window of the search.
test.each([100, 2 ** 20 - 3, 2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20])(
  'whole entries %d bytes behind damage are not cut off',
  async (gap) => {
    const folder = temporaryFolder()
    const { path, bytes } = await written(folder)
    const hole = Buffer.alloc(gap)
    writeFileSync(path, Buffer.concat([bytes, hole, bytes]))
    const journal = new Journal(folder)
    expect(() => [...journal.open(0)]).toThrow(
      `is damaged at byte ${bytes.length}, and there are whole entries behind it`,
    )
    // The same with a torn entry behind it: that was never acknowledged.
    writeFileSync(path, Buffer.concat([bytes, hole, bytes.subarray(0, 18)]))
    expect([...journal.open(0)]).toHaveLength(2)
    await journal.close()
  },
)

test('a file that is written whole has its new folders synced too', () => {
  const root = temporaryFolder()
  writeFileAtomic(join(root, 'a', 'b', 'file'), 'text')
  expect(disk.synced.filter((path) => !path.endsWith('.tmp'))).toEqual([
    join(root, 'a'),
    root,
    join(root, 'a', 'b'),
  ])
})
