import { crc32 } from '@node-rs/crc32'
import { expect, test } from 'vitest'
import type { NatsMember } from '../../../ding/parallel/exchange/nats/member.js'
import { NatsParameters } from '../../../ding/parallel/exchange/nats/parameters.js'

const blob = Uint8Array.of(1, 2, 3)

/** A board whose first `overtaken` reads find the parts of a version gone. */
function board(overtaken: number, versionOf: (read: number) => number): NatsParameters {
  let read = 0
  const found = (value: Uint8Array, pointer?: object) => ({ operation: 'PUT', value, json: () => pointer })
  const bucket = {
    get: async (key: string) => {
      const pointer = { version: versionOf(read), bytes: blob.length, parts: 1, crc: crc32(blob) }
      if (key === 'current') return found(blob, pointer)
      return read++ < overtaken ? null : found(blob)
    },
  }
  const member = {
    modules: {
      kv: {
        Kvm: class {
          open = async () => bucket
        },
      },
    },
    names: { parameters: 'board' },
    closing: new AbortController().signal,
    onRestore: () => undefined,
    lasting: (_what: string, act: () => Promise<unknown>) => act(),
  }
  return new NatsParameters(member as unknown as NatsMember)
}

test('a reader that newer versions overtake again and again reads on', async () => {
  expect(await board(50, (read) => read + 1).newest()).toEqual({ version: 51, blob })
})

test('parts that stay missing are damage', async () => {
  await expect(board(50, () => 1).newest()).rejects.toThrow(/parameters in board are damaged/)
})
