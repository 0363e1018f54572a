import { activations } from './activation.js'
import { arithmetic } from './arithmetic.js'
import { contraction } from './contraction.js'
import { convolutions } from './convolution.js'
import { creation } from './creation.js'
import { elementwise } from './elementwise.js'
import { indexing } from './indexing.js'
import { joining } from './joining.js'
import { logical } from './logical.js'
import { matmul } from './matmul.js'
import { poolings } from './pooling.js'
import { reductions } from './reduction.js'
import { scanning } from './scanning.js'
import { shapes } from './shape.js'
import { slicing } from './slicing.js'
import type { KernelRule } from './types.js'
import { unsupported } from './unsupported.js'

export { dim, pairsAttr, stringAttr } from './call.js'
export { einsumTerms } from './contraction.js'
export { undoPermutation } from './emit.js'
export { pooling } from './geometry.js'
export { gatherSizes } from './indexing.js'
export { mirroredIndices, sliceWindow, stridedWindow } from './slicing.js'
export type * from './types.js'
export { UNSUPPORTED } from './unsupported.js'

const families: readonly (readonly KernelRule[])[] = [
  elementwise,
  activations,
  arithmetic,
  logical,
  matmul,
  reductions,
  shapes,
  joining,
  slicing,
  indexing,
  scanning,
  convolutions,
  poolings,
  contraction,
  creation,
  unsupported,
]

/** The kernel table: by tfjs' kernel name, the shape rule and the lowering to ONNX. */
export const KERNELS: ReadonlyMap<string, KernelRule> = new Map(
  families.flat().map((row) => [row.kernel, row]),
)
