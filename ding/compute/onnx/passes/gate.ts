import type { OnnxGraph, OnnxNode } from '../graph.js'
import { Finiteness } from './finiteness.js'
import { Rewriter } from './rewrite.js'

/** So steep that every positive number but the smallest few (below 3e-39) comes out as 1, and every other as 0. */
const STEP = { alpha: { float: 3e38 }, beta: { float: 0 } } as const

/**
 * Where(x > 0, dy, 0), the gradient of relu, becomes dy * step(x) with the step as a HardSigmoid: ONNX Runtime's Greater
 * and Where take several times as long. Only where `dy` cannot be infinite or NaN in single places and `x` not NaN: 0 times
 * NaN would be NaN, and so is the step of NaN, but a closed gate must stay closed.
 */
export function gateByProduct(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  const finiteness = new Finiteness(rewriter)
  rewriter.each((where) => {
    const [condition, dy, otherwise] = where.inputs
    if (where.type !== 'Where' || condition === undefined || dy === undefined || otherwise === undefined) {
      return undefined
    }
    const greater = rewriter.maker(condition)
    const [x, bound] = greater?.inputs ?? []
    if (greater?.type !== 'Greater' || x === undefined || bound === undefined) return undefined
    if (rewriter.scalar(bound) !== 0 || rewriter.scalar(otherwise) !== 0) return undefined
    if (!finiteness.isFinite(dy) || !finiteness.isNumber(x)) return undefined
    const step = `${condition}:step`
    const product: OnnxNode = { ...where, type: 'Mul', inputs: [dy, step] }
    if (rewriter.maker(step) !== undefined) return [product]
    return [{ type: 'HardSigmoid', domain: '', inputs: [x], outputs: [step], attrs: STEP }, product]
  })
  return rewriter.finish()
}
