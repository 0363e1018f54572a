export * from './config.js'
export * from './datasets.js'
export { type DescribeOptions, describeDataset } from './describe.js'
export { detectLayout } from './detect.js'
export { MemoryDataset } from './memory_dataset.js'
export { transformedReward } from './reward.js'
export { D4RL_REFERENCE_SCORES, envOfFileName, normalised_score, type ReferenceScore } from './scores.js'
export type {
  DatasetClass,
  DatasetOptions,
  DatasetStatistics,
  KeyInfo,
  ObservationNorm,
  OfflineDataset,
  RewardTransform,
  ValueSummary,
} from './types.js'
export * from './writer.js'
