import { resolve } from 'node:path'
import { absoluteImportName, importNames } from '../registry/index.js'
import { ConfigError, RegistryError } from '../utils/index.js'
import {
  classGroup,
  makeLeaf,
  mergeGroups,
  nodeAt,
  OPEN_GROUP,
  openGroup,
  placeGroup,
} from './class_schema.js'
import { isRecord, ruleOf } from './formats.js'
import { isFor, type Override } from './overrides.js'
import { show } from './problems.js'
import { MODEL_ROLE, type Registries, ROLES, type Role } from './roles.js'
import { type GroupNode, type LeafNode, schema } from './schema.js'

/** As the schema of every role has it. */
const STRING_LIST = ruleOf('string_list', false, false)

const ROOT = schema({
  exp_name: {
    doc: 'Experiment folder, relative to the working directory; a date is added when it exists already.',
    format: 'string',
    default: 'default_experiment',
  },
  seed: { doc: 'Seed of every random stream of the run.', format: 'nonnegative_int', default: 0 },
  env: {
    manager: {},
    stop_value: {
      doc: 'Mean return of an evaluation at which the run stops.',
      format: 'number',
      infinity: true,
      default: 1e10,
    },
    n_evaluator_episode: {
      doc: 'Episodes of one evaluation.',
      format: 'positive_int',
      default: 4,
      nullable: true,
    },
  },
  policy: {
    model: {},
    learn: { learner: {} },
    collect: { collector: {} },
    eval: { evaluator: {} },
    other: { replay_buffer: {}, commander: {} },
  },
}).root

/** The raw sources that types are read from, before there is a schema to merge by. */
export interface Sources {
  readonly main: Record<string, unknown>
  readonly create: Record<string, unknown>
  readonly overrides: readonly Override[]
  readonly registries: Registries
  /** Folder that relative `import_names` start from. */
  readonly baseDir: string
}

/** The type that was found for each role, by its place. */
export interface ChosenRole {
  readonly role: Role
  readonly type: string
  readonly importNames: readonly string[]
}

/** The schema of a whole config, put together from the classes that it names. */
export interface Assembly {
  readonly root: GroupNode
  readonly chosen: readonly ChosenRole[]
  /** What is not validated, and why. */
  readonly notes: readonly string[]
}

/**
 * Finds the class of every role and puts their schemas in their places.
 * @param roles which roles to look for; the env and the policy must be named by the config if they are among them
 * @throws ConfigError when a type is missing or no string, RegistryError when nothing is registered under it
 */
export async function assemble(sources: Sources, roles: readonly Role[] = ROLES): Promise<Assembly> {
  const chosen: ChosenRole[] = []
  const notes: string[] = []
  let root = ROOT
  for (const role of [...roles, MODEL_ROLE]) {
    const found = await choose(role, sources, root, () => defaultModel(sources, chosen))
    if (found === undefined) {
      if (role === MODEL_ROLE) root = placeGroup(root, role.place, () => OPEN_GROUP)
      continue
    }
    chosen.push(found)
    const group = classGroup(lookUp(found, sources))
    if (group.open) {
      notes.push(
        `${role.registry} "${found.type}" declares no schema: keys of ${role.place.join('.')} are not validated.`,
      )
    }
    root = placeGroup(root, role.place, (old) => withTypeKeys(combine(role, old, group), found))
  }
  return { root, chosen, notes }
}

/**
 * A role's group from its class and from what is at its place already. Env and policy add to the conventional tree; the
 * others give the keys of their place, to which the policy's schema may have added keys or other defaults.
 */
function combine(role: Role, old: GroupNode | undefined, group: GroupNode): GroupNode {
  if (old === undefined) return group
  if (role.section === 'env' || role.section === 'policy')
    return mergeGroups(group.open ? openGroup(old) : old, group)
  return mergeGroups(group, { ...old, open: false })
}

function withTypeKeys(group: GroupNode, { role, type, importNames }: ChosenRole): GroupNode {
  const children = new Map(group.children)
  children.set('type', makeLeaf(`Registered name, in the registry "${role.registry}".`, 'string', type))
  const imports = 'Modules to import first, for what they register: files or packages.'
  children.set('import_names', makeLeaf(imports, 'string_list', importNames))
  return { ...group, children }
}

/**
 * The type and import_names of a role: overrides, then main_config, then create_config, then what the policy's schema
 * says, then the fallback.
 */
async function choose(
  role: Role,
  sources: Sources,
  root: GroupNode,
  modelFallback: () => DefaultModel | undefined,
): Promise<ChosenRole | undefined> {
  const { main, create } = sources
  const inMain = at(main, role.place)
  const inCreate = role.section === '' ? undefined : create[role.section]
  const fallback = role === MODEL_ROLE ? modelFallback() : undefined
  const [type, path] = findType(role, sources, inMain, inCreate)
  const importNamesFound = [
    ...overriddenNames(role, sources),
    ...namesOf(inCreate, `create_config.${role.section}.import_names`),
    ...namesOf(inMain, `${role.place.join('.')}.import_names`),
    ...(type === undefined ? (fallback?.importNames ?? []) : []),
  ]
  const name = type ?? declaredType(root, role) ?? fallback?.type ?? role.fallback
  if (name === undefined) {
    if (role.optional === true && inMain === undefined && inCreate === undefined) return undefined
    if (role === MODEL_ROLE) return undefined
    if (role.section === 'commander') return undefined
    throw new ConfigError(
      `create_config.${role.section}.type: missing; name the ${role.registry} that the config is for. ` +
        `Registered: ${sources.registries[role.registry].query().join(', ') || 'none'}.`,
      { path: `create_config.${role.section}.type` },
    )
  }
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError(`${path}: is ${show(name)}, expected the name of a registered ${role.registry}.`, {
      path,
    })
  }
  const unique = [...new Set(importNamesFound)]
  await importNames(unique, sources.baseDir, { registry: sources.registries[role.registry], name })
  return { role, type: name, importNames: unique }
}

/** The type that the schema of an outer role has as the default of this one's. */
function declaredType(root: GroupNode, role: Role): string | undefined {
  const node = nodeAt(root, [...role.place, 'type'])
  return node?.kind === 'leaf' && typeof node.default === 'string' ? node.default : undefined
}

function findType(role: Role, sources: Sources, inMain: unknown, inCreate: unknown): [unknown, string] {
  const place = [...role.place, 'type']
  const section = ['create_config', role.section, 'type']
  const override = sources.overrides.filter((each) => isFor(each, place)).at(-1)
  if (override !== undefined) return [override.value, place.join('.')]
  if (isRecord(inMain) && inMain['type'] !== undefined) return [inMain['type'], place.join('.')]
  if (isRecord(inCreate) && inCreate['type'] !== undefined) return [inCreate['type'], section.join('.')]
  return [undefined, section.join('.')]
}

/** What overrides have to be imported. Relative files start from the working directory, where they were typed. */
function overriddenNames(role: Role, { overrides }: Sources): string[] {
  const place = [...role.place, 'import_names']
  const last = overrides.filter((each) => isFor(each, place)).at(-1)
  if (last === undefined) return []
  const names = typeof last.value === 'string' ? (STRING_LIST.parse(last.value) ?? last.value) : last.value
  return namesOf({ import_names: names }, place.join('.')).map((name) =>
    absoluteImportName(name, resolve('.')),
  )
}

function namesOf(part: unknown, path: string): string[] {
  if (!isRecord(part) || part['import_names'] === undefined || part['import_names'] === null) return []
  const names = part['import_names']
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new ConfigError(`${path}: is ${show(names)}, expected a list of files or packages to import.`, {
    path,
  })
}

function at(record: Record<string, unknown>, path: readonly string[]): unknown {
  let value: unknown = record
  for (const key of path) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

/** The registered class of a role. @throws RegistryError that begins with the config path. */
function lookUp({ role, type }: ChosenRole, sources: Sources): unknown {
  try {
    return sources.registries[role.registry].get(type)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RegistryError(`${[...role.place, 'type'].join('.')}: ${reason}`, { cause })
  }
}

interface DefaultModel {
  readonly type: string
  readonly importNames: readonly string[]
}

/**
 * What the chosen policy's `defaultModel()` says: a name, or [name, import_names]. It is called without an instance, on
 * an object that has the policy's methods and, as `cfg`, its defaults under what the config says.
 */
function defaultModel(sources: Sources, chosen: readonly ChosenRole[]): DefaultModel | undefined {
  const policy = chosen.find(({ role }) => role.section === 'policy')
  if (policy === undefined) return undefined
  const registered = lookUp(policy, sources)
  const prototype: unknown = typeof registered === 'function' ? registered.prototype : undefined
  if (!isRecord(prototype) || typeof prototype['defaultModel'] !== 'function') return undefined
  const given = at(sources.main, ['policy'])
  const cfg = { ...shallowDefaults(classGroup(registered)), ...(isRecord(given) ? given : {}) }
  const stub: unknown = Object.create(prototype, { cfg: { value: cfg } })
  let answer: unknown
  try {
    answer = Reflect.apply(prototype['defaultModel'], stub, [])
  } catch (cause) {
    throw new ConfigError(
      `policy.model.type: missing, and defaultModel() of policy "${policy.type}" failed before the policy exists. Name the model.`,
      { cause, path: 'policy.model.type' },
    )
  }
  const [type, names] = Array.isArray(answer) ? (answer as unknown[]) : [answer, []]
  if (typeof type !== 'string') return undefined
  return { type, importNames: Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [] }
}

function shallowDefaults(group: GroupNode): Record<string, unknown> {
  const leaves = [...group.children].filter((child): child is [string, LeafNode] => child[1].kind === 'leaf')
  return Object.fromEntries(leaves.map(([key, leaf]) => [key, leaf.default]))
}

/** Whether the tree has a key at a path, or is open there. */
export function accepts(root: GroupNode, path: readonly string[]): boolean {
  if (nodeAt(root, path) !== undefined) return true
  const parent = nodeAt(root, path.slice(0, -1))
  return parent?.kind === 'group' && parent.open
}
