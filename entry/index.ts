/** The face of the package: the entries, and everything that a config or an extension may need. */

/** TensorFlow.js as the programs use it: extensions must write their tensors with this copy of it. */
export * as tf from '@tensorflow/tfjs-core'
export * from '../ding/index.js'
export { type CollectDemoOptions, collect_demo_data } from './collect_demo_data.js'
export type { PipelineInput, PipelineOptions } from './compile_input.js'
export { DIST_ROLES, type DistOptions, type DistResult, type DistRole, dist } from './dist.js'
export { type EvaluateOptions, evaluate } from './evaluate.js'
export { type ParallelOptions, parallel_pipeline } from './parallel_pipeline.js'
export { type ResumeOptions, resume_pipeline } from './resume_pipeline.js'
export { serial_pipeline } from './serial_pipeline.js'
export { serial_pipeline_offline } from './serial_pipeline_offline.js'
export { serial_pipeline_offline_to_online } from './serial_pipeline_offline_to_online.js'
