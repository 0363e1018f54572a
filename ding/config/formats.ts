/** The value type of each named format. */
export interface FormatTypes {
  /** Any whole number. */
  int: number
  positive_int: number
  nonnegative_int: number
  number: number
  positive_number: number
  nonnegative_number: number
  /** From 0 to 1, both included. */
  unit_interval: number
  boolean: boolean
  string: string
  /** A file or directory; the empty string means none. */
  path: string
  int_list: number[]
  positive_int_list: number[]
  number_list: number[]
  string_list: string[]
  /** A positive whole number, or a list of them. */
  shape: number | number[]
  /** Free-form keyword arguments, not validated further. */
  any_record: Record<string, unknown>
  any_list: unknown[]
  any: unknown
}

export type FormatName = keyof FormatTypes

/** What a list of permitted values may hold. */
export type EnumValue = string | number | boolean | null

/** A check of one's own: returns false (or throws) for a value it does not take; a type guard also gives the key its type. */
export type FormatFunction = (value: unknown) => unknown

/** A named format, the list of permitted values, or a function that checks. */
export type Format = FormatName | readonly EnumValue[] | FormatFunction

/** What the validator needs to know of a format. */
export interface FormatRule {
  /** In words, for messages: "a whole number > 0". */
  readonly expected: string
  /** Undefined when `value` is of the format, else why not (possibly empty when `expected` says it all). */
  refuse(value: unknown): string | undefined
  /** The value that a text from the environment or the command line means; undefined when it means none. */
  parse(text: string): unknown
  /** What turns a key off: false, else null, else (a path) ''. Where nothing does it is false, which the format refuses. */
  off(): unknown
  /** Whether the value is a record whose inside is nobody's business. */
  readonly isRecord: boolean
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** The number that a text spells, infinities included, or undefined. */
function parseNumber(text: string): number | undefined {
  const bare = text.trim()
  if (NUMBER.test(bare)) return Number(bare)
  if (/^\+?inf(inity)?$/i.test(bare)) return Number.POSITIVE_INFINITY
  if (/^-inf(inity)?$/i.test(bare)) return Number.NEGATIVE_INFINITY
  return undefined
}

/** The value of a JSON text, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function parseBoolean(text: string): boolean | undefined {
  const bare = text.trim().toLowerCase()
  if (bare === 'true' || bare === '1') return true
  return bare === 'false' || bare === '0' ? false : undefined
}

/** A list from JSON, or from items separated by commas. */
function parseList(text: string, item: (part: string) => unknown): unknown[] | undefined {
  const bare = text.trim()
  if (bare.startsWith('[')) {
    const list = parseJson(bare)
    return Array.isArray(list) ? list : undefined
  }
  if (bare === '') return []
  const items = bare.split(',').map((part) => item(part.trim()))
  return items.includes(undefined) ? undefined : items
}

type Test = (value: unknown) => boolean

const isInt: Test = (value) => Number.isSafeInteger(value)
const isPositiveInt: Test = (value) => Number.isSafeInteger(value) && (value as number) > 0
const isNumber: Test = (value) => Number.isFinite(value)
const isString: Test = (value) => typeof value === 'string'
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test)

/** Whether `value` is an object with keys: no array, no typed array, not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

/** The value at a path of nested records, or undefined. */
export function valueAt(values: unknown, path: readonly string[]): unknown {
  let value = values
  for (const key of path) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

const asText = (text: string): unknown => text

function jsonOrText(text: string): unknown {
  const json = parseJson(text)
  return json === undefined ? text : json
}

const named: Record<FormatName, { expected: string; test: Test; parse: (text: string) => unknown }> = {
  int: { expected: 'a whole number', test: isInt, parse: parseNumber },
  positive_int: { expected: 'a whole number > 0', test: isPositiveInt, parse: parseNumber },
  nonnegative_int: {
    expected: 'a whole number >= 0',
    test: (value) => isInt(value) && (value as number) >= 0,
    parse: parseNumber,
  },
  number: { expected: 'a number', test: isNumber, parse: parseNumber },
  positive_number: {
    expected: 'a number > 0',
    test: (value) => isNumber(value) && (value as number) > 0,
    parse: parseNumber,
  },
  nonnegative_number: {
    expected: 'a number >= 0',
    test: (value) => isNumber(value) && (value as number) >= 0,
    parse: parseNumber,
  },
  unit_interval: {
    expected: 'a number from 0 to 1',
    test: (value) => isNumber(value) && (value as number) >= 0 && (value as number) <= 1,
    parse: parseNumber,
  },
  boolean: { expected: 'true or false', test: (value) => typeof value === 'boolean', parse: parseBoolean },
  string: { expected: 'a string', test: isString, parse: asText },
  path: {
    expected: 'a path (a string)',
    test: (value) => isString(value) && !(value as string).includes('\0'),
    parse: asText,
  },
  int_list: {
    expected: 'a list of whole numbers',
    test: listOf(isInt),
    parse: (text) => parseList(text, parseNumber),
  },
  positive_int_list: {
    expected: 'a list of whole numbers > 0',
    test: listOf(isPositiveInt),
    parse: (text) => parseList(text, parseNumber),
  },
  number_list: {
    expected: 'a list of numbers',
    test: listOf(isNumber),
    parse: (text) => parseList(text, parseNumber),
  },
  string_list: {
    expected: 'a list of strings',
    test: listOf(isString),
    parse: (text) => parseList(text, asText),
  },
  shape: {
    expected: 'a whole number > 0, or a list of them',
    test: (value) => isPositiveInt(value) || listOf(isPositiveInt)(value),
    parse: (text) => parseNumber(text) ?? parseList(text, parseNumber),
  },
  any_record: { expected: 'an object', test: isRecord, parse: parseJson },
  any_list: { expected: 'a list', test: Array.isArray, parse: parseJson },
  any: { expected: 'anything', test: () => true, parse: jsonOrText },
}

const positiveOnly = new Set<Format>([
  'positive_int',
  'nonnegative_int',
  'positive_number',
  'nonnegative_number',
])
const numeric = new Set<Format>([...positiveOnly, 'int', 'number'])

/** Whether `infinity: true` makes sense with the format. */
export function mayBeInfinite(format: Format): boolean {
  return numeric.has(format)
}

/** Whether `name` is one of the named formats. */
export function isFormatName(name: unknown): name is FormatName {
  return typeof name === 'string' && Object.hasOwn(named, name)
}

type BaseRule = Omit<FormatRule, 'off'>

function enumRule(options: readonly EnumValue[]): BaseRule {
  return {
    expected: `one of ${options.map((option) => JSON.stringify(option)).join(', ')}`,
    refuse: (value) => (options.some((option) => option === value) ? undefined : ''),
    parse: (text) => options.find((option) => String(option) === text),
    isRecord: false,
  }
}

function functionRule(check: FormatFunction): BaseRule {
  const refuse = (value: unknown): string | undefined => {
    try {
      return check(value) === false ? '' : undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return {
    expected: check.name === '' ? 'a value of its own format' : `what ${check.name} accepts`,
    refuse,
    parse: (text) => {
      const json = parseJson(text)
      return json !== undefined && refuse(json) === undefined ? json : text
    },
    isRecord: false,
  }
}

/** Texts of config files by which infinity is meant. */
const INFINITE_TEXT = /^[+-]?\.?inf(inity)?$/i
const HOW_INFINITE = 'Infinity is written Infinity in .ts and .js files, "inf" in JSON, .inf in YAML.'

/** The rule of a format; with `nullable` null is a value too, with `infinity` so is (plus or minus) infinity. */
export function ruleOf(format: Format, nullable: boolean, infinity: boolean): FormatRule {
  const base = baseRule(format)
  const words = [base.expected]
  if (infinity) words.push(positiveOnly.has(format) ? 'Infinity' : 'an infinity')
  if (nullable) words.push('null')
  const isInfinite = (value: unknown) =>
    infinity &&
    (value === Number.POSITIVE_INFINITY || (value === Number.NEGATIVE_INFINITY && !positiveOnly.has(format)))
  const refuse = (value: unknown): string | undefined => {
    if ((nullable && value === null) || isInfinite(value)) return undefined
    const refusal = base.refuse(value)
    const meant = infinity && typeof value === 'string' && INFINITE_TEXT.test(value)
    return meant ? HOW_INFINITE : refusal
  }
  return {
    expected: words.join(' or '),
    refuse,
    parse: (text) => (nullable && /^(null|none)$/i.test(text.trim()) ? null : base.parse(text)),
    off: () => {
      if (refuse(false) === undefined) return false
      if (refuse(null) === undefined) return null
      return format === 'path' ? '' : false
    },
    isRecord: base.isRecord,
  }
}

function baseRule(format: Format): BaseRule {
  if (typeof format === 'function') return functionRule(format)
  if (typeof format !== 'string') return enumRule(format)
  const { expected, test, parse } = named[format]
  return {
    expected,
    refuse: (value) => (test(value) ? undefined : ''),
    parse,
    isRecord: format === 'any_record' || format === 'any',
  }
}

/** A short name of a format, for tables of keys. */
export function formatName(format: Format, nullable: boolean, infinity: boolean): string {
  const name =
    typeof format === 'function'
      ? format.name || 'function'
      : typeof format === 'string'
        ? format
        : format.map((option) => JSON.stringify(option)).join(' | ')
  return name + (infinity ? ' | inf' : '') + (nullable ? ' | null' : '')
}
