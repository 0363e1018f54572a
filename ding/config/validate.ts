import convict from 'convict'
import { leavesOf } from './class_schema.js'
import { valueAt } from './formats.js'
import { CLASS_DEFAULT, LayeredConfig, type Provenance } from './merge.js'
import { normalise } from './normalise.js'
import { Problems, show } from './problems.js'
import type { GroupNode, LeafNode, Schema } from './schema.js'

/**
 * Checks every value of a config against the format of its key, with convict in strict mode, and reports all that does
 * not fit, and all required keys that have no value, unless it is only a part of a config.
 */
export function validate(
  root: GroupNode,
  values: Record<string, unknown>,
  provenance: Provenance,
  problems: Problems,
  { partial = false }: { partial?: boolean } = {},
): void {
  const before = problems.list.length
  const tree: Record<string, unknown> = {}
  const given: [string, unknown][] = []
  for (const [path, leaf] of leavesOf(root)) {
    const at = path.join('.')
    const value = valueAt(values, path)
    if (value === undefined) {
      if (leaf.required && !partial)
        problems.add(at, `has no value; it needs ${leaf.rule.expected}. ${leaf.doc}`)
      continue
    }
    const name = path.map(convictName)
    plant(tree, name, convictKey(leaf, at, provenance.get(at) ?? CLASS_DEFAULT, problems))
    given.push([name.join('.'), value])
  }
  if (given.length === 0) return
  const config = convict(tree as convict.Schema<Record<string, unknown>>, { env: {}, args: [] })
  for (const [name, value] of given) config.set(name, [value])
  try {
    config.validate({ allowed: 'strict' })
  } catch (error) {
    // Convict puts its findings in one text; the formats have reported them already, one by one.
    if (problems.list.length === before) throw error
  }
}

/**
 * A key in convict's terms. Values are boxed in a list of one, so that convict neither coerces strings nor looks into
 * records, of which it would misread keys with dots.
 */
function convictKey(
  leaf: LeafNode,
  at: string,
  source: string,
  problems: Problems,
): convict.SchemaObj<unknown> {
  const format = (boxed: [unknown]) => {
    const refusal = leaf.rule.refuse(boxed[0])
    if (refusal === undefined) return
    const message = `is ${show(boxed[0])} (${source}), expected ${leaf.rule.expected}.${refusal === '' ? '' : ` ${refusal}`}`
    problems.add(at, message)
    throw new Error(message)
  }
  return { doc: leaf.doc, format: format as never, default: [leaf.default] }
}

/** Keys that mean something to convict ("default", a dot) are kept from it. */
function convictName(key: string): string {
  return `$${key.replaceAll('.', '$')}`
}

function plant(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let level = tree
  for (const key of path.slice(0, -1)) {
    level[key] ??= {}
    level = level[key] as Record<string, unknown>
  }
  level[path.at(-1)!] = value
}

/**
 * The config of one class by itself: `given` over the defaults of its schema, validated. `type` and `import_names` are
 * for the registry; unless the schema has them they are left out.
 * @param where named in messages, such as "env wrapper frame_stack"
 * @throws ConfigError listing every problem
 */
export function resolveConfig<T>(
  source: Schema<T>,
  given: Readonly<Record<string, unknown>> = {},
  where = 'The config',
): T {
  const problems = new Problems()
  const config = new LayeredConfig(source.root, problems)
  const layer = normalise(given, '', problems)
  for (const key of ['type', 'import_names']) if (!source.root.children.has(key)) delete layer[key]
  config.apply(layer, 'given')
  validate(source.root, config.values, config.provenance, problems)
  problems.throwIfAny(where)
  return config.values as T
}
