import type { RandomStream } from '../compute/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { ConfigError, UsageError } from '../utils/index.js'
import { fillArguments } from './arguments.js'
import type { Model } from './types.js'

export interface CreateModelOptions {
  /** Where the initial weights come from. */
  readonly random: RandomStream
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
  const args = fillArguments(kind.config, given, 'policy.model')
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
