import { type DescribeOptions, describeDataset } from '../ding/data/index.js'

/** What `ding dataset info FILE` prints: layout, arrays, transitions, episodes, returns, bounds, and what looks wrong. */
export function datasetInfoCommand(file: string, options: DescribeOptions = {}): Promise<string> {
  return describeDataset(file, options)
}
