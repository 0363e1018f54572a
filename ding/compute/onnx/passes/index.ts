import type { OnnxGraph } from '../graph.js'
import { fuseBias } from './bias.js'
import { sumColumnsByProduct } from './column_sum.js'
import { gateByProduct } from './gate.js'
import { fuseLayerNorm } from './layer_norm.js'
import { selectMasked } from './mask.js'

/** Rewrites that make the graph faster without changing its results. Each lives in a file of its own. */
const PASSES: readonly ((graph: OnnxGraph) => OnnxGraph)[] = [
  fuseLayerNorm,
  fuseBias,
  selectMasked,
  gateByProduct,
  sumColumnsByProduct,
]

/** Runs every pass, in order. */
export function optimise(graph: OnnxGraph): OnnxGraph {
  return PASSES.reduce((rewritten, pass) => pass(rewritten), graph)
}
