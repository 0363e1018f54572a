export * from './continuous.js'
export * from './discrete.js'
export * from './offline.js'
export * from './offline_continuous.js'
