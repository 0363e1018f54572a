import type { OnnxGraph } from '../graph.js'
import { Rewriter } from './rewrite.js'

/**
 * Gemm(a, b) + c becomes Gemm(a, b, c): one pass over the result less, and an activation that follows can be fused by
 * ONNX Runtime. `c` may be a bias or another matrix, such as the other half of a gradient.
 */
export function fuseBias(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  rewriter.each((add) => {
    if (add.type !== 'Add') return undefined
    for (const [product, bias] of [add.inputs, add.inputs.toReversed()] as [string, string][]) {
      const gemm = rewriter.maker(product)
      if (gemm?.type !== 'Gemm' || gemm.inputs.length !== 2 || !rewriter.usedOnce(product)) continue
      const shape = rewriter.spec(product)?.shape
      const biasShape = rewriter.spec(bias)?.shape
      if (shape === undefined || biasShape === undefined || !broadcastsTo(biasShape, shape)) continue
      return [{ ...gemm, inputs: [...gemm.inputs, bias], outputs: add.outputs }]
    }
    return undefined
  })
  return rewriter.finish()
}

function broadcastsTo(from: readonly number[], to: readonly number[]): boolean {
  const extra = to.length - from.length
  return extra >= 0 && from.every((size, i) => size === 1 || size === to[i + extra])
}
