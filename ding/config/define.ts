/**
 * The config type of each policy, by registered name. A policy declares its own by augmentation:
 *
 *     declare module '../config/index.js' {
 *       interface PolicyConfigMap { dqn: DQNConfig }
 *     }
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface PolicyConfigMap {}

/** The config type of each environment, by registered name; see {@link PolicyConfigMap}. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface EnvConfigMap {}

/** The config type of each model, by registered name; see {@link PolicyConfigMap}. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface ModelConfigMap {}

/** Names of the models that a policy takes when `policy.model` names none, by the policy's registered name; see {@link PolicyConfigMap}. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface DefaultModelMap {}

/** Every key optional, at every level; lists stay whole. */
export type DeepPartial<T> = T extends readonly unknown[] | ((...args: never[]) => unknown)
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> }
    : T

type Loose = Record<string, unknown>

type Known<Map, Name extends string> = Name extends keyof Map
  ? Map[Name]
  : Name extends `${infer Base}_command`
    ? Base extends keyof Map
      ? Map[Base]
      : undefined
    : undefined

interface TypeKeys {
  type?: string
  import_names?: readonly string[]
}

/** The name of a model that a config does not name. */
type Unnamed = ''

/** The models that `policy.model` is of: the one that it names, else those that the policy may take. */
type ModelNames<P extends string, M extends string> = [M] extends [Unnamed] ? Known<DefaultModelMap, P> : M

/**
 * What `policy.model` may hold: the keys of the model, or anything where that is not known.
 * M is what `policy.model.type` says.
 */
export type ModelConfigOf<P extends string, M extends string> =
  ModelNames<P, M> extends infer N
    ? [N] extends [keyof ModelConfigMap]
      ? DeepPartial<ModelConfigMap[N]>
      : Loose
    : never

/** Places in a policy's config that belong to other classes. */
interface PolicyPlaces extends TypeKeys {
  learn?: { learner?: Loose }
  collect?: { collector?: Loose }
  eval?: { evaluator?: Loose }
  other?: { replay_buffer?: Loose; commander?: Loose; exchange?: Loose }
}

interface EnvPlaces extends TypeKeys {
  manager?: Loose
  stop_value?: number
  n_evaluator_episode?: number | null
}

/** What `main_config.policy` may hold for a policy of that name: anything, when its config type is not known. */
export type PolicyConfigOf<P extends string, M extends string = string> = (Known<
  PolicyConfigMap,
  P
> extends infer C
  ? C extends undefined
    ? Loose
    : DeepPartial<Omit<C, 'model'>> & PolicyPlaces
  : never) & {
  model?: { type?: M; import_names?: readonly string[] } & ModelConfigOf<P, M>
}

/** What `main_config.env` may hold for an environment of that name. */
export type EnvConfigOf<E extends string> =
  Known<EnvConfigMap, E> extends infer C ? (C extends undefined ? Loose : DeepPartial<C> & EnvPlaces) : never

/** A main_config for the named policy and environment, and the model that it names. */
export interface MainConfig<P extends string = string, E extends string = string, M extends string = string> {
  exp_name?: string
  seed?: number
  env?: EnvConfigOf<E>
  policy?: PolicyConfigOf<P, M>
}

interface Section<T extends string = string> extends Loose {
  type: T
  import_names?: readonly string[]
}

type NameIn<Map> = Extract<keyof Map, string> | (string & {})

/** A create_config: what to build. */
export interface CreateConfig<
  P extends string = NameIn<PolicyConfigMap>,
  E extends string = NameIn<EnvConfigMap>,
> {
  env: Section<E>
  policy: Section<P>
  env_manager?: Section
  learner?: Section
  collector?: Section
  evaluator?: Section
  replay_buffer?: Section
  commander?: Section
  exchange?: Section
}

/** What a config file exports, and `serial_pipeline` takes. */
export type ConfigPair = readonly [main_config: object, create_config: object]

/**
 * A config, typed by the policy and the environment that its create_config names, and by the policy's model: editors complete
 * keys, and the compiler rejects wrong ones. Returns both parts unchanged:
 * `export const [main_config, create_config] = defineConfig({...}, {...})`, or as the default export.
 */
export function defineConfig<
  const P extends NameIn<PolicyConfigMap>,
  const E extends NameIn<EnvConfigMap>,
  const M extends string = Unnamed,
>(
  main_config: MainConfig<P, E, M>,
  create_config: CreateConfig<P, E>,
): [main_config: MainConfig<P, E, M>, create_config: CreateConfig<P, E>] {
  return [main_config, create_config]
}
