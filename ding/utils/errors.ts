/** Base of every error that ding raises on purpose. The message says where, what was seen, what was expected and the mend. */
export class DingError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** A config is wrong; `path` is the dotted path of the key at fault. */
export class ConfigError extends DingError {
  constructor(message: string, options?: { cause?: unknown; path?: string }) {
    super(message, options)
    this.path = options?.path
  }
  readonly path: string | undefined
}

/** A name is not, or is already, in a registry. */
export class RegistryError extends DingError {}

/** A function cannot be traced or lowered to a program. */
export class CompileError extends DingError {}

/** A runtime, backend or device that was asked for is not there. */
export class RuntimeUnavailableError extends DingError {}

/** A checkpoint or saved state is missing, truncated, foreign or does not fit. */
export class CheckpointError extends DingError {}

/** A dataset file is missing, truncated, foreign or inconsistent. */
export class DatasetError extends DingError {}

/** An environment failed, hung, or was used against its contract. */
export class EnvError extends DingError {}

/** A loss, gradient or observation became NaN or infinite. */
export class NumericError extends DingError {}

/** The library or the command line was called in a way that it cannot serve. */
export class UsageError extends DingError {}
