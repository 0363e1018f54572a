import { resolve } from 'node:path'
import { absoluteImportName, registries as globalRegistries } from '../registry/index.js'
import { didYouMean } from '../utils/index.js'
import { assemble, type ChosenRole } from './assemble.js'
import { type Clock, checkExperimentName, claimExperiment } from './experiment.js'
import { crossFill } from './fills.js'
import { isRecord } from './formats.js'
import { LayeredConfig, type Provenance } from './merge.js'
import { normalise } from './normalise.js'
import {
  bindKeys,
  type Override,
  type OverrideEntry,
  overrideLayer,
  overridesFromEnv,
  overridesFromList,
} from './overrides.js'
import { Problems, show } from './problems.js'
import { type Registries, ROLES } from './roles.js'
import { saveConfig, TOTAL_CONFIG } from './save.js'
import type { GroupNode } from './schema.js'
import { validate } from './validate.js'

type Section = Record<string, unknown>

/** The `env` part of a compiled config: its manager, and the keys of the env class. */
export interface EnvSection extends Section {
  type: string
  import_names: string[]
  manager: Section
  stop_value: number
}

/** The `policy` part of a compiled config, with the conventional places of the other parts. */
export interface PolicySection extends Section {
  type: string
  import_names: string[]
  model: Section
  learn: Section & { learner: Section }
  collect: Section & { collector: Section }
  eval: Section & { evaluator: Section }
  other: Section & { replay_buffer: Section; commander: Section }
}

export interface CompiledMain extends Section {
  exp_name: string
  seed: number
  env: EnvSection
  policy: PolicySection
}

/** What is built for a role. */
export interface CreateSection {
  type: string
  import_names: string[]
}

export interface CompiledCreate {
  env: CreateSection
  env_manager: CreateSection
  policy: CreateSection
  learner: CreateSection
  collector: CreateSection
  evaluator: CreateSection
  replay_buffer: CreateSection
  commander?: CreateSection
  exchange?: CreateSection
}

/** A config with every key filled in and checked. */
export interface CompiledConfig {
  readonly main_config: CompiledMain
  readonly create_config: CompiledCreate
  readonly seed: number
  /** Where each key's value came from, by dotted path. */
  readonly provenance: Provenance
  /** What was not validated, and why. */
  readonly notes: readonly string[]
  /** The schema that all of it was checked against. */
  readonly schema: GroupNode
}

export interface CompileOptions {
  /** Wins over a seed in the config and the environment. */
  readonly seed?: number
  /** Wins over an exp_name in the config and the environment. */
  readonly exp_name?: string
  /** Makes the experiment's name from the one that the config comes to. */
  readonly rename?: ((exp_name: string) => string) | undefined
  /** Environment variables; process.env by default. `DING__A__B=text` sets the key `a.b`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Keys set on the command line, which win over everything: [dotted path, text or JSON value]. */
  readonly overrides?: readonly OverrideEntry[]
  /** Make the experiment folder and write total_config.json into it; true by default. */
  readonly save?: boolean
  /** Take a new name when the experiment folder exists already; true by default. */
  readonly renew_dir?: boolean
  /** Folder in which exp_name is; the working directory by default. */
  readonly work_dir?: string
  /** Folder that relative import_names start from (that of the config file); work_dir by default. */
  readonly base_dir?: string
  /** Gives the date for a renewed name. */
  readonly clock?: Clock
  readonly registries?: Registries
}

/**
 * The whole config of a run: class defaults <- create_config <- main_config <- environment variables <- command line,
 * every level validated against the schemas of the classes that it names, with DI-engine's cross-fills.
 * @throws ConfigError listing everything that is wrong, with paths; RegistryError for a type that nothing is registered under.
 */
export async function compile_config(
  main: object,
  create: object,
  options: CompileOptions = {},
): Promise<CompiledConfig> {
  const problems = new Problems()
  const mainLayer = normalise(main, '', problems)
  const createLayer = normalise(create, 'create_config', problems)
  checkSections(createLayer, problems)
  problems.throwIfAny('The config')

  const env = options.env ?? process.env
  const work_dir = resolve(options.work_dir ?? '.')
  const baseDir = resolve(options.base_dir ?? work_dir)
  const overrides = [
    ...overridesFromEnv(env),
    ...fromArgument('seed', options.seed),
    ...fromArgument('exp_name', options.exp_name),
    ...overridesFromList(options.overrides ?? []),
  ]
  const registries: Registries = options.registries ?? globalRegistries
  const { root, chosen, notes } = await assemble({
    main: mainLayer,
    create: createLayer,
    overrides,
    registries,
    baseDir,
  })

  const config = new LayeredConfig(root, problems)
  for (const { section, place } of ROLES) {
    const part = createLayer[section]
    if (isRecord(part)) config.apply(nest(place, part), 'create_config')
  }
  config.apply(mainLayer, 'main_config')
  for (const override of bindKeys(root, env, overrides)) {
    const layer = overrideLayer(root, override, problems)
    if (layer !== undefined) config.apply(layer, override.source)
  }
  settleTypes(config, chosen, baseDir)
  crossFill(root, config, problems)
  validate(root, config.values, config.provenance, problems)
  const name = config.values['exp_name']
  if (typeof name === 'string') {
    config.settle(['exp_name'], options.rename?.(name) ?? name)
    checkExperimentName(String(config.values['exp_name']), problems)
  }
  problems.throwIfAny('The config')

  const compiled = config.values as unknown as CompiledMain
  const { save = true, renew_dir = true, clock } = options
  const claimed = claimExperiment(work_dir, compiled.exp_name, { create: save, renew: renew_dir, clock })
  compiled.exp_name = claimed.exp_name
  const result: CompiledConfig = {
    main_config: compiled,
    create_config: createSections(config, chosen),
    seed: compiled.seed,
    provenance: config.provenance,
    notes,
    schema: root,
  }
  if (save) saveConfig(resolve(work_dir, compiled.exp_name, TOTAL_CONFIG), result)
  return result
}

/** The override that an argument of the entry is, where it is given: it comes after the environment and before the command line's keys. */
function fromArgument(key: string, value: unknown): Override[] {
  return value === undefined ? [] : [{ path: [key], value, source: `${key} argument`, ignoreCase: false }]
}

/** `part` as a config that has it at `place`. */
function nest(place: readonly string[], part: Record<string, unknown>): Record<string, unknown> {
  return place.reduceRight((inner, key) => ({ [key]: inner }), part)
}

function checkSections(create: Record<string, unknown>, problems: Problems): void {
  const known = ROLES.map(({ section }) => section)
  for (const [section, part] of Object.entries(create)) {
    const path = `create_config.${section}`
    if (!known.includes(section)) {
      problems.add(
        path,
        `unknown section.${didYouMean(section, known)} The sections are: ${known.join(', ')}.`,
      )
    } else if (!isRecord(part)) problems.add(path, `is ${show(part)}, expected an object with a type.`)
  }
}

/** Every role says its type and, as absolute paths, the files that were imported for it. */
function settleTypes(config: LayeredConfig, chosen: readonly ChosenRole[], baseDir: string): void {
  for (const { role, type, importNames } of chosen) {
    const absolute = importNames.map((name) => absoluteImportName(name, baseDir))
    config.settle([...role.place, 'type'], type)
    config.settle([...role.place, 'import_names'], absolute)
  }
}

function createSections(config: LayeredConfig, chosen: readonly ChosenRole[]): CompiledCreate {
  const sections = chosen
    .filter(({ role }) => role.section !== '')
    .map(({ role, type }) => [
      role.section,
      { type, import_names: config.get([...role.place, 'import_names']) },
    ])
  return structuredClone(Object.fromEntries(sections)) as CompiledCreate
}
