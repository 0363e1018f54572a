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
import { isRecord, ruleOf, valueAt } from './formats.js'
import { LayeredConfig } from './merge.js'
import { type Override, overrideLayer, saidBy } from './overrides.js'
import { Problems, show } from './problems.js'
import { MODEL_ROLE, type Registries, ROLES, type Role } from './roles.js'
import { type GroupNode, schema } from './schema.js'

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

/** Something that the sources say of one key. */
interface Saying {
  readonly value: unknown
  /** Where it is said, for messages. */
  readonly path: string
}

/** What create_config says of a key, in the sections that it may be in: the innermost first. */
function saidInCreate(create: Sources['create'], place: readonly string[]): Saying[] {
  const sections = ROLES.filter(({ place: around }) => around.every((key, i) => key === place[i])).reverse()
  return sections
    .map(({ section, place: around }) => {
      const rest = place.slice(around.length)
      return { value: valueAt(create[section], rest), path: ['create_config', section, ...rest].join('.') }
    })
    .filter(({ value }) => value !== undefined)
}

/** All that overrides, main_config and create_config say of a key, what counts first. @throws ConfigError where create_config contradicts itself */
function sayings(place: readonly string[], { main, create, overrides }: Sources): Saying[] {
  const path = place.join('.')
  const outside = overrides.map((each) => ({ value: saidBy(each, place), path })).reverse()
  const inMain = { value: valueAt(main, place), path }
  const inCreate = saidInCreate(create, place)
  return [...outside, inMain, ...inCreate].filter(({ value }) => value !== undefined)
}

/** The type that the sources name for a role, if any. @throws ConfigError when it is no name, or create_config has two */
function namedType(role: Role, sources: Sources): string | undefined {
  const place = [...role.place, 'type']
  const [first, second] = saidInCreate(sources.create, place)
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    throw new ConfigError(
      `${first.path}: is ${show(first.value)}, but ${second.path} is ${show(second.value)}. Leave one of them out.`,
      { path: first.path },
    )
  }
  const [said] = sayings(place, sources)
  if (said === undefined || said.value === null) return undefined
  const { value, path } = said
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigError(`${path}: is ${show(value)}, expected the name of a registered ${role.registry}.`, {
    path,
  })
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
  const fallback = role === MODEL_ROLE ? modelFallback() : undefined
  const type = namedType(role, sources)
  const importNamesFound = [
    ...overriddenNames(role, sources),
    ...configuredNames(role, sources),
    ...(type === undefined ? (fallback?.importNames ?? []) : []),
  ]
  const name = type ?? declaredType(root, role) ?? fallback?.type ?? role.fallback
  if (name === undefined) {
    if (role.optional === true && !isMentioned(role, sources)) return undefined
    if (role === MODEL_ROLE) return undefined
    if (role.section === 'commander') return undefined
    throw new ConfigError(
      `create_config.${role.section}.type: missing; name the ${role.registry} that the config is for. ` +
        `Registered: ${sources.registries[role.registry].query().join(', ') || 'none'}.`,
      { path: `create_config.${role.section}.type` },
    )
  }
  const unique = [...new Set(importNamesFound)]
  await importNames(unique, sources.baseDir, { registry: sources.registries[role.registry], name })
  return { role, type: name, importNames: unique }
}

/** Whether a config says anything of a role. */
function isMentioned({ place }: Role, { main, create }: Sources): boolean {
  return valueAt(main, place) !== undefined || saidInCreate(create, place).length > 0
}

/** The type that the schema of an outer role has as the default of this one's. */
function declaredType(root: GroupNode, role: Role): string | undefined {
  const node = nodeAt(root, [...role.place, 'type'])
  return node?.kind === 'leaf' && typeof node.default === 'string' ? node.default : undefined
}

/** What overrides have to be imported. Relative files start from the working directory, where they were typed. */
function overriddenNames(role: Role, { overrides }: Sources): string[] {
  const place = [...role.place, 'import_names']
  const last = overrides.map((each) => saidBy(each, place)).findLast((value) => value !== undefined)
  if (last === undefined) return []
  const names = typeof last === 'string' ? (STRING_LIST.parse(last) ?? last) : last
  return namesOf(names, place.join('.')).map((name) => absoluteImportName(name, resolve('.')))
}

/** What create_config and main_config have to be imported. */
function configuredNames(role: Role, { main, create }: Sources): string[] {
  const place = [...role.place, 'import_names']
  const said = [...saidInCreate(create, place), { value: valueAt(main, place), path: place.join('.') }]
  return said.flatMap(({ value, path }) => namesOf(value, path))
}

function namesOf(names: unknown, path: string): string[] {
  if (names === undefined || names === null) return []
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new ConfigError(`${path}: is ${show(names)}, expected a list of files or packages to import.`, {
    path,
  })
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
  const stub: unknown = Object.create(prototype, { cfg: { value: policyKeys(registered, sources) } })
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

/** A policy's keys as the sources give them, over the defaults of its class. What is wrong with them is told when the schema is whole. */
function policyKeys(registered: unknown, { main, create, overrides }: Sources): unknown {
  const group = openGroup(classGroup(registered))
  const root: GroupNode = { kind: 'group', children: new Map([['policy', group]]), open: true }
  const unheard = new Problems()
  const config = new LayeredConfig(root, unheard)
  const layers = overrides
    .filter(({ path }) => path[0]?.toLowerCase() === 'policy')
    .map((override) => overrideLayer(root, override, unheard))
  for (const layer of [{ policy: create['policy'] }, { policy: main['policy'] }, ...layers])
    if (layer?.['policy'] !== undefined) config.apply(layer, '')
  return config.get(['policy'])
}

/** Whether the tree has a key at a path, or is open there. */
export function accepts(root: GroupNode, path: readonly string[]): boolean {
  if (nodeAt(root, path) !== undefined) return true
  const parent = nodeAt(root, path.slice(0, -1))
  return parent?.kind === 'group' && parent.open
}
