/** The face of the package: the entries, and everything that a config or an extension may need. */
export * from '../ding/index.js'
/** TensorFlow.js as the programs use it: extensions must write their tensors with this copy of it. */
export * as tf from '@tensorflow/tfjs-core'
export { collect_demo_data, type CollectDemoOptions } from './collect_demo_data.js'
export { evaluate, type EvaluateOptions } from './evaluate.js'
export type { PipelineInput, PipelineOptions } from './prepare.js'
export { resume_pipeline, serial_pipeline } from './serial_pipeline.js'
