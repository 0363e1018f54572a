import cloneDeep from 'lodash-es/cloneDeep.js'
import { ConfigError, writeFileAtomic } from '../utils/index.js'
import { leavesOf } from './class_schema.js'
import type { CompiledConfig } from './compile.js'
import { isRecord } from './formats.js'
import type { GroupNode } from './schema.js'

/** Name of the file in an experiment's folder that holds its whole config. */
export const TOTAL_CONFIG = 'total_config.json'

/** When a run ends at the latest, as far as its caller has said. */
export interface GivenLimits {
  readonly max_train_iter?: number
  readonly max_env_step?: number
}

/** JSON has no infinities: they are the strings "inf" and "-inf", and a string that looks so gets a "~" before it. */
const INFINITE_TEXT = /^~*-?inf$/

/** A config value as JSON can hold it; undone by {@link decodeConfig}. */
export function encodeConfig(value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  if (value === Number.NEGATIVE_INFINITY) return '-inf'
  if (typeof value === 'string') return INFINITE_TEXT.test(value) ? `~${value}` : value
  return mapInside(value, encodeConfig)
}

/** What a JSON config means: "inf" and "-inf" are infinities. */
export function decodeConfig(value: unknown): unknown {
  if (typeof value !== 'string') return mapInside(value, decodeConfig)
  if (value === 'inf') return Number.POSITIVE_INFINITY
  if (value === '-inf') return Number.NEGATIVE_INFINITY
  return INFINITE_TEXT.test(value) ? value.slice(1) : value
}

function mapInside(value: unknown, change: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change)
  if (!isRecord(value)) return value
  // fromEntries defines keys, so that a "__proto__" in a file stays a key, which normalise then refuses.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]))
}

/** What stands in the place of a secret. */
export const REDACTED = '***'

/** The main_config as it may be shown: with {@link REDACTED} for every secret that the schema names and that is given. */
export function shownConfig({
  main_config,
  schema,
}: Pick<CompiledConfig, 'main_config' | 'schema'>): Record<string, unknown> {
  return withoutSecrets(main_config, schema)
}

function withoutSecrets(values: Record<string, unknown>, schema: GroupNode): Record<string, unknown> {
  const paths = [...leavesOf(schema)].filter(([, leaf]) => leaf.secret).map(([path]) => path)
  if (paths.length === 0) return values
  const copy = cloneDeep(values)
  for (const path of paths) {
    const parent = path.slice(0, -1).reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), copy)
    const key = path.at(-1)!
    if (isRecord(parent) && parent[key] !== undefined && parent[key] !== '') parent[key] = REDACTED
  }
  return copy
}

/**
 * The text of total_config.json: a config file that compiles to the same config again, but for secrets.
 * @param limits those of the run, which stand beside the config
 */
export function configToJson(
  config: Pick<CompiledConfig, 'main_config' | 'create_config' | 'seed'> &
    Partial<Pick<CompiledConfig, 'schema'>>,
  limits?: GivenLimits,
): string {
  const { create_config, seed, schema } = config
  const main_config = schema === undefined ? config.main_config : withoutSecrets(config.main_config, schema)
  return `${JSON.stringify(encodeConfig({ main_config, create_config, seed, limits }), null, 2)}\n`
}

/** Writes total_config.json in one step: readers see the old file or the whole new one. */
export function saveConfig(path: string, config: CompiledConfig, limits?: GivenLimits): void {
  try {
    writeFileAtomic(path, configToJson(config, limits))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`exp_name: ${path} cannot be written: ${reason}`, { cause, path: 'exp_name' })
  }
}
