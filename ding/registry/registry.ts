import { didYouMean, RegistryError } from '../utils/index.js'
import { callerPlace, moduleTail, type SourcePlace } from './owner.js'
import type { BuildArguments, Buildable, Built } from './types.js'

/** How a name is to be registered. */
export interface RegisterOptions {
  /** Replace what has the name already, instead of failing. */
  readonly force_overwrite?: boolean
  /** Further names under which the entry is found; they are not listed by `query`. */
  readonly aliases?: readonly string[]
}

/** What `details` tells of an entry. */
export interface RegistryDetail {
  readonly name: string
  /** Name of the registered class or function. */
  readonly owner: string
  readonly file: string
  readonly line: number
  readonly aliases: readonly string[]
}

/** Returns its argument unchanged; usable as a legacy decorator, a standard decorator and a plain call. */
export type Registrar<T> = <C extends T>(value: C, context?: unknown) => C

interface Entry {
  readonly value: unknown
  readonly owner: string
  readonly place: SourcePlace
  /** Which copy of the library registered it (see {@link Registry}). */
  readonly copy: symbol
}

/** The data of a registry, apart from its methods, so that two copies of the library can share it. */
export interface RegistryStore {
  readonly entries: Map<string, Entry>
  readonly aliases: Map<string, string>
}

export interface RegistryOptions {
  /** Endings that are ignored when a name is not known with them, such as `_command` of policies. */
  readonly ignoredSuffixes?: readonly string[]
  /** Aliases that hold once their target is registered. */
  readonly aliases?: Readonly<Record<string, string>>
  /** What to take in place of names that users may bring from elsewhere: ends the message that such a name is unknown. */
  readonly advice?: Readonly<Record<string, string>>
  /** Data to share with other registries of the same role; its own by default. */
  readonly store?: RegistryStore
}

const thisCopy = Symbol('copy of ding')
const NAME = /^[A-Za-z0-9_][\w.:/@-]*$/

/** An empty store. */
export function createStore(): RegistryStore {
  return { entries: new Map(), aliases: new Map() }
}

/**
 * Names for classes and factory functions of one role.
 *
 * Several copies of the library in one process (sources beside a build, for instance) share the data of the global
 * registries; a module that each copy loads for itself registers once, and the first copy's class stays.
 */
export class Registry<T = Buildable> {
  readonly name: string
  readonly #store: RegistryStore
  readonly #suffixes: readonly string[]
  readonly #presetAliases: Readonly<Record<string, string>>
  readonly #advice: Readonly<Record<string, string>>

  constructor(name: string, options: RegistryOptions = {}) {
    this.name = name
    this.#store = options.store ?? createStore()
    this.#suffixes = options.ignoredSuffixes ?? []
    this.#presetAliases = { ...options.aliases }
    this.#advice = { ...options.advice }
  }

  /**
   * With `value`: registers it at once. Without: returns a decorator that registers what it decorates and returns it
   * unchanged; the name is then optional, the class's own name taking its place.
   * @throws RegistryError when the name (or an alias) is taken and `force_overwrite` is not set.
   */
  register(name?: string, value?: undefined, options?: RegisterOptions): Registrar<T>
  register(options: RegisterOptions): Registrar<T>
  // The last, as it is the one whose reasons the compiler gives when none fits.
  register(name: string, value: T, options?: RegisterOptions): T
  register(first?: string | RegisterOptions, value?: T, options?: RegisterOptions): T | Registrar<T> {
    const place = callerPlace()
    const name = typeof first === 'object' ? undefined : first
    const settings = (typeof first === 'object' ? first : options) ?? {}
    if (value !== undefined) {
      this.#add(name, value, settings, place)
      return value
    }
    return (decorated) => {
      this.#add(name, decorated, settings, place)
      return decorated
    }
  }

  /** The entry called `name`, or having it as an alias. @throws RegistryError naming the near and the known names. */
  get(name: string): T {
    const found = this.resolve(name)
    if (found === undefined) throw this.#unknown(name)
    return this.#store.entries.get(found)!.value as T
  }

  /**
   * Constructs the class, or calls the factory function, called `name`. Errors thrown inside pass through untouched.
   * @throws RegistryError when the name is unknown or its entry can be neither constructed nor called.
   */
  build(name: string, ...args: BuildArguments<T>): Built<T> {
    const entry: unknown = this.get(name)
    if (typeof entry !== 'function') {
      throw new RegistryError(
        `"${name}" in registry "${this.name}" is ${entry === null ? 'null' : `a value of type ${typeof entry}`}, ` +
          'which cannot be built. Register a class or a factory function.',
      )
    }
    const made: unknown = isClass(entry)
      ? Reflect.construct(entry, args)
      : Reflect.apply(entry, undefined, args)
    return made as Built<T>
  }

  /** Whether `name` is registered, be it as an alias. */
  has(name: string): boolean {
    return this.resolve(name) !== undefined
  }

  /** The registered name that `name` stands for: itself, or the target of an alias; undefined when unknown. */
  resolve(name: string): string | undefined {
    const { entries, aliases } = this.#store
    if (entries.has(name)) return name
    const target =
      aliases.get(name) ?? (Object.hasOwn(this.#presetAliases, name) ? this.#presetAliases[name] : undefined)
    if (target !== undefined && entries.has(target)) return target
    for (const suffix of this.#suffixes) {
      if (!name.endsWith(suffix) || name.length === suffix.length) continue
      const base = this.resolve(name.slice(0, -suffix.length))
      if (base !== undefined) return base
    }
    return undefined
  }

  /** All registered names, sorted, without aliases. */
  query(): string[] {
    return [...this.#store.entries.keys()].sort()
  }

  /** Alias -> registered name, for the aliases that are in force. */
  aliases(): Record<string, string> {
    const all = new Map([...Object.entries(this.#presetAliases), ...this.#store.aliases])
    return Object.fromEntries([...all].filter(([, target]) => this.#store.entries.has(target)).sort())
  }

  /** What is registered under `name`: class, file, line and aliases. @throws RegistryError when unknown. */
  details(name: string): RegistryDetail {
    const found = this.resolve(name)
    const entry = found === undefined ? undefined : this.#store.entries.get(found)
    if (found === undefined || entry === undefined) throw this.#unknown(name)
    const aliases = Object.entries(this.aliases()).filter(([, target]) => target === found)
    return { name: found, owner: entry.owner, ...entry.place, aliases: aliases.map(([alias]) => alias) }
  }

  #add(given: string | undefined, value: unknown, options: RegisterOptions, place: SourcePlace): void {
    const owner = ownerName(value)
    const name = given ?? owner
    if (name === '') {
      throw new RegistryError(
        `Registry "${this.name}": what is registered has no name of its own; give one to register().`,
      )
    }
    const entry: Entry = { value, owner: owner === '' ? 'an unnamed value' : owner, place, copy: thisCopy }
    const aliases = (options.aliases ?? []).filter((alias) => alias !== name)
    for (const each of [name, ...aliases]) {
      if (!NAME.test(each))
        throw new RegistryError(`Registry "${this.name}": ${JSON.stringify(each)} is not a usable name.`)
      if (options.force_overwrite === true) continue
      const holder = this.#holder(each)
      if (holder === undefined || (each !== name && this.#store.aliases.get(each) === name)) continue
      if (isSameModule(holder, entry)) return
      throw new RegistryError(
        `Registry "${this.name}": the name "${each}" is taken by ${describe(holder)}; ${describe(entry)} cannot have it ` +
          'too. Choose another name, or pass {force_overwrite: true} to replace it.',
      )
    }
    this.#store.entries.set(name, entry)
    this.#store.aliases.delete(name)
    for (const alias of aliases) {
      this.#store.entries.delete(alias)
      this.#store.aliases.set(alias, name)
    }
  }

  /** The entry that has `name` as its name or as an explicit alias. */
  #holder(name: string): Entry | undefined {
    const target = this.#store.aliases.get(name)
    return (
      this.#store.entries.get(name) ?? (target === undefined ? undefined : this.#store.entries.get(target))
    )
  }

  #unknown(name: string): RegistryError {
    if (Object.hasOwn(this.#advice, name))
      return new RegistryError(`Registry "${this.name}" has no entry "${name}". ${this.#advice[name]}`)
    const known = this.query()
    const all = [...known, ...Object.keys(this.aliases())]
    const list = known.length === 0 ? 'nothing is registered in it yet' : `it knows: ${known.join(', ')}`
    return new RegistryError(
      `Registry "${this.name}" has no entry "${name}"; ${list}.${didYouMean(String(name), all)} ` +
        'Your own entries are loaded from the files listed in import_names.',
    )
  }
}

function ownerName(value: unknown): string {
  return typeof value === 'function' ? value.name : ''
}

function describe(entry: Entry): string {
  return entry.place.file === '' ? entry.owner : `${entry.owner} (${entry.place.file}:${entry.place.line})`
}

/** Whether two copies of the library have loaded one and the same module. */
function isSameModule(a: Entry, b: Entry): boolean {
  return a.copy !== b.copy && a.owner === b.owner && moduleTail(a.place.file) === moduleTail(b.place.file)
}

/** Tells what is used with `new` from a plain function; classes compiled to functions have methods on their prototype. */
function isClass(value: { prototype?: unknown }): boolean {
  if (/^class\b/.test(Function.prototype.toString.call(value))) return true
  const { prototype } = value
  if (typeof prototype !== 'object' || prototype === null) return false
  return (
    Object.getPrototypeOf(prototype) !== Object.prototype || Object.getOwnPropertyNames(prototype).length > 1
  )
}
