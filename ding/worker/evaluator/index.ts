export * from './interaction_serial_evaluator.js'
export { NoEvaluator } from './no_evaluator.js'
export * from './q_bias.js'
export * from './q_bias_serial_evaluator.js'
