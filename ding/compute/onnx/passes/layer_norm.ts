import type { Initializer, OnnxGraph, OnnxNode } from '../graph.js'
import { Rewriter } from './rewrite.js'

/** The parts of y = (x - mean) / sqrt(variance + eps) over the last axis of x. */
interface Normalisation {
  readonly x: string
  readonly size: number
  readonly eps: number
  /** 1 / sqrt(variance + eps). */
  readonly scale: string
}

/**
 * A layer normalisation spelled out in eight nodes becomes ONNX Runtime's LayerNormalization, which also gives the inverse deviation that
 * gradients need. Where nothing but a scale and a shift reads the result, they become part of it.
 */
export function fuseLayerNorm(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph)
  const ones = new Map<string, Initializer>()
  /** By the node that makes the inverse deviation: what stands there instead. */
  const fused = new Map<OnnxNode, OnnxNode>()
  const gone = new Set<OnnxNode>()
  const readers = new Map<string, OnnxNode>()
  for (const node of graph.nodes) for (const input of node.inputs) readers.set(input, node)

  const afterwards = (y: string, type: string, size: number): { node: OnnxNode; by: string } | undefined => {
    const node = readers.get(y)
    const by = node?.inputs.find((input) => input !== y)
    if (node?.type !== type || by === undefined || !rewriter.usedOnce(y)) return undefined
    return rewriter.spec(by)?.shape.join() === `${size}` && isEarly(by) ? { node, by } : undefined
  }
  /** Inputs and constants are there before any node. */
  const isEarly = (name: string) => rewriter.maker(name) === undefined

  for (const node of graph.nodes) {
    const match = normalisation(rewriter, node)
    if (match === undefined) continue
    const { x, size, eps, scale } = match
    let y = node.outputs[0] as string
    let inputs = [x, onesOf(size, ones)]
    const readsScale = !rewriter.usedOnce(scale)
    const scaled = readsScale ? undefined : afterwards(y, 'Mul', size)
    const shifted =
      scaled === undefined ? undefined : afterwards(scaled.node.outputs[0] as string, 'Add', size)
    if (scaled !== undefined && shifted !== undefined) {
      y = shifted.node.outputs[0] as string
      inputs = [x, scaled.by, shifted.by]
      gone.add(scaled.node).add(shifted.node)
    }
    gone.add(node)
    const outputs = readsScale ? [y, '', scale] : [y]
    const attrs = { axis: -1, epsilon: { float: eps } }
    fused.set(rewriter.maker(scale) as OnnxNode, {
      type: 'LayerNormalization',
      domain: '',
      inputs,
      outputs,
      attrs,
    })
  }
  rewriter.each((node) => {
    const whole = fused.get(node)
    if (whole !== undefined) return [whole]
    return gone.has(node) ? [] : undefined
  })
  return rewriter.finish(ones)
}

function onesOf(size: number, ones: Map<string, Initializer>): string {
  const name = `$ones[${size}]`
  const bytes = new Uint8Array(new Float32Array(size).fill(1).buffer)
  ones.set(name, { dtype: 'float32', shape: [size], bytes })
  return name
}

/** Recognises c * (1 / sqrt(mean(c c) + eps)) with c = x - mean(x). */
function normalisation(rewriter: Rewriter, { type, inputs }: OnnxNode): Normalisation | undefined {
  if (type !== 'Mul') return undefined
  for (const [centred, scale] of [inputs, inputs.toReversed()] as [string, string][]) {
    const root = madeBy(rewriter, scale, 'Reciprocal')?.inputs[0]
    const sum = root === undefined ? undefined : madeBy(rewriter, root, 'Sqrt')?.inputs[0]
    const [variance, bound] = (sum === undefined ? undefined : madeBy(rewriter, sum, 'Add')?.inputs) ?? []
    const [x, mean] = madeBy(rewriter, centred, 'Sub')?.inputs ?? []
    if (x === undefined || mean === undefined || variance === undefined || bound === undefined) continue
    const eps = rewriter.scalar(bound)
    const size = rewriter.spec(x)?.shape.at(-1)
    const square = meanOf(rewriter, variance, x)
    const [a, b] = square === undefined ? [] : (madeBy(rewriter, square, 'Mul')?.inputs ?? [])
    if (eps === undefined || size === undefined || meanOf(rewriter, mean, x) !== x) continue
    if (a === centred && b === centred) return { x, size, eps, scale }
  }
  return undefined
}

function madeBy(rewriter: Rewriter, name: string, type: string): OnnxNode | undefined {
  const node = rewriter.maker(name)
  return node?.type === type ? node : undefined
}

/** What `name` is the mean of over the last axis, that axis kept; `like` has the shape of it. */
function meanOf(rewriter: Rewriter, name: string, like: string): string | undefined {
  const node = madeBy(rewriter, name, 'ReduceMean')
  const axes = rewriter.integers(node?.inputs[1])
  const rank = rewriter.spec(like)?.shape.length
  const isLast = rank !== undefined && axes?.length === 1 && axes[0] === rank - 1
  return node?.attrs['keepdims'] === 1 && isLast ? node.inputs[0] : undefined
}
