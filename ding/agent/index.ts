export { CQN, type CQNOptions } from './cqn.js'
export type { TestEnv } from './episodes.js'
export type { ActionMaskBatch, ObsBatch } from './inputs.js'
export { obsShapeOf } from './spaces.js'
