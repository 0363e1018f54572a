export type { ConsoleMode, OutputStream } from './console.js'
export { histogramBuckets } from './histogram.js'
export { JsonlSink } from './jsonl.js'
export { MemoryLogger, NULL_LOGGER } from './plain_loggers.js'
export { Progress, type ProgressInfo, type ProgressOptions } from './progress.js'
export {
  type ComponentOptions,
  createRunLogger,
  type RunLogger,
  type RunLoggerOptions,
} from './run_logger.js'
export { formatTable } from './table.js'
export { TensorBoardSink } from './tensorboard.js'
export { type Cell, type Clock, type LineOptions, type Logger, type LogSink, systemClock } from './types.js'
