import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { registries as globalRegistries } from '../registry/index.js'
import { nearest, UsageError } from '../utils/index.js'
import { assemble } from './assemble.js'
import { leavesOf } from './class_schema.js'
import { type CompileOptions, compile_config } from './compile.js'
import type { ConfigPair } from './define.js'
import { formatName, valueAt } from './formats.js'
import { read_config } from './load.js'
import { CLASS_DEFAULT, LayeredConfig, type Provenance } from './merge.js'
import { bindKeys, type OverrideEntry, overrideLayer, overridesFromList } from './overrides.js'
import { Problems } from './problems.js'
import { type Registries, ROLES, type Role } from './roles.js'
import { REDACTED } from './save.js'
import type { GroupNode, LeafNode } from './schema.js'
import { validate } from './validate.js'

/** What there is to know of one key. */
export interface ExplainRow {
  /** Dotted path in main_config. */
  readonly path: string
  readonly type: string
  /** Undefined when the key is required or not described. */
  readonly default: unknown
  readonly required: boolean
  readonly doc: string
  readonly value: unknown
  /** Where the value comes from. */
  readonly source: string
  /** Who has the key, when several registered classes were searched: "policy dqn, sac". */
  readonly owner?: string
}

export interface ExplainOptions extends Pick<CompileOptions, 'env' | 'overrides' | 'seed'> {
  /** A config file in which a key is to be looked up. */
  readonly config?: string
  /** Sections of create_config where the target has none: those that a mode of running adds. */
  readonly create_defaults?: Readonly<Record<string, object>>
  readonly registries?: Registries
}

/**
 * What a config (a file, or the pair itself), a policy, an environment or a key consists of: for a path of a config file, every key of the compiled
 * config; for the name of a policy or environment, every key that its config can have, with `options.overrides` checked and put in; for a dotted path (or the end of one), the keys there: in
 * `options.config` when given, else in every registered policy and environment.
 * @throws UsageError when `target` is none of these; whatever reading and compiling the file throws.
 */
export async function explain(
  target: string | ConfigPair,
  options: ExplainOptions = {},
): Promise<ExplainRow[]> {
  if (typeof target !== 'string') return explainPair(target[0], target[1], options)
  const registries: Registries = options.registries ?? globalRegistries
  if (isConfigPath(target)) return explainFile(target, options)
  if (options.config !== undefined) {
    const rows = await explainFile(options.config, options)
    return notEmpty(target, selectRows(rows, target), rows)
  }
  const { overrides = [], create_defaults = {} } = options
  for (const role of [policyRole, envRole])
    if (registries[role.registry].has(target))
      return explainType(role, target, registries, overrides, create_defaults)
  const rows = await explainKey(target, registries)
  if (overrides.length === 0) return rows
  throw new UsageError(
    `"${target}" is a key, looked up in every policy and environment: to set ${overrides.map(([path]) => path).join(', ')}, name a config file, a policy or an environment.`,
  )
}

const EXTENSIONS = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json', '.yaml', '.yml'])
const [envRole, policyRole] = ROLES as readonly [Role, Role]

function isConfigPath(target: string): boolean {
  return EXTENSIONS.has(extname(target)) || (target.includes('/') && existsSync(target))
}

async function explainFile(path: string, options: ExplainOptions): Promise<ExplainRow[]> {
  const { main_config, create_config, base_dir } = await read_config(path)
  return explainPair(main_config, create_config, options, base_dir)
}

async function explainPair(
  main: object,
  create: object,
  { env, overrides, seed, registries, create_defaults }: ExplainOptions,
  base_dir?: string,
): Promise<ExplainRow[]> {
  const settings = {
    env,
    overrides,
    seed,
    registries,
    base_dir,
    save: false,
    renew_dir: false,
  }
  const compiled = await compile_config(main, { ...create_defaults, ...create }, settings)
  return rowsOf(compiled.schema, compiled.main_config, compiled.provenance)
}

/** The keys that a config can have because of one registered policy or environment, with what is set of them. */
async function explainType(
  role: Role,
  type: string,
  registries: Registries,
  overrides: readonly OverrideEntry[] = [],
  create_defaults: NonNullable<ExplainOptions['create_defaults']> = {},
): Promise<ExplainRow[]> {
  const place = role.place[0]!
  const create: Record<string, unknown> = { ...create_defaults, [role.section]: { type } }
  const roles = ROLES.filter(({ section, place: at, optional, registry, fallback }) => {
    if (at[0] !== place) return false
    if (at.length === 1 || Object.hasOwn(create_defaults, section)) return true
    return optional !== true && registries[registry].has(fallback ?? '')
  })
  const given = overridesFromList(overrides)
  const { root } = await assemble({ main: {}, create, overrides: given, registries, baseDir: '.' }, roles)
  const part: GroupNode = {
    kind: 'group',
    open: false,
    children: new Map([...root.children].filter(([key]) => key === place)),
  }
  const problems = new Problems()
  const config = new LayeredConfig(part, problems)
  for (const override of bindKeys(part, {}, given)) {
    const [first] = override.path
    // What a whole config has elsewhere has no row here.
    if (first !== place && root.children.has(first!)) continue
    const layer = overrideLayer(part, override, problems)
    if (layer !== undefined) config.apply(layer, override.source)
  }
  validate(part, config.values, config.provenance, problems, { partial: true })
  problems.throwIfAny(`What is set of ${role.registry} "${type}"`)
  return rowsOf(part, config.values, config.provenance)
}

async function explainKey(target: string, registries: Registries): Promise<ExplainRow[]> {
  const owners = new Map<string, { row: ExplainRow; owners: string[] }>()
  const all: ExplainRow[] = []
  for (const role of [policyRole, envRole]) {
    for (const type of registries[role.registry].query()) {
      const rows = await explainType(role, type, registries)
      all.push(...rows)
      for (const row of selectRows(rows, target)) {
        const id = JSON.stringify([role.registry, row.path, row.type, row.default, row.doc])
        const seen = owners.get(id)
        if (seen === undefined) owners.set(id, { row, owners: [`${role.registry} ${type}`] })
        else seen.owners.push(type)
      }
    }
  }
  const found = [...owners.values()].map(({ row, owners: names }) => ({ ...row, owner: names.join(', ') }))
  const types = [policyRole, envRole].flatMap((role) => registries[role.registry].query())
  return notEmpty(target, found, all, types)
}

/** Rows at a path, below it, or (where there are none) whose path ends with it. */
function selectRows(rows: readonly ExplainRow[], target: string): ExplainRow[] {
  const inside = rows.filter(({ path }) => path === target || path.startsWith(`${target}.`))
  return inside.length > 0 ? inside : rows.filter(({ path }) => path.endsWith(`.${target}`))
}

function notEmpty(
  target: string,
  found: ExplainRow[],
  all: readonly ExplainRow[],
  types: readonly string[] = [],
): ExplainRow[] {
  if (found.length > 0) return found
  const names = new Set([...types, ...all.flatMap(({ path }) => [path, path.split('.').at(-1)!])])
  const close = nearest(target, names)
  const hint = close.length === 0 ? '' : ` Did you mean ${close.map((name) => `"${name}"`).join(' or ')}?`
  throw new UsageError(
    `"${target}" is no config file, no registered policy or environment and no key of one.${hint}`,
  )
}

/** A row for each key of a schema; `values` may hold more keys where the schema is open. */
function rowsOf(root: GroupNode, values: Record<string, unknown>, provenance: Provenance): ExplainRow[] {
  const rows: ExplainRow[] = []
  for (const [path, leaf] of leavesOf(root)) {
    const name = path.join('.')
    const value = valueAt(values, path)
    // Every part can have import_names; they are worth a row only where they say something.
    if (path.at(-1) === 'import_names' && Array.isArray(value) && value.length === 0) continue
    rows.push(rowOf(name, leaf, value, provenance.get(name) ?? CLASS_DEFAULT))
  }
  const known = new Set([...leavesOf(root)].map(([path]) => path.join('.')))
  for (const [path, source] of provenance) {
    if (known.has(path)) continue
    const value = valueAt(values, path.split('.'))
    rows.push({
      path,
      type: 'any',
      default: undefined,
      required: false,
      doc: '(not described by its class)',
      value,
      source,
    })
  }
  return rows
}

function rowOf(path: string, leaf: LeafNode, value: unknown, source: string): ExplainRow {
  const { doc, required } = leaf
  return {
    path,
    type: formatName(leaf.format, leaf.nullable, leaf.infinity),
    default: leaf.default,
    required,
    doc,
    value: leaf.secret && value !== '' ? REDACTED : value,
    source,
  }
}
