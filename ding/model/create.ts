import { isDeepStrictEqual } from 'node:util'
import type { RandomStream } from '../compute/index.js'
import { isSchema } from '../config/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { ConfigError, UsageError } from '../utils/index.js'
import { fillArguments } from './arguments.js'
import type { Model, ModelClass } from './types.js'

export interface CreateModelOptions {
  /** Where the initial weights come from. */
  readonly random: RandomStream
  /** Class of the policy that the model is for. Keys that it adds to `policy.model` are no error while they have its defaults. */
  readonly policy?: unknown
}

/**
 * Builds a registered model: `cfg.type` is its name, the rest its keyword arguments (`import_names` is left to the caller).
 * Its parameters are packed into one arena.
 * @throws ConfigError for a missing type or wrong arguments; RegistryError for an unknown type.
 */
export function createModel(cfg: Readonly<Record<string, unknown>>, options: CreateModelOptions): Model {
  const { type, import_names: _names, ...given } = cfg
  if (typeof type !== 'string') {
    throw new ConfigError(
      `policy.model.type is ${JSON.stringify(type)}, expected the registered name of a model: ${MODEL_REGISTRY.query().join(', ')}.`,
      { path: 'policy.model.type' },
    )
  }
  const kind = MODEL_REGISTRY.get(type)
  const args = fillArguments(kind.config, withoutForeignDefaults(kind, given, options.policy), 'policy.model')
  try {
    const model = new kind(args as never, options.random)
    model.pack()
    return model
  } catch (error) {
    // Sizes that do not fit each other, or that no memory can hold (a RangeError of the typed array).
    if (!(error instanceof UsageError || error instanceof RangeError)) throw error
    throw new ConfigError(`The model "${type}" cannot be built from policy.model: ${error.message}`, {
      cause: error,
      path: 'policy.model',
    })
  }
}

/**
 * Without what nobody asked for: a policy's schema describes the keys of its own model, which another model may lack. Whether a value was given
 * cannot be told from a compiled config, nor from the total_config.json that it is saved as; one that differs from the default was.
 */
function withoutForeignDefaults(
  { config }: ModelClass,
  given: Readonly<Record<string, unknown>>,
  policy: unknown,
): Readonly<Record<string, unknown>> {
  const source = (policy as { config?: unknown } | undefined)?.config
  const added = isSchema(source) ? source.root.children.get('model') : undefined
  if (config === undefined || added?.kind !== 'group') return given
  const isForeign = (key: string, value: unknown) => {
    const node = added.children.get(key)
    return !config.root.children.has(key) && node?.kind === 'leaf' && isDeepStrictEqual(value, node.default)
  }
  return Object.fromEntries(Object.entries(given).filter(([key, value]) => !isForeign(key, value)))
}
