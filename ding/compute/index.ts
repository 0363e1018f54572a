export * from './compute.js'
export type { RandomSource } from './draws.js'
export { backward, backwardOfSum, stopGradient } from './gradient.js'
export * from './host/index.js'
export { withoutNegligible } from './negligible.js'
export { Parameter } from './parameter.js'
export { Program, type ProgramOptions, type RunOptions } from './program.js'
export * from './random/index.js'
export {
  closeNativeGate,
  createNativeGate,
  type EagerBackend,
  type SpecialisationInfo,
  throughNativeGate,
  useNativeGate,
} from './runtime/index.js'
export { insideProgram } from './scope.js'
export type { HostOutputs, HostTree, SpecTree, TensorTree } from './tree.js'
