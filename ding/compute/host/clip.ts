import { UsageError } from '../../utils/index.js'
import type { Parameter } from '../parameter.js'
import { kernelsFor } from './kernels.js'
import { mergeRanges } from './ranges.js'

/** The gradients of parameters, neighbours in memory joined. */
function gradients(params: readonly Parameter[]): Float32Array[] {
  return mergeRanges([params.map((parameter) => parameter.grad)]).map((range) => range.arrays[0]!)
}

/**
 * The p-norm of all values together, as float64; `normType` is p > 0 or Infinity. @throws UsageError for another p.
 */
export function vectorNorm(arrays: readonly Float32Array[], normType: number): number {
  if (!(normType > 0))
    throw new UsageError(`A norm needs a type p > 0 (2, 1, Infinity, ...), got ${normType}.`)
  if (normType === Infinity) return Math.max(0, ...arrays.map((x) => kernelsFor(x).maxAbs(x)))
  let sum = 0
  for (const x of arrays) {
    if (normType === 2) sum += kernelsFor(x).sumSquares(x)
    else for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]!) ** normType
  }
  return normType === 2 ? Math.sqrt(sum) : sum ** (1 / normType)
}

/** Multiplies by limit / (norm + 1e-6) where that is below one; a NaN norm makes every value NaN, as in torch. */
export function scaleToNorm(arrays: readonly Float32Array[], norm: number, limit: number): void {
  const factor = limit / (norm + 1e-6)
  if (factor >= 1) return
  for (const x of arrays) kernelsFor(x).scale(x, factor)
}

/** Limits every value to [-limit, limit] in place. */
export function clampArrays(arrays: readonly Float32Array[], limit: number): void {
  if (!(limit >= 0)) throw new UsageError(`Gradients are clipped to a limit of at least 0, got ${limit}.`)
  for (const x of arrays) kernelsFor(x).clamp(x, limit)
}

/**
 * Scales the gradients so that their joint p-norm is at most `max` (torch.nn.utils.clip_grad_norm_).
 * @returns the norm before clipping.
 */
export function clipGradNorm(params: readonly Parameter[], max: number, normType = 2): number {
  const grads = gradients(params)
  const norm = vectorNorm(grads, normType)
  scaleToNorm(grads, norm, max)
  return norm
}

/** Limits every gradient element to [-limit, limit] (torch.nn.utils.clip_grad_value_). */
export function clipGradValue(params: readonly Parameter[], limit: number): void {
  clampArrays(gradients(params), limit)
}

/** Whether no gradient is NaN or infinite. Cheap enough for every step: about 0.15 ns per element. */
export function gradientsFinite(params: readonly Parameter[]): boolean {
  return gradients(params).every((x) => kernelsFor(x).finite(x) === 1)
}
