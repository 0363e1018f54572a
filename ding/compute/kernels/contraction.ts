import type { TensorSpec } from '../../utils/index.js'
import { CompileError } from '../../utils/index.js'
import { dim, input, inputList, numberAttr, stringAttr } from './call.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

/** Sides of an equation such as 'ij,jk->ik': a term per operand, and the result's. */
export function einsumTerms(call: KernelCall): { terms: string[]; result: string } {
  const [left = '', result = ''] = stringAttr(call, 'equation').replaceAll(' ', '').split('->')
  return { terms: left.split(','), result }
}

function contracted(call: KernelCall): TensorSpec {
  const { terms, result } = einsumTerms(call)
  const sizes = new Map<string, number>()
  for (const [i, operand] of inputList(call).entries()) {
    for (const [axis, letter] of [...terms[i]!].entries()) {
      const size = dim(operand.shape, axis)
      const known = sizes.get(letter) ?? size
      if (known !== size) {
        const equation = stringAttr(call, 'equation')
        throw new CompileError(
          `tf.einsum("${equation}") was given sizes ${known} and ${size} for "${letter}".`,
        )
      }
      sizes.set(letter, size)
    }
  }
  return { dtype: input(call, '0').dtype, shape: [...result].map((letter) => sizes.get(letter)!) }
}

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, broadcast over the last axes. */
function lowerBatchNorm(at: Lowering): string {
  const deviation = at.op('Add', [at.name('variance'), at.float(numberAttr(at, 'varianceEpsilon', 0.001))])
  const centred = at.op('Sub', [at.name('x'), at.name('mean')])
  let y = at.op('Div', [centred, at.op('Sqrt', [deviation])])
  if (at.inputs['scale'] !== undefined) y = at.op('Mul', [y, at.name('scale')])
  return at.inputs['offset'] === undefined ? y : at.op('Add', [y, at.name('offset')])
}

/** Kernels that have no family: contraction by equation and the normalisation of tf.batchNorm. */
export const contraction: readonly KernelRule[] = [
  rule('Einsum', contracted, (at) =>
    at.op('Einsum', at.names(), { equation: stringAttr(at, 'equation').replaceAll(' ', '') }),
  ),
  rule('FusedBatchNorm', (call) => input(call, 'x'), lowerBatchNorm),
]
