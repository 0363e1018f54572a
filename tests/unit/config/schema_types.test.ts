import { expectTypeOf, test } from 'vitest'
import { type ConfigOf, extendSchema, schema } from '../../../ding/config/index.js'

const isPair = (value: unknown): value is [number, number] => Array.isArray(value) && value.length === 2

const base = schema({
  on_policy: { doc: 'Learn only from fresh data.', format: 'boolean', default: false },
  type: { doc: 'Kind.', format: ['exp', 'linear'], default: 'exp' },
  sizes: { doc: 'Widths.', format: 'int_list', default: [128, 64] },
  obs_shape: { doc: 'Observation.', format: 'shape', required: true },
  seed: { doc: 'Seed.', format: 'int', default: null, nullable: true },
  pair: { doc: 'Pair.', format: isPair, default: [1, 2] },
  learn: { batch_size: { doc: 'Batch.', format: 'positive_int', default: 64 }, hook: {} },
})

test('ConfigOf infers the config type', () => {
  expectTypeOf<ConfigOf<typeof base>>().toEqualTypeOf<{
    on_policy: boolean
    type: 'exp' | 'linear'
    sizes: number[]
    obs_shape: number | number[]
    seed: number | null
    pair: [number, number]
    learn: { batch_size: number; hook: Record<never, never> }
  }>()
})

test('a subclass may carry an extended schema', () => {
  class Base {
    static readonly config = base
  }
  class Child extends Base {
    static override readonly config = extendSchema(Base.config, {
      on_policy: { default: true },
      learn: { rate: { doc: 'Rate.', format: 'positive_number', default: 1e-3 } },
    })
  }
  type C = ConfigOf<typeof Child.config>
  expectTypeOf<C['learn']['rate']>().toEqualTypeOf<number>()
  expectTypeOf<C['learn']['batch_size']>().toEqualTypeOf<number>()
  expectTypeOf<C['on_policy']>().toEqualTypeOf<boolean>()
})

test('a key without doc, or of no known format, does not compile', () => {
  const wrong = () => [
    // @ts-expect-error: no doc
    schema({ a: { format: 'int', default: 1 } }),
    // @ts-expect-error: no such format
    schema({ a: { doc: 'A.', format: 'integer', default: 1 } }),
    // @ts-expect-error: no doc in a nested key
    extendSchema(base, { learn: { a: { format: 'int', default: 1 } } }),
  ]
  expectTypeOf(wrong).toBeFunction()
})
