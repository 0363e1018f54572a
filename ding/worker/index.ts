export * from './collector/index.js'
export * from './evaluator/index.js'
export * from './learner/index.js'
export * from './types.js'
