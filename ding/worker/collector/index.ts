export * from './base_collector.js'
export * from './episode_serial_collector.js'
export * from './random_policy.js'
export * from './sample_serial_collector.js'
