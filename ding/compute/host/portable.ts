import type { Kernels } from './kernels.js'

/** Rounds to float32. A float32 sum, product, quotient or root is the double one rounded, so this gives exact twins. */
const f = Math.fround

const LEAST_NORMAL = 2 ** -126

/**
 * Subnormal numbers become zero, as under torch.set_flush_denormal(True). Without a gradient (a dead unit) a moment
 * otherwise decays to a subnormal number and rests there, and arithmetic on those is some thirty times slower.
 */
function flush(x: number): number {
  return Math.abs(x) < LEAST_NORMAL ? 0 : x
}

/** from + w (to - from), or to - (to - from)(1 - w) when w >= 1/2, as torch's lerp; `w` is already rounded. */
function lerp(from: number, to: number, w: number): number {
  const change = f(to - from)
  return Math.abs(w) < 0.5 ? f(from + f(w * change)) : f(to + f(f(w - 1) * change))
}

/** Adam and AMSGrad: `top` is the largest second moment so far, or nothing. */
function adam(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  top: Float32Array | undefined,
  ...scalars: number[]
): void {
  const [decay, l2, w1, beta2, w2, rootBias2, eps, step] = scalars.map(f) as Eight
  const shrink = decay !== 1 || l2 !== 0
  for (let i = 0; i < p.length; i++) {
    let x = p[i]!
    let grad = g[i]!
    if (shrink) {
      x = f(x * decay)
      grad = f(grad + f(l2 * x))
    }
    const mean = flush(lerp(m[i]!, grad, w1))
    m[i] = mean
    let square = flush(f(f(v[i]! * beta2) + f(f(w2 * grad) * grad)))
    v[i] = square
    if (top !== undefined) {
      square = Math.max(top[i]!, square)
      top[i] = square
    }
    const scale = f(f(f(Math.sqrt(square)) / rootBias2) + eps)
    p[i] = f(x + f(f(step * mean) / scale))
  }
}
type Eight = [number, number, number, number, number, number, number, number]

function momentumSgd(
  nesterov: boolean,
  p: Float32Array,
  g: Float32Array,
  b: Float32Array,
  ...scalars: number[]
): void {
  const [l2, momentum, fresh, step] = scalars.map(f) as [number, number, number, number]
  for (let i = 0; i < p.length; i++) {
    const x = p[i]!
    const grad = f(g[i]! + f(l2 * x))
    const velocity = flush(f(f(b[i]! * momentum) + f(fresh * grad)))
    b[i] = velocity
    const direction = nesterov ? f(grad + f(momentum * velocity)) : velocity
    p[i] = f(x + f(step * direction))
  }
}

/** RMSprop: `c` is the mean gradient when centered, `b` the velocity with momentum. */
function rmsprop(
  p: Float32Array,
  g: Float32Array,
  v: Float32Array,
  c: Float32Array | undefined,
  b: Float32Array | undefined,
  ...scalars: number[]
): void {
  const [l2, alpha, fresh, eps, momentum, step] = scalars.map(f) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  for (let i = 0; i < p.length; i++) {
    const x = p[i]!
    const grad = f(g[i]! + f(l2 * x))
    const square = flush(f(f(v[i]! * alpha) + f(f(fresh * grad) * grad)))
    v[i] = square
    let spread = square
    if (c !== undefined) {
      const mean = flush(lerp(c[i]!, grad, fresh))
      c[i] = mean
      spread = f(square - f(mean * mean))
    }
    const scale = f(f(Math.sqrt(spread)) + eps)
    if (b !== undefined) {
      const velocity = flush(f(f(b[i]! * momentum) + f(grad / scale)))
      b[i] = velocity
      p[i] = f(x + f(step * velocity))
    } else {
      p[i] = f(x + f(f(step * grad) / scale))
    }
  }
}

/** The kernels in plain TypeScript, for arrays with memory of their own or in different chunks. */
export const portableKernels: Kernels = {
  adam: (p, g, m, v, ...scalars) => adam(p, g, m, v, undefined, ...scalars),
  amsgrad: adam,
  sgd(p, g, l2, step) {
    const [l2s, steps] = [f(l2), f(step)]
    for (let i = 0; i < p.length; i++) p[i] = f(p[i]! + f(steps * f(g[i]! + f(l2s * p[i]!))))
  },
  sgdMomentum: (p, g, b, ...scalars) => momentumSgd(false, p, g, b, ...scalars),
  sgdNesterov: (p, g, b, ...scalars) => momentumSgd(true, p, g, b, ...scalars),
  rmsprop: (p, g, v, l2, alpha, fresh, eps, step) =>
    rmsprop(p, g, v, undefined, undefined, l2, alpha, fresh, eps, 0, step),
  rmspropMomentum: (p, g, v, b, ...scalars) => rmsprop(p, g, v, undefined, b, ...scalars),
  rmspropCentered: (p, g, v, c, l2, alpha, fresh, eps, step) =>
    rmsprop(p, g, v, c, undefined, l2, alpha, fresh, eps, 0, step),
  rmspropCenteredMomentum: rmsprop,
  polyak(target, source, keep, theta) {
    const [keeps, thetas] = [f(keep), f(theta)]
    for (let i = 0; i < target.length; i++) target[i] = f(f(keeps * target[i]!) + f(thetas * source[i]!))
  },
  scale(x, factor) {
    const factors = f(factor)
    for (let i = 0; i < x.length; i++) x[i] = x[i]! * factors
  },
  clamp(x, limit) {
    const high = f(limit)
    for (let i = 0; i < x.length; i++) x[i] = Math.min(Math.max(x[i]!, -high), high)
  },
  sumSquares(x) {
    const sums = new Float64Array(4)
    const body = x.length - (x.length % 4)
    for (let i = 0; i < body; i++) sums[i % 4]! += x[i]! * x[i]!
    let rest = 0
    for (let i = body; i < x.length; i++) rest += x[i]! * x[i]!
    return sums[0]! + sums[2]! + (sums[1]! + sums[3]!) + rest
  },
  maxAbs(x) {
    let most = 0
    for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]!))
    return most
  },
  finite(x) {
    for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i]!)) return 0
    return 1
  },
}
