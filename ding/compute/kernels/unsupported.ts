import { CompileError } from '../../utils/index.js'
import type { KernelRule } from './types.js'

function refuse(kernel: string, why: string, instead: string): KernelRule {
  const fail = (): never => {
    throw new CompileError(`Kernel ${kernel} cannot be compiled: ${why}. ${instead}`)
  }
  return { kernel, infer: fail, lower: fail }
}

const SHAPE = 'the shape of its result depends on the data, and programs are specialised by shape'
const MASK = 'Keep the full shape and use tf.where with a mask, or gather by an index tensor of fixed length.'
const NOISE = 'its values would be drawn once and baked into the program'
const DRAW =
  'Draw with random.* of compute inside the program: the host then fills the values before each run.'

/** Kernels that programs cannot hold, with what to do instead. */
export const unsupported: readonly KernelRule[] = [
  refuse('Unique', SHAPE, MASK),
  refuse('NonMaxSuppressionV3', SHAPE, MASK),
  refuse('NonMaxSuppressionV4', SHAPE, MASK),
  refuse('NonMaxSuppressionV5', SHAPE, MASK),
  refuse('Multinomial', NOISE, DRAW),
]

/** Names of {@link unsupported}. */
export const UNSUPPORTED: ReadonlySet<string> = new Set(unsupported.map((row) => row.kernel))
