export * from './config.js'
export * from './datasets.js'
export { type DescribeOptions, describeDataset } from './describe.js'
export { detectLayout } from './detect.js'
export { MemoryDataset } from './memory_dataset.js'
export { transformedReward } from './reward.js'
export { D4RL_REFERENCE_SCORES, envOfFileName, normalised_score, type ReferenceScore } from './scores.js'
export {
  type DatasetClass,
  type DatasetOptions,
  type DatasetStatistics,
  type KeyInfo,
  type ObservationNorm,
  type OfflineDataset,
  type RawData,
  type RewardTransform,
  ROW,
  type ValueSummary,
} from './types.js'
export * from './writer.js'
