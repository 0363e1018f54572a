import { kernelsBase64 } from './kernels_wasm.generated.js'
import { chunkOf, type MemoryChunk } from './memory.js'
import { portableKernels } from './portable.js'
import { wasm } from './wasm.js'

type Floats = Float32Array

/**
 * Single passes over float32 arrays of equal length, in place, with the rounding order of PyTorch's single-tensor
 * optimizers (torch/optim/{adam,sgd,rmsprop}.py). `p` values, `g` gradients; `step` is minus the step size; `l2` is the
 * coupled weight decay: g is replaced by g + l2 p.
 */
export interface Kernels {
  /**
   * p = decay p; m = lerp(m, g, w1); v = beta2 v + w2 g^2; p = p + step m / (sqrt(v) / rootBias2 + eps).
   * `w1` = 1 - beta1, `w2` = 1 - beta2, `decay` = 1 - lr weight_decay for AdamW and 1 for Adam.
   */
  adam(
    p: Floats,
    g: Floats,
    m: Floats,
    v: Floats,
    decay: number,
    l2: number,
    w1: number,
    beta2: number,
    w2: number,
    rootBias2: number,
    eps: number,
    step: number,
  ): void
  /** As adam, with top = max(top, v) in the place of v in the last formula. */
  amsgrad(
    p: Floats,
    g: Floats,
    m: Floats,
    v: Floats,
    top: Floats,
    decay: number,
    l2: number,
    w1: number,
    beta2: number,
    w2: number,
    rootBias2: number,
    eps: number,
    step: number,
  ): void
  /** p = p + step g. */
  sgd(p: Floats, g: Floats, l2: number, step: number): void
  /** b = momentum b + fresh g; p = p + step b. `fresh` = 1 - dampening, and 1 in the first step. */
  sgdMomentum(
    p: Floats,
    g: Floats,
    b: Floats,
    l2: number,
    momentum: number,
    fresh: number,
    step: number,
  ): void
  /** As sgdMomentum, with p = p + step (g + momentum b). */
  sgdNesterov(
    p: Floats,
    g: Floats,
    b: Floats,
    l2: number,
    momentum: number,
    fresh: number,
    step: number,
  ): void
  /** v = alpha v + fresh g^2; p = p + step g / (sqrt(v) + eps). `fresh` = 1 - alpha. */
  rmsprop(
    p: Floats,
    g: Floats,
    v: Floats,
    l2: number,
    alpha: number,
    fresh: number,
    eps: number,
    step: number,
  ): void
  /** As rmsprop, with b = momentum b + g / (sqrt(v) + eps); p = p + step b. */
  rmspropMomentum(
    p: Floats,
    g: Floats,
    v: Floats,
    b: Floats,
    l2: number,
    alpha: number,
    fresh: number,
    eps: number,
    momentum: number,
    step: number,
  ): void
  /** As rmsprop, with c = lerp(c, g, fresh) and v - c^2 in the place of v in the last formula. */
  rmspropCentered(
    p: Floats,
    g: Floats,
    v: Floats,
    c: Floats,
    l2: number,
    alpha: number,
    fresh: number,
    eps: number,
    step: number,
  ): void
  rmspropCenteredMomentum(
    p: Floats,
    g: Floats,
    v: Floats,
    c: Floats,
    b: Floats,
    l2: number,
    alpha: number,
    fresh: number,
    eps: number,
    momentum: number,
    step: number,
  ): void
  /** target = keep target + theta source. */
  polyak(target: Floats, source: Floats, keep: number, theta: number): void
  /** x = factor x. */
  scale(x: Floats, factor: number): void
  /** x = min(max(x, -limit), limit); NaN stays. */
  clamp(x: Floats, limit: number): void
  /** The sum of squares, in float64. */
  sumSquares(x: Floats): number
  /** The largest absolute value; NaN when there is a NaN. */
  maxAbs(x: Floats): number
  /** 1 when every value is finite, else 0. */
  finite(x: Floats): number
}

let module: object | undefined
const kernelsByChunk = new WeakMap<MemoryChunk, Kernels>()

/** The kernels for arrays that are to be used together: SIMD when all lie in one chunk, else portable; equal bit for bit. */
export function kernelsFor(first: Float32Array, ...others: Float32Array[]): Kernels {
  const chunk = chunkOf(first)
  if (chunk === undefined || others.some((other) => other.buffer !== first.buffer)) return portableKernels
  let kernels = kernelsByChunk.get(chunk)
  if (kernels === undefined) {
    kernels = instantiate(chunk)
    kernelsByChunk.set(chunk, kernels)
  }
  return kernels
}

/** Binds the compiled module to a chunk: an array argument becomes its address, and the common length goes first. */
function instantiate(chunk: MemoryChunk): Kernels {
  module ??= new wasm.Module(Buffer.from(kernelsBase64, 'base64'))
  const { exports } = new wasm.Instance(module, { env: { memory: chunk.memory } })
  const kernels: Record<string, (first: Float32Array, ...rest: (Float32Array | number)[]) => number> = {}
  for (const name of Object.keys(portableKernels)) {
    const run = exports[name] as (...args: number[]) => number
    kernels[name] = (first, ...rest) =>
      run(
        first.length,
        first.byteOffset,
        ...rest.map((arg) => (typeof arg === 'number' ? arg : arg.byteOffset)),
      )
  }
  return kernels as unknown as Kernels
}
