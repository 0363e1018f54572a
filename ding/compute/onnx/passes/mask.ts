import type { OnnxGraph } from '../graph.js'
import { Rewriter } from './rewrite.js'

/** ONNX' number of float32. */
const FLOAT = 1
/** Operators whose result is bool. */
const LOGICAL = new Set([
  'And',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'Not',
  'Or',
  'Xor',
])
/** Name of the zero that this pass adds. */
const ZERO = '$zero'

/**
 * x * Cast(condition) becomes Where(condition, x, 0): one node less, and a NaN or infinity that the mask was meant to
 * shut out stays out (tfjs' gradients of activations are such products).
 */
export function selectMasked(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  const isBool = (name: string) =>
    rewriter.spec(name)?.dtype === 'bool' || LOGICAL.has(rewriter.maker(name)?.type ?? '')
  /** The condition whose truth a value is as the number 1, looking through chains of casts (bool to int32 to float32). */
  const conditionOf = (name: string): string | undefined => {
    const cast = rewriter.maker(name)
    const source = cast?.type === 'Cast' ? cast.inputs[0] : undefined
    if (source === undefined) return undefined
    return isBool(source) ? source : conditionOf(source)
  }
  rewriter.each((mul) => {
    if (mul.type !== 'Mul') return undefined
    for (const [mask, x] of [mul.inputs, mul.inputs.toReversed()] as [string, string][]) {
      const condition = rewriter.maker(mask)?.attrs['to'] === FLOAT ? conditionOf(mask) : undefined
      if (condition !== undefined) return [{ ...mul, type: 'Where', inputs: [condition, x, ZERO] }]
    }
    return undefined
  })
  return rewriter.finish(new Map([[ZERO, { dtype: 'float32', shape: [], bytes: new Uint8Array(4) }]]))
}
