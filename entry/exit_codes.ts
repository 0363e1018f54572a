import { ExchangeError } from '../ding/parallel/index.js'
import {
  CheckpointError,
  ConfigError,
  DatasetError,
  DingError,
  EnvError,
  NumericError,
  RegistryError,
  RuntimeUnavailableError,
  UsageError,
} from '../ding/utils/index.js'

/** What the exit code of `ding` says. */
export const EXIT_CODES = {
  done: {
    code: 0,
    meaning: 'the command did what it was asked to (for a run: it reached its stop value or a limit)',
  },
  failed: { code: 1, meaning: 'an unexpected error: a defect in ding or in your own code' },
  usage: { code: 2, meaning: 'the command line or the config is wrong; nothing was started' },
  environment: { code: 3, meaning: 'an environment failed' },
  files: { code: 4, meaning: 'a checkpoint or dataset cannot be used' },
  numeric: { code: 5, meaning: 'the training diverged: a loss or gradient became NaN or infinite' },
  unavailable: {
    code: 6,
    meaning: 'the runtime, backend, GPU or NATS server that was asked for is not there',
  },
  interrupted: { code: 130, meaning: 'stopped by Ctrl-C or SIGTERM; a run has saved its state for --resume' },
} as const

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  // A parallel run ends with what a role of it failed with.
  if (error instanceof ExchangeError && error.cause instanceof DingError) return exitCodeOf(error.cause)
  if (error instanceof ConfigError || error instanceof RegistryError || error instanceof UsageError)
    return EXIT_CODES.usage.code
  if (error instanceof EnvError) return EXIT_CODES.environment.code
  if (error instanceof CheckpointError || error instanceof DatasetError) return EXIT_CODES.files.code
  if (error instanceof NumericError) return EXIT_CODES.numeric.code
  if (error instanceof RuntimeUnavailableError || error instanceof ExchangeError)
    return EXIT_CODES.unavailable.code
  return EXIT_CODES.failed.code
}
