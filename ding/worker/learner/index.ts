export * from './base_learner.js'
export * from './learner_hook.js'
