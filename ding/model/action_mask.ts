import { Tensor } from '@tensorflow/tfjs-core'
import type { ObsTensor } from '../nn/index.js'
import type { ModelInput } from './types.js'

/**
 * Parts an `action_mask` from a model's input. What is left is the observation: the record itself, or, for a model of one tensor
 * (`takesRecord` false), its only other entry.
 */
export function splitMask(inputs: ModelInput, takesRecord: boolean): { obs: ObsTensor; mask?: ObsTensor } {
  if (inputs instanceof Tensor) return { obs: inputs }
  // A model of a record takes the entries that it knows and leaves the rest.
  if (takesRecord) return { obs: inputs, mask: inputs['action_mask'] }
  const { action_mask: mask, ...rest } = inputs
  const entries = Object.values(rest)
  return { obs: entries.length === 1 ? entries[0]! : rest, mask }
}
