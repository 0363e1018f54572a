import type { Initializer, OnnxGraph } from '../graph.js'
import { Rewriter } from './rewrite.js'

/**
 * The sum of a matrix over its rows (the gradient of every bias) becomes a product with a vector of ones: ONNX Runtime
 * reduces the leading axis many times slower than it multiplies.
 */
export function sumColumnsByProduct(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  const ones = new Map<string, Initializer>()
  rewriter.each((sum) => {
    const [x, axesName] = sum.inputs
    if (sum.type !== 'ReduceSum' || x === undefined) return undefined
    const spec = rewriter.spec(x)
    const axes = rewriter.integers(axesName)
    if (spec?.dtype !== 'float32' || spec.shape.length !== 2 || axes?.length !== 1 || axes[0] !== 0)
      return undefined
    const rows = spec.shape[0]!
    const keep = sum.attrs['keepdims'] !== 0
    const name = `$ones[${keep ? '1,' : ''}${rows}]`
    const bytes = new Uint8Array(new Float32Array(rows).fill(1).buffer)
    ones.set(name, { dtype: 'float32', shape: keep ? [1, rows] : [rows], bytes })
    return [{ ...sum, type: keep ? 'Gemm' : 'MatMul', inputs: [name, x], attrs: {} }]
  })
  return rewriter.finish(ones)
}
