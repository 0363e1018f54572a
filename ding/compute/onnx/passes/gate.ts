import type { OnnxGraph, OnnxNode } from '../graph.js'
import { Rewriter } from './rewrite.js'
import { Signs } from './signs.js'

/** Operators whose derivative can be infinite or NaN where their value is finite. */
const SINGULAR = new Set(['Acos', 'Acosh', 'Asin', 'Atan', 'Atanh', 'Pow'])
/** The same, but not of what is certainly positive; by the position of that input. */
const SINGULAR_AT_ZERO: Readonly<Record<string, number>> = { Div: 1, Log: 0, Reciprocal: 0 }
/** A number that is infinite or NaN makes a whole row of a product so, which no gate behind it can mend. */
const PRODUCTS = new Set(['FusedMatMul', 'Gemm', 'MatMul'])
/** So steep that every positive number but the smallest few (below 3e-39) comes out as 1, and every other as 0. */
const STEP = { alpha: { float: 3e38 }, beta: { float: 0 } } as const

/**
 * Where(x > 0, dy, 0), the gradient of relu, becomes dy * step(x) with the step as a HardSigmoid: ONNX Runtime's Greater
 * and Where take several times as long. Only where `dy` cannot be infinite or NaN in single places, that is, where nothing
 * with a singular derivative went into it since the last matrix product: 0 times NaN would be NaN, and a closed gate must
 * stay closed.
 */
export function gateByProduct(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  const signs = new Signs(rewriter)
  const known = new Map<OnnxNode, boolean>()
  const isTame = (name: string): boolean => {
    const node = rewriter.maker(name)
    if (node === undefined || PRODUCTS.has(node.type) || isBounded(rewriter, node)) return true
    let tame = known.get(node)
    if (tame === undefined) {
      tame = !isSingular(node, signs) && node.inputs.every(isTame)
      known.set(node, tame)
    }
    return tame
  }
  rewriter.each((where) => {
    const [condition, dy, otherwise] = where.inputs
    if (where.type !== 'Where' || condition === undefined || dy === undefined || otherwise === undefined) {
      return undefined
    }
    const greater = rewriter.maker(condition)
    const [x, bound] = greater?.inputs ?? []
    if (greater?.type !== 'Greater' || x === undefined || bound === undefined) return undefined
    if (rewriter.scalar(bound) !== 0 || rewriter.scalar(otherwise) !== 0 || !isTame(dy)) return undefined
    const step = `${condition}:step`
    const product: OnnxNode = { ...where, type: 'Mul', inputs: [dy, step] }
    if (rewriter.maker(step) !== undefined) return [product]
    return [{ type: 'HardSigmoid', domain: '', inputs: [x], outputs: [step], attrs: STEP }, product]
  })
  return rewriter.finish()
}

function isSingular({ type, inputs }: OnnxNode, signs: Signs): boolean {
  // The derivative of a root divides by that root, a node of its own.
  if (type === 'Sqrt') return !signs.isNonNegative(inputs[0] as string)
  const divisor = inputs[SINGULAR_AT_ZERO[type] ?? -1]
  return SINGULAR.has(type) || (divisor !== undefined && !signs.isPositive(divisor))
}

/** True for what is clipped on both sides: no number in it is infinite. */
function isBounded(rewriter: Rewriter, { type, inputs }: OnnxNode): boolean {
  return (
    type === 'Clip' &&
    inputs.slice(1, 3).filter((bound) => Number.isFinite(rewriter.scalar(bound))).length === 2
  )
}
