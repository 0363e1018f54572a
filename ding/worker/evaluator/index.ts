export * from './interaction_serial_evaluator.js'
