import { describe, expect, test } from 'vitest'
import { defaultsOf, extendSchema, isSchema, resolveConfig, schema } from '../../../ding/config/index.js'
import { ConfigError } from '../../../ding/utils/index.js'

const base = schema({
  gamma: { doc: 'Gamma.', format: 'unit_interval', default: 0.99 },
  learn: {
    batch_size: { doc: 'Batch.', format: 'positive_int', default: 64 },
    hook: { every: { doc: 'Every.', format: 'positive_int', infinity: true, default: 10 } },
  },
  sizes: { doc: 'Widths.', format: 'int_list', default: [1, 2] },
})

describe('schema', () => {
  test('gives defaults, fresh ones each time', () => {
    const first = defaultsOf(base)
    first.sizes.push(3)
    expect(defaultsOf(base)).toEqual({
      gamma: 0.99,
      learn: { batch_size: 64, hook: { every: 10 } },
      sizes: [1, 2],
    })
    expect(isSchema(base)).toBe(true)
    expect(isSchema({ root: base.root })).toBe(false)
  })

  test.each<[string, object, RegExp]>([
    ['no doc', { a: { format: 'int', default: 1, doc: ' ' } }, /"a" has no doc/],
    [
      'an unknown format',
      { g: { a: { doc: 'A.', format: 'integer', default: 1 } } },
      /"g\.a".*unknown format "integer"/,
    ],
    [
      'a default of another type',
      { a: { doc: 'A.', format: 'int', default: '1' } },
      /default of "a" is "1", expected a whole number/,
    ],
    [
      'an infinite default without saying so',
      { a: { doc: 'A.', format: 'number', default: Infinity } },
      /default of "a"/,
    ],
    [
      'infinity where there is none',
      { a: { doc: 'A.', format: 'string', infinity: true, default: '' } },
      /cannot be infinite/,
    ],
    [
      'neither default nor required',
      { a: { doc: 'A.', format: 'int' } },
      /needs either a default or required/,
    ],
    [
      'both default and required',
      { a: { doc: 'A.', format: 'int', default: 1, required: true } },
      /needs either/,
    ],
    [
      'a key that reaches into prototypes',
      { constructor: { doc: 'A.', format: 'int', default: 1 } },
      /not a usable key/,
    ],
    ['something that is no definition', { a: 3 }, /must be \{doc, format, default\}/],
  ])('refuses %s', (_what, definition, message) => {
    expect(() => schema(definition as never)).toThrow(ConfigError)
    expect(() => schema(definition as never)).toThrow(message)
  })
})

describe('extendSchema', () => {
  test('the child wins, level by level, and the base is left alone', () => {
    const child = extendSchema(base, {
      gamma: { default: 0.5 },
      learn: {
        rate: { doc: 'Rate.', format: 'number', default: 1 },
        hook: { every: { doc: 'Other.', format: 'string', default: 'x' } },
      },
    })
    expect(defaultsOf(child)).toEqual({
      gamma: 0.5,
      learn: { batch_size: 64, rate: 1, hook: { every: 'x' } },
      sizes: [1, 2],
    })
    expect(defaultsOf(base).gamma).toBe(0.99)
  })

  test('a new default must fit, and have a key to belong to', () => {
    expect(() => extendSchema(base, { gamma: { default: 2 } })).toThrow(/default of "gamma"/)
    expect(() => extendSchema(base, { learn: { gama: { default: 2 } } })).toThrow(
      /"learn\.gama" changes only a default/,
    )
  })
})

describe('formats', () => {
  const accepts = (format: string, value: unknown, more: object = {}): boolean => {
    const one = schema({ key: { doc: 'Key.', format, required: true, ...more } } as never)
    try {
      resolveConfig(one, { key: value })
      return true
    } catch (error) {
      if (error instanceof ConfigError) return false
      throw error
    }
  }

  test.each<[string, unknown[], unknown[]]>([
    ['int', [0, -3, 7], [1.5, '3', Infinity, null, true, 2 ** 60]],
    ['positive_int', [1, 1e9], [0, -1, 0.5, '1', [1]]],
    ['nonnegative_int', [0, 4], [-1, 0.5]],
    ['number', [-1.5, 0], ['1', Infinity, null]],
    ['positive_number', [1e-9], [0, -1, Infinity]],
    ['nonnegative_number', [0, 2], [-1e-9]],
    ['unit_interval', [0, 0.5, 1], [-0.1, 1.1, '0.5']],
    ['boolean', [true, false], [0, 'true', null]],
    ['string', ['', 'x'], [1, null, ['x']]],
    ['path', ['', 'a/b'], ['a\0b', 1]],
    ['int_list', [[], [1, -2]], [[1.5], 1, '1', [null]]],
    ['positive_int_list', [[1]], [[0]]],
    ['number_list', [[1.5]], [['1'], [Infinity]]],
    ['string_list', [['a']], [[1], 'a']],
    ['shape', [4, [4, 84, 84], []], [0, [0], [4, -1], '4', { a: 4 }]],
    ['any_record', [{}, { a: { b: [1] } }, { 'a.b': 1, default: 2 }], [[], 1, null, 'x']],
    ['any_list', [[], [1, 'a', {}]], [{}, 1]],
    ['any', [1, null, { a: 1 }, []], []],
  ])('%s', (format, good, bad) => {
    for (const value of good) expect(accepts(format, value), JSON.stringify(value)).toBe(true)
    for (const value of bad) expect(accepts(format, value), JSON.stringify(value)).toBe(false)
  })

  test('null and infinities, where they are permitted', () => {
    expect(accepts('int', null, { nullable: true })).toBe(true)
    expect(accepts('positive_int', Infinity, { infinity: true })).toBe(true)
    expect(accepts('positive_int', -Infinity, { infinity: true })).toBe(false)
    expect(accepts('number', -Infinity, { infinity: true })).toBe(true)
  })

  test('values to choose from, and functions', () => {
    const even = (value: unknown) => typeof value === 'number' && value % 2 === 0
    const picky = (value: unknown) => {
      if (value !== 'x') throw new Error('Only x will do.')
    }
    const both = schema({
      kind: { doc: 'Kind.', format: ['a', 2, null], default: 'a' },
      even: { doc: 'Even.', format: even, default: 2 },
      picky: { doc: 'Picky.', format: picky, default: 'x' },
    })
    expect(resolveConfig(both, { kind: 2, even: 4, type: 'both', import_names: [] })).toEqual({
      kind: 2,
      even: 4,
      picky: 'x',
    })
    expect(() => resolveConfig(both, { kind: 'b', even: 3, picky: 'y' }, 'Env wrapper "w"')).toThrow(
      'Env wrapper "w" has 3 problems:\n' +
        '  kind: is the string "b" (given), expected one of "a", 2, null.\n' +
        '  even: is 3 (given), expected what even accepts.\n' +
        '  picky: is the string "y" (given), expected what picky accepts. Only x will do.',
    )
  })
})
