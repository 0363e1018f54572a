import { expect, test } from 'vitest'
import { decodeInfos, encodeInfos } from '../../../ding/data/infos.js'
import { CheckpointError, type Transition } from '../../../ding/index.js'
import { flattenState, unflattenState } from '../../../ding/utils/index.js'

const there = (infos: (Transition | undefined)[]) => unflattenState(flattenState(encodeInfos(infos)))
const back = (infos: (Transition | undefined)[]) => decodeInfos(there(infos)).sort(([a], [b]) => a - b)

test('infos of all kinds come back as they were, whatever each row has', () => {
  const rich: Transition = {
    weight: 0.1,
    none: Number.NaN,
    far: Number.NEGATIVE_INFINITY,
    zero: -0,
    won: true,
    at: Float32Array.of(1.5, 2),
    cell: Int32Array.of(-3),
    seen: Uint8Array.of(7, 8, 9),
    empty: {},
    inner: { deep: { weight: 2 }, none: Float32Array.of() },
  }
  const lost: Transition = { ...rich, won: false, weight: 3 }
  const infos = [rich, undefined, {}, lost, { weight: 4 }, undefined, { weight: 5 }]
  expect(back(infos)).toStrictEqual([
    [0, rich],
    [2, {}],
    [3, lost],
    [4, { weight: 4 }],
    [6, { weight: 5 }],
  ])
})

test('many rows that are alike take no more names in a file than one', () => {
  const info = (i: number): Transition => ({ weight: i, at: Float32Array.of(i), inner: { won: i % 2 === 0 } })
  const names = (n: number) =>
    Object.keys(flattenState(encodeInfos(Array.from({ length: n }, (_, i) => info(i)))).tensors)
  expect(names(500)).toEqual(names(1))
  expect(back([info(0), info(1), info(2)]).map(([, one]) => one)).toEqual([info(0), info(1), info(2)])
})

test('states that are none of infos are refused', () => {
  const state = encodeInfos([{ at: Float32Array.of(1, 2) }])
  const group = state['0'] as Record<string, unknown>
  const cut = {
    '0': { ...group, columns: { '0': { dtype: 'float32', shape: [1], data: Float32Array.of(1) } } },
  }
  expect(() => decodeInfos(cut as never)).toThrow(CheckpointError)
  expect(() => decodeInfos({ '0': { ...group, columns: {} } } as never)).toThrow(/1 rows of 2 numbers/)
  expect(() => decodeInfos({ '0': { ...group, fields: null } } as never)).toThrow(/no list of fields/)
  expect(() => decodeInfos({ '0': 3 })).toThrow(CheckpointError)
})

test('a hostile name reaches no other object', () => {
  const column = encodeInfos([{ a: { polluted: 1 } }])
  const text = JSON.stringify((column['0'] as { fields: unknown }).fields).replace('"a"', '"__proto__"')
  decodeInfos({ '0': { ...(column['0'] as object), fields: JSON.parse(text) } } as never)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})
