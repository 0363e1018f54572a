import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import {
  createStore,
  globalRegistry,
  POLICY_REGISTRY,
  Registry,
  registries,
} from '../../../ding/registry/index.js'
import { RegistryError } from '../../../ding/utils/index.js'

class Shape {
  constructor(readonly size: number) {}
}
declare module '../../../ding/registry/index.js' {
  interface RegistryTypes {
    typed_role: typeof Shape
  }
}
class Failing {
  constructor() {
    throw new TypeError('missing key obs_shape')
  }
}

let shapes: Registry
beforeEach(() => {
  shapes = new Registry('shape')
})

function failure(body: () => unknown): Error {
  try {
    body()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('register', () => {
  test('with a value registers at once and returns it', () => {
    expect(shapes.register('square', Shape)).toBe(Shape)
    expect(shapes.get('square')).toBe(Shape)
    expect(shapes.has('square')).toBe(true)
    expect(shapes.has('circle')).toBe(false)
  })

  test('is a legacy decorator that leaves the class alone', () => {
    @shapes.register('outer')
    @shapes.register('inner')
    class Decorated {}
    expect(shapes.get('outer')).toBe(Decorated)
    expect(shapes.get('inner')).toBe(Decorated)
  })

  test('is a standard decorator and a plain call', () => {
    const decorate = shapes.register('standard')
    const context = { kind: 'class', name: 'Shape', metadata: {}, addInitializer: () => undefined }
    expect(decorate(Shape, context)).toBe(Shape)
    expect(shapes.get('standard')).toBe(Shape)
  })

  test('takes the class name when no name is given', () => {
    @shapes.register()
    class Hexagon {}
    expect(shapes.get('Hexagon')).toBe(Hexagon)
    shapes.register({ aliases: ['pent'] })(class Pentagon {})
    expect(shapes.resolve('pent')).toBe('Pentagon')
    expect(() => shapes.register()((() => class {})())).toThrow(/no name of its own/)
  })

  test('refuses a name that is taken, naming both owners and the option', () => {
    shapes.register('square', Shape)
    const error = failure(() => shapes.register('square', Failing))
    expect(error).toBeInstanceOf(RegistryError)
    expect(error.message).toMatch(
      /"shape".*"square".*Shape \(.*registry\.test\.ts:\d+\).*Failing.*force_overwrite/,
    )
    expect(shapes.get('square')).toBe(Shape)
    shapes.register('square', Failing, { force_overwrite: true })
    expect(shapes.get('square')).toBe(Failing)
  })

  test('refuses names that are taken as aliases, and leaves nothing half done', () => {
    shapes.register('square', Shape, { aliases: ['box'] })
    expect(() => shapes.register('box', Failing)).toThrow(RegistryError)
    expect(() => shapes.register('crate', Failing, { aliases: ['box'] })).toThrow(RegistryError)
    expect(shapes.has('crate')).toBe(false)
    shapes.register('box', Failing, { force_overwrite: true })
    expect(shapes.get('box')).toBe(Failing)
    expect(shapes.get('square')).toBe(Shape)
    expect(() => shapes.register('a b', Shape)).toThrow(/usable name/)
  })
})

describe('lookup', () => {
  test('an unknown name lists registry, near names and known names', () => {
    shapes.register('square', Shape)
    shapes.register('triangle', Shape)
    const error = failure(() => shapes.get('sqare'))
    expect(error).toBeInstanceOf(RegistryError)
    expect(error.message).toContain('Registry "shape" has no entry "sqare"')
    expect(error.message).toContain('square, triangle')
    expect(error.message).toContain('Did you mean "square"?')
    expect(() => shapes.get('__proto__')).toThrow(RegistryError)
    expect(() => new Registry('void').get('x')).toThrow(/nothing is registered/)
  })

  test('a name from elsewhere is told what to take in its place', () => {
    const animals = new Registry('animal', { advice: { unicorn: 'Take "horse".' } })
    expect(() => animals.get('unicorn')).toThrow('Registry "animal" has no entry "unicorn". Take "horse".')
    animals.register('unicorn', Shape)
    expect(animals.get('unicorn')).toBe(Shape)
  })

  test('query, aliases and details', () => {
    shapes.register('square', Shape, { aliases: ['box'] })
    shapes.register('disc', Failing)
    expect(shapes.query()).toEqual(['disc', 'square'])
    expect(shapes.aliases()).toEqual({ box: 'square' })
    const details = shapes.details('box')
    expect(details).toMatchObject({ name: 'square', owner: 'Shape', aliases: ['box'] })
    expect(details.file).toMatch(/registry\.test\.ts$/)
    expect(details.line).toBeGreaterThan(0)
  })

  test('details name the caller where a stack has other paths than the modules, as with source maps', () => {
    const prepare = Error.prepareStackTrace
    Error.prepareStackTrace = (error, frames) =>
      [
        String(error),
        ...frames.map((frame) => `    at ${String(frame).replaceAll('/ding/registry/', '/elsewhere/')}`),
      ].join('\n')
    try {
      shapes.register('square', Shape)
    } finally {
      Error.prepareStackTrace = prepare
    }
    expect(shapes.details('square').file).toMatch(/registry\.test\.ts$/)
  })

  test('ignored suffixes and preset aliases', () => {
    const policies = new Registry('policy', {
      ignoredSuffixes: ['_command'],
      aliases: { cql_discrete: 'discrete_cql' },
    })
    expect(policies.has('cql_discrete')).toBe(false)
    policies.register('discrete_cql', Shape)
    policies.register('dqn', Failing)
    expect(policies.get('dqn_command')).toBe(Failing)
    expect(policies.get('cql_discrete')).toBe(Shape)
    expect(policies.get('cql_discrete_command')).toBe(Shape)
    expect(policies.has('_command')).toBe(false)
    policies.register('odd_command', Shape)
    expect(policies.resolve('odd_command')).toBe('odd_command')
    expect(policies.has('odd')).toBe(false)
  })
})

describe('build', () => {
  test('constructs classes and calls functions', () => {
    shapes.register('square', Shape)
    shapes.register('double', (x: number) => 2 * x)
    expect(shapes.build('square', 3)).toEqual(new Shape(3))
    expect(shapes.build('double', 4)).toBe(8)
    const typed = new Registry<typeof Shape>('typed')
    typed.register('square', Shape)
    expect(typed.build('square', 3).size).toBe(3)
  })

  test('never masks an error from inside', () => {
    shapes.register('failing', Failing)
    const error = failure(() => shapes.build('failing'))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe('missing key obs_shape')
  })

  test('says so when the entry cannot be built', () => {
    const values = new Registry<unknown>('value')
    values.register('three', 3)
    expect(() => values.build('three')).toThrow(/"three".*number.*cannot be built/)
  })
})

describe('two copies of the library', () => {
  test('share the data of the global registries', () => {
    const first = globalRegistry('test_role')
    const second = globalRegistry('test_role')
    first.register('square', Shape)
    expect(second.get('square')).toBe(Shape)
    expect(() => second.register('square', Shape)).toThrow(RegistryError)
  })

  test('register a module of the library once: the first stays', async () => {
    const { vi } = await import('vitest')
    const store = createStore()
    new Registry('shape', { store }).register('square', Shape)
    vi.resetModules()
    const copy = await import('../../../ding/registry/index.js')
    expect(copy.Registry).not.toBe(Registry)
    const other = new copy.Registry('shape', { store })
    const Again = { Shape: class Shape {} }.Shape
    expect(other.register('square', Again)).toBe(Again)
    expect(other.get('square')).toBe(Shape)
    expect(() => other.register('square', Failing)).toThrow(/taken/)
    vi.resetModules()
  })
})

test('the global registries go by their names', () => {
  for (const [name, registry] of Object.entries(registries)) expect(registry.name).toBe(name)
  expect(registries.policy).toBe(POLICY_REGISTRY)
})

test('a role that is declared has typed entries', () => {
  const typed = globalRegistry('typed_role')
  typed.register('square', Shape)
  expect(typed.build('square', 3).size).toBe(3)
  expectTypeOf(typed.get('square')).toEqualTypeOf<typeof Shape>()
  // @ts-expect-error: not an entry of this role
  const wrong = () => typed.register('other', Failing)
  expect(wrong).toBeTypeOf('function')
})
