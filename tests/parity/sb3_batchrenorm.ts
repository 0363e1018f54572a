import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, type Compute, Parameter } from '../../ding/compute/index.js'
import { BatchRenorm } from '../../ding/nn/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison, relativeError } from './compare.js'
import { isRecord } from './golden.js'
import { attempt } from './outcome.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult } from './types.js'

interface Call {
  readonly mode: 'train' | 'eval'
  readonly x: number[][]
  readonly upstream_grad: number[][]
  readonly y: number[][]
  readonly grad_x: number[][]
  readonly grad_scale?: number[]
  readonly grad_bias?: number[]
  readonly after?: { readonly ra_mean: number[]; readonly ra_var: number[]; readonly steps: number }
}

interface LayerCase {
  readonly num_features: number
  readonly warmup_steps: number
  readonly momentum: number
  readonly eps: number
  readonly affine: boolean
  readonly rmax: number
  readonly dmax: number
  readonly initial: { scale: number[]; bias: number[]; ra_mean: number[]; ra_var: number[]; steps: number }
  readonly calls: readonly Call[]
}

/** True for a file of SB3-contrib's BatchRenorm layer: cases by name, each a sequence of calls. */
export function isBatchRenormFile(json: unknown): boolean {
  if (!isRecord(json) || !isRecord(json['cases'])) return false
  const cases = Object.values(json['cases'])
  return cases.length > 0 && cases.every((golden) => isRecord(golden) && 'num_features' in golden)
}

/** SB3-contrib's BatchRenorm, call after call: outputs, gradients and running statistics, alone and as a member of an ensemble. */
export async function sb3BatchRenorm(json: unknown): Promise<FileResult> {
  const { cases } = json as { cases: Record<string, LayerCase> }
  const results: CaseResult[] = []
  for (const [name, golden] of Object.entries(cases)) {
    const result = await attempt(name, async () => {
      const comparison = new Comparison(name)
      for (const { name: runtime, compute } of await runtimes()) {
        await replay(golden, runtime, compute, undefined, comparison)
        await replay(golden, `${runtime} ensemble`, compute, 2, comparison)
      }
      return comparison.result()
    })
    results.push(result)
  }
  return { cases: results }
}

/** `members`: the same numbers for each layer of an ensemble of that many. */
async function replay(
  golden: LayerCase,
  what: string,
  compute: Compute,
  members: number | undefined,
  comparison: Comparison,
): Promise<void> {
  const { num_features, initial, calls, ...options } = golden
  const layer = new BatchRenorm(num_features, { ...options, ensemble: members })
  const repeated = (values: readonly number[]) => Array.from({ length: members ?? 1 }, () => values).flat()
  layer.scale?.set(repeated(initial.scale))
  layer.bias?.set(repeated(initial.bias))
  layer.ra_mean.set(repeated(initial.ra_mean))
  layer.ra_var.set(repeated(initial.ra_var))
  layer.steps.set([initial.steps])
  // Calls may have batches of different sizes.
  const stages = new Map<string, ReturnType<typeof stageOf>>()
  for (const [i, call] of calls.entries()) {
    const key = `${call.mode} ${call.x.length}`
    const stage = stages.get(key) ?? stageOf(layer, call.mode, call.x.length, members, compute)
    stages.set(key, stage)
    const { x, program } = stage
    x.set(repeated(call.x.flat()))
    const upstream: HostTensor = {
      dtype: 'float32',
      shape: x.shape,
      data: Float32Array.from(repeated(call.upstream_grad.flat())),
    }
    const { y } = await program.run({ upstream })
    const at = `${what} call ${i}`
    comparison.check(`${at} y`, y, repeated(call.y.flat()))
    comparison.record(`${at} grad_x`, errorOfInputGradient(x.grad, call, members ?? 1))
    if (call.grad_scale !== undefined)
      comparison.check(`${at} grad_scale`, layer.scale?.grad, repeated(call.grad_scale))
    if (call.grad_bias !== undefined)
      comparison.check(`${at} grad_bias`, layer.bias?.grad, repeated(call.grad_bias))
    if (call.after !== undefined) {
      comparison.check(`${at} ra_mean`, layer.ra_mean.data, repeated(call.after.ra_mean))
      comparison.check(`${at} ra_var`, layer.ra_var.data, repeated(call.after.ra_var))
      comparison.check(`${at} steps`, layer.steps.data, call.after.steps)
    }
  }
  for (const { program } of stages.values()) program.dispose()
}

/** A program of the layer in one mode for batches of one size, and the parameter that it reads them from. */
function stageOf(
  layer: BatchRenorm,
  mode: Call['mode'],
  rows: number,
  members: number | undefined,
  compute: Compute,
) {
  const leading = members === undefined ? [] : [members]
  const x = new Parameter([...leading, rows, layer.size], true, undefined, 'x')
  const program = compute.program(`batch_renorm_${mode}`, ({ upstream }: { upstream: Tensor }) => {
    layer.train(mode === 'train')
    let y: Tensor | undefined
    backward([x, ...layer.parameters()], () => {
      y = layer.forward(x.value)
      return tf.sum(tf.mul(y, upstream))
    })
    return { y: y as Tensor }
  })
  return { x, program }
}

/**
 * grad_x = a (dy - mean(dy)) + c (x - mean(x)) is the difference of two terms that all but cancel: of two rows they leave
 * eps / (var + eps), where torch's own float32 is off its float64 by 3e-4. So the error is taken relative to the size of the terms,
 * |a dy|. a is the slope of y over x.
 */
function errorOfInputGradient(actual: Float32Array, call: Call, members: number): number {
  const expected = Array.from({ length: members }, () => call.grad_x.flat()).flat()
  const column = (rows: number[][], f: number) => rows.map((row) => row[f]!)
  const spread = (values: number[]) => Math.max(...values) - Math.min(...values)
  const terms = call.x[0]!.map((_, f) => {
    const width = spread(column(call.x, f))
    const slope = width === 0 ? 0 : spread(column(call.y, f)) / width
    return slope * Math.max(...column(call.upstream_grad, f).map(Math.abs))
  })
  const largest = Math.max(...expected.map(Math.abs))
  const scale = Math.max(1, Math.max(...terms) / Math.max(largest, 0.01))
  return relativeError(actual, expected) / scale
}
