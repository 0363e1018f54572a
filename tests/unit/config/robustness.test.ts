import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { configToJson, read_config } from '../../../ding/config/index.js'
import { ConfigError, RegistryError } from '../../../ding/utils/index.js'
import { compile, create_config, main_config, temporaryFolder } from './fakes.js'

const folder = temporaryFolder()
const before = Object.getOwnPropertyNames(Object.prototype).join()

type Tree = Record<string, unknown>
const base = (): Tree => ({
  main_config: { ...main_config(), seed: 1 },
  create_config: { ...create_config(), collector: { type: 'sample' } },
})

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** All places of a tree: leaves and groups. */
function places(tree: Tree, path: string[] = []): string[][] {
  return Object.entries(tree).flatMap(([key, value]) => [
    [...path, key],
    ...(isTree(value) ? places(value, [...path, key]) : []),
  ])
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { a: value } : [value]
  return value
}

const cyclic: Tree = {}
cyclic['self'] = cyclic
/** Fresh each time, so that no mutation reaches into the next run. */
const strange = (): unknown[] => [
  null,
  undefined,
  '',
  'x',
  '64',
  '__proto__',
  0,
  -1,
  -64,
  1.5,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  2 ** 60,
  true,
  false,
  [],
  [1, 2],
  ['a'],
  [null],
  [[]],
  [undefined],
  {},
  { a: 1 },
  { type: 3 },
  { type: '' },
  { type: 'nothing' },
  { type: null },
  nested(10),
  nested(100),
  nested(5000),
  cyclic,
  () => 1,
  class A {},
  Symbol('s'),
  10n,
  new Date(0),
  new Map([[1, 2]]),
  new Float32Array([1, Number.NaN]),
  Object.create({ inherited: 1 }),
  Object.create(null),
  new Array(3),
  JSON.parse('{"__proto__": {"polluted": true}}'),
  JSON.parse('{"constructor": {"prototype": {"polluted": true}}}'),
  { prototype: { polluted: true } },
  { toString: 1, hasOwnProperty: 2, valueOf: 3 },
  { 'a.b': 1, '': 2 },
]
const strangeKeys = [
  'x',
  '',
  'batch_sise',
  'type',
  'import_names',
  'default',
  'format',
  'doc',
  'toString',
  'a.b',
  '_cvtProperties',
  'hasOwnProperty',
  '__defineGetter__',
  'batch_size',
  'constructor',
  'prototype',
]

type Mutation = { place: number; kind: 'replace' | 'add' | 'remove'; value: number; key: number }
const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat(),
  kind: fc.constantFrom('replace', 'replace', 'add', 'remove'),
  value: fc.nat(strange().length - 1),
  key: fc.nat(strangeKeys.length - 1),
})

function mutate(tree: Tree, { place, kind, value, key }: Mutation): void {
  const all = places(tree)
  const path = all[place % all.length]
  if (path === undefined) return
  const parent = path.slice(0, -1).reduce<unknown>((level, name) => (level as Tree)[name], tree) as Tree
  const last = path.at(-1)!
  if (kind === 'remove') delete parent[last]
  else if (kind === 'replace') parent[last] = strange()[value]
  else {
    const target = isTree(parent[last]) ? (parent[last] as Tree) : parent
    Object.defineProperty(target, strangeKeys[key]!, {
      value: strange()[value],
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
}

test('mutated configs compile, or fail with an error that names the path', { timeout: 120_000 }, async () => {
  let failed = 0
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
      const tree = base()
      for (const each of mutations) {
        mutate(tree, each)
        // A strange object may contain itself, and then has endless places for the next mutation.
        if (typeof strange()[each.value] === 'object') break
      }
      try {
        const compiled = await compile(tree['main_config'] as object, tree['create_config'] as object)
        JSON.parse(configToJson(compiled))
      } catch (error) {
        failed++
        expect(error).toSatisfy((e) => e instanceof ConfigError || e instanceof RegistryError)
        const { message } = error as Error
        if (error instanceof ConfigError) {
          expect(error.path).toMatch(/./)
          expect(message).toContain(error.path)
        } else expect(message).toMatch(/^(env|policy)[\w.]*\.type: |^import_names: /)
      }
      expect(({} as Tree)['polluted']).toBeUndefined()
      expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before)
    }),
    { numRuns: 400, seed: 20240229 },
  )
  expect(failed).toBeGreaterThan(200)
})

test('strange overrides too', async () => {
  const paths = [
    'policy.learn.batch_size',
    'policy.learn',
    'env.manager.type',
    'policy.type',
    '__proto__.polluted',
    'constructor.prototype.polluted',
    'policy.model.kwargs.__proto__.polluted',
    '',
    '.',
    'policy..learn',
    'x',
    'create_config.policy.type',
    'create_config.x.y',
    'main_config',
    'exp_name',
    'policy.model.kwargs.a.b',
  ]
  for (const path of paths) {
    for (const value of strange()) {
      try {
        await compile(main_config(), create_config(), { overrides: [[path, value]] })
      } catch (error) {
        expect(error).toSatisfy((e) => e instanceof ConfigError || e instanceof RegistryError)
      }
    }
    const name = `DING__${path.replaceAll('.', '__').toUpperCase()}`
    for (const text of ['', 'x', '-1', '{"__proto__": {"polluted": 1}}', '[1,', 'null', '1e999']) {
      try {
        await compile(main_config(), create_config(), { env: { [name]: text } })
      } catch (error) {
        expect(error).toSatisfy((e) => e instanceof ConfigError || e instanceof RegistryError)
      }
    }
  }
  expect(({} as Tree)['polluted']).toBeUndefined()
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before)
})

const word = fc.string({ unit: fc.constantFrom(...'abcXYZ_ .-~inf"\\é\ud800'), maxLength: 6 })
const free: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('inf', '-inf', '~inf', '~~-inf', 'Infinity', Infinity, -Infinity, 0, -0, 1e-320, 2 ** 53),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    word,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(word, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value
const infinite = fc.constantFrom(Infinity, -Infinity, 195, -250.5, 1e10, 1e-320)

test('compile(load(save(c))) is c', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        kwargs: fc.dictionary(word, free, { maxKeys: 4, noNullPrototype: true }),
        stop_value: infinite,
        max_use: fc.constantFrom(1, 16, Infinity),
        sizes: fc.array(fc.integer({ min: 1, max: 2 ** 31 }), { maxLength: 4 }),
        dropout: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        priority: fc.boolean(),
        seed: fc.nat(),
        n_evaluator_episode: fc.option(fc.integer({ min: 1, max: 9 })),
        collector: fc.constantFrom('sample', 'episode'),
        env_id: word,
      }),
      async (given) => {
        const main = main_config()
        Object.assign(main.env, {
          stop_value: given.stop_value,
          n_evaluator_episode: given.n_evaluator_episode,
          env_id: given.env_id,
        })
        Object.assign(main.policy, { priority: given.priority })
        Object.assign(main.policy.model, {
          kwargs: given.kwargs,
          encoder_hidden_size_list: given.sizes,
          dropout: given.dropout,
        })
        Object.assign(main.policy.other.replay_buffer, { max_use: given.max_use })
        const create = { ...create_config(), collector: { type: given.collector, collect_print_freq: 3 } }
        const first = await compile(main, create, { seed: given.seed })
        const path = join(folder, 'total_config.json')
        writeFileSync(path, configToJson(first))
        const file = await read_config(path)
        const second = await compile(file.main_config, file.create_config)
        expect(second.main_config).toStrictEqual(first.main_config)
        expect(second.create_config).toStrictEqual(first.create_config)
        expect(second.seed).toBe(given.seed)
      },
    ),
    { numRuns: 150, seed: 7 },
  )
})
