import type { GradConfig } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { BINARY } from './binary.js'
import { ELEMENTWISE } from './elementwise.js'
import { GATHER } from './gather.js'
import { LINEAR } from './linear.js'
import { POOLING } from './pooling.js'
import { REDUCTION } from './reduction.js'
import { SHAPE } from './shape.js'
import { SLICING } from './slicing.js'

/** All gradient rules, one per kernel. They are made of tfjs operations, so they hold on every runtime and backend. */
export const GRADIENTS: readonly GradConfig[] = [
  ...ELEMENTWISE,
  ...BINARY,
  ...REDUCTION,
  ...SHAPE,
  ...SLICING,
  ...GATHER,
  ...LINEAR,
  ...POOLING,
]

let installed = false

/**
 * Gives tfjs the gradient rules. The tfjs-core that Node loads has none of its own (they come with the union package
 * `@tensorflow/tfjs` only). These share ties as PyTorch does, mask with `where` instead of products, so that NaN does not
 * leak through closed gates, and treat comparisons as flat instead of refusing them.
 */
export function installGradients(): void {
  if (installed) return
  installed = true
  for (const rule of GRADIENTS) tf.registerGradient(rule)
}
