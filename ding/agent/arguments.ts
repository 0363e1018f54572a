import {
  type DeepPartial,
  type DefaultOverride,
  type Extended,
  extendSchema,
  type KeyDefinition,
  nameKeys,
  resolveConfig,
  type Schema,
  type SchemaDefinition,
  type SchemaExtension,
  schema,
  type ValuesOf,
} from '../config/index.js'
import type { Space } from '../envs/index.js'
import { ConfigError, didYouMean } from '../utils/index.js'
import type { EnvArgument } from './agent_env.js'
import { mergeSections } from './sections.js'

/**
 * An argument of an agent's constructor. `to` names the keys of the policy's config that it sets (`learn.batch_size`), after `convert`;
 * an argument without `to` is read by {@link AgentTable.more}, or by all agents alike (train_freq, seed, ...).
 */
export interface ArgumentDefinition extends KeyDefinition {
  readonly to?: string | readonly string[]
  /** Of an argument without `to`: the keys that it comes to, for whoever writes its name into a config. */
  readonly becomes?: string | readonly string[]
  /** null sets nothing: the config's key keeps its own default, or `more` says it. */
  readonly null_sets_nothing?: boolean
  convert?(value: never): unknown
}

/** The arguments by name; groups of them (policy_kwargs) are nested. */
export type ArgumentDefinitions = { readonly [name: string]: ArgumentDefinition | ArgumentDefinitions }

/** What the environment says to a config. */
export interface ConfigSetting {
  readonly observation_space: Space
  readonly action_space: Space
  /** How many updates come to so many env steps, at least 1. */
  updatesIn(env_steps: number): number
  /**
   * How many times what SB3 does at every `interval` env steps is due for each update, such as moving a target network.
   * @throws UsageError where that is no fixed number, or where the interval is longer than a collect
   */
  timesPerUpdate(interval: number): number
}

/** How an agent that is not to be deterministic chooses: a sample of its distribution, epsilon-greedily, or as ever. */
export type Sampling = 'distribution' | 'epsilon' | 'none'

/** Everything about an algorithm that its agent class needs: its arguments, and where they go. */
export interface AgentTable<A = Record<string, unknown>> {
  /** The class. */
  readonly name: string
  /** Registered name of the policy. */
  readonly policy: string
  readonly schema: Schema<A>
  readonly definitions: ArgumentDefinitions
  readonly sampling: Sampling
  /** Acts in [-1, 1]: actions are scaled to and from the environment's. */
  readonly continuous: boolean
  /** Policy config for the arguments that do not go to one key each. */
  more?(args: A, at: ConfigSetting): Record<string, unknown>
}

/** What {@link defineAgentTable} takes. */
export interface AgentTableDefinition<D> {
  readonly name: string
  readonly policy: string
  readonly arguments: D
  readonly sampling: Sampling
  readonly continuous: boolean
  /** Policy config for the arguments that do not go to one key each; wins over these. */
  more?(args: ValuesOf<D>, at: ConfigSetting): Record<string, unknown>
}

/**
 * An algorithm's one table. Who writes one of its arguments into a config of the policy is told the key.
 * @throws ConfigError when an argument's definition is wrong
 */
export function defineAgentTable<const D extends ArgumentDefinitions>(
  definition: AgentTableDefinition<D>,
): AgentTable<ValuesOf<D>> {
  const { name, policy, sampling, continuous, arguments: definitions, more } = definition
  const source = schema(definitions as unknown as SchemaDefinition) as unknown as Schema<ValuesOf<D>>
  nameArguments(policy, definitions)
  return { name, policy, sampling, continuous, definitions, schema: source, ...(more && { more }) }
}

/** Arguments that an agent has beyond another's, or with other defaults: `{ default: x }`. */
export type ArgumentExtension = {
  readonly [name: string]: ArgumentDefinition | DefaultOverride | ArgumentExtension
}

/** What {@link extendAgentTable} takes. */
export interface AgentTableExtension<A, D> {
  /** Of the class, which is also what its files are of. */
  readonly name: string
  /** Registered name of the policy; left out: the other agent's. */
  readonly policy?: string
  /** Left out: the other agent's arguments alone. */
  readonly arguments?: D
  /** Policy config beyond what the arguments, and the other agent's `more`, say; wins over these. */
  more?(args: Extended<A, D>, at: ConfigSetting): Record<string, unknown>
}

/**
 * The table of an agent that is like another (`SAC.table`), with another policy, more arguments or other defaults.
 * @throws ConfigError when an argument's definition is wrong
 */
export function extendAgentTable<A, const D extends ArgumentExtension = Record<never, never>>(
  base: AgentTable<A>,
  extension: AgentTableExtension<A, D>,
): AgentTable<Extended<A, D>> {
  const { name, policy = base.policy, arguments: added = {} as D } = extension
  const definitions = extendedArguments(base.definitions, added)
  const source = extendSchema(base.schema, added as unknown as SchemaExtension)
  nameArguments(policy, definitions)
  return {
    ...base,
    name,
    policy,
    definitions,
    schema: source as unknown as Schema<Extended<A, D>>,
    more: (args, at) => mergeSections({}, base.more?.(args as A, at), extension.more?.(args, at)),
  }
}

function extendedArguments(base: ArgumentDefinitions, added: ArgumentExtension): ArgumentDefinitions {
  const entries = Object.entries(added).map(([name, part]) => {
    const old = base[name]
    if (isArgument(part)) return [name, part]
    if (old !== undefined && isArgument(old)) return [name, { ...old, ...part }]
    return [name, extendedArguments(old ?? {}, part as ArgumentExtension)]
  })
  return { ...base, ...Object.fromEntries(entries) } as ArgumentDefinitions
}

/** The same argument with another default. */
export function withDefault<const K extends ArgumentDefinition>(
  definition: K,
  value: unknown,
  to?: string | readonly string[],
): K {
  return { ...definition, default: value, ...(to === undefined ? {} : { to }) }
}

/** A learning rate, or a function that gives it from the remaining share of the run (1 down to 0). */
export type LearningRateArgument = number | ((progress_remaining: number) => number)

/** Arguments that are no data, or that every agent has beside its table. */
export interface GivenArguments {
  /** An id ('HalfCheetah-v5'), {type, cfg}, a function that makes an Env, or an Env. null: none, for predicting alone. */
  readonly env?: EnvArgument | null
  /** Spaces of an agent without environment. */
  readonly observation_space?: Space
  readonly action_space?: Space
  /** Further keys of the policy's config; they win over what the arguments say. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Arguments of which a part may be given, or null for none, as in Python. */
type Parts<A> = {
  [K in keyof A]?: DeepPartial<A[K]> | (IsRecord<NonNullable<A[K]>> extends true ? null : never)
}

type IsRecord<T> = [T] extends [readonly unknown[]] ? false : [T] extends [object] ? true : false

/** What an agent's constructor takes, by its table. */
export type ArgumentsOf<T> =
  T extends AgentTable<infer A>
    ? GivenArguments &
        Parts<Omit<A, 'learning_rate' | 'action_noise'>> &
        ('learning_rate' extends keyof A ? { learning_rate?: LearningRateArgument } : unknown) &
        ('action_noise' extends keyof A ? { action_noise?: A['action_noise'] } : unknown)
    : never

const GIVEN = ['env', 'observation_space', 'action_space', 'config'] as const

/** The arguments of a call, checked. */
export interface Arguments {
  readonly given: GivenArguments
  /** Every argument of the table. */
  readonly values: Readonly<Record<string, unknown>>
  /** The learning rate as a function, where it is one; `values` then has its start. */
  readonly schedule: ((progress_remaining: number) => number) | undefined
}

/** @throws ConfigError naming the argument that does not exist, with what was perhaps meant, or whose value is not of its kind */
export function checkArguments(table: AgentTable, args: Readonly<Record<string, unknown>>): Arguments {
  if (typeof args !== 'object' || args === null) {
    throw new ConfigError(
      `${table.name} takes its arguments as one object, such as new ${table.name}({ env: '${table.continuous ? 'Pendulum-v1' : 'CartPole-v1'}' }).`,
    )
  }
  const known = [...GIVEN, ...Object.keys(table.definitions)]
  for (const name of Object.keys(args)) {
    if (known.includes(name)) continue
    throw new ConfigError(
      `${table.name} has no argument "${name}".${adviceFor(name, table, known)} The arguments are: ${known.join(', ')}. ` +
        'Other keys of the policy go into config, such as { config: { learn: { ignore_done: true } } }.',
      { path: name },
    )
  }
  const { env, observation_space, action_space, config, ...rest } = args as GivenArguments &
    Record<string, unknown>
  const { learning_rate } = rest
  const schedule = typeof learning_rate === 'function' ? (learning_rate as Arguments['schedule']) : undefined
  const plain = Object.entries(rest).flatMap(([name, value]): [string, unknown][] => {
    // Python's None where it means "the default".
    const absent = value === undefined || (value === null && !takesNull(table.definitions[name]))
    if (absent) return []
    if (name === 'learning_rate' && schedule !== undefined) return [[name, startOf(schedule)]]
    // Noise objects become the data that they hold.
    return [[name, name === 'action_noise' && value !== null ? { ...(value as object) } : value]]
  })
  const values = resolveConfig(
    table.schema as Schema<Record<string, unknown>>,
    Object.fromEntries(plain),
    table.name,
  )
  const given = {
    ...(env === undefined ? {} : { env }),
    ...(observation_space && { observation_space }),
    ...(action_space && { action_space }),
    ...(config && { config }),
  }
  return { given, values, schedule }
}

/** Which argument was meant by a name that there is not: one of a group, one that sets the config's key of that name, or one spelt like it. */
function adviceFor(name: string, { definitions }: AgentTable, known: readonly string[]): string {
  for (const { argument, definition } of placesOf(definitions)) {
    const keys = [definition.to ?? []].flat().map((place) => place.split('.').at(-1))
    const inGroup = argument.length > 1 && argument.at(-1) === name
    if (inGroup || keys.includes(name)) return ` It is "${argument.join('.')}".`
  }
  return didYouMean(name, known)
}

/** A schedule that stands in for one that a file could not hold. */
export interface LostSchedule {
  (progress_remaining: number): number
  readonly start: number
}

/** What a learning rate begins with. */
export function startOf(schedule: (progress_remaining: number) => number): number {
  return (schedule as Partial<LostSchedule>).start ?? schedule(1)
}

function takesNull(definition: ArgumentDefinition | ArgumentDefinitions | undefined): boolean {
  return (definition as ArgumentDefinition | undefined)?.nullable === true
}

/** What the arguments of a table set, as paths of the policy's config. */
export function placesOf(
  definitions: ArgumentDefinitions,
  path: readonly string[] = [],
): { argument: readonly string[]; definition: ArgumentDefinition }[] {
  return Object.entries(definitions).flatMap(([name, part]) => {
    const argument = [...path, name]
    return isArgument(part) ? [{ argument, definition: part }] : placesOf(part, argument)
  })
}

function nameArguments(policy: string, definitions: ArgumentDefinitions): void {
  for (const { argument, definition } of placesOf(definitions))
    nameKeys(policy, argument.at(-1)!, [definition.to ?? definition.becomes ?? []].flat())
}

function isArgument(
  part: ArgumentDefinitions[string] | ArgumentExtension[string],
): part is ArgumentDefinition {
  return typeof part['doc'] === 'string'
}
