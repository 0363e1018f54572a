// AssemblyScript, compiled by scripts/build_kernels.mjs: single passes over float32 arrays in the imported memory.
// The meaning of every function is given by its twin in portable.ts, to which it is equal bit for bit.
// `n` counts elements, pointers are byte offsets. Steps take four elements at a time and then, with the same
// instructions on one lane, the remaining ones.

@inline
function get(at: usize, four: bool): v128 {
  return four ? v128.load(at) : v128.load32_zero(at)
}

@inline
function put(at: usize, value: v128, four: bool): void {
  if (four) v128.store(at, value)
  else v128.store32_lane(at, value, 0)
}

@inline
function plus(a: v128, b: v128): v128 {
  return f32x4.add(a, b)
}

@inline
function times(a: v128, b: v128): v128 {
  return f32x4.mul(a, b)
}

@inline
function all(value: f32): v128 {
  return f32x4.splat(value)
}

/** Subnormal numbers become zero: see `flush` in portable.ts. NaN stays. */
@inline
function flush(x: v128, least: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), least))
}

@inline
function leastNormal(): v128 {
  return i32x4.splat(0x00800000)
}

@inline
function lerpMask(weight: f32): v128 {
  return abs(weight) < 0.5 ? i32x4.splat(-1) : i32x4.splat(0)
}

@inline
function lerpCoefficient(weight: f32): v128 {
  return all(abs(weight) < 0.5 ? weight : weight - 1)
}

/** from + w (to - from), or to - (to - from)(1 - w) when w >= 1/2: torch's lerp. */
@inline
function lerp(from: v128, to: v128, mask: v128, coefficient: v128): v128 {
  return plus(v128.bitselect(from, to, mask), times(coefficient, f32x4.sub(to, from)))
}

/** Where the part ends that is taken four elements at a time, as a byte offset from the start. */
@inline
function quads(n: usize): usize {
  return (n & ~3) << 2
}

@inline
function adamStep(
  i: usize, four: bool, most: bool, shrink: bool, p: usize, g: usize, m: usize, v: usize, top: usize,
  decay: v128, l2: v128, mask: v128, w1: v128, beta2: v128, w2: v128, rootBias2: v128, eps: v128, step: v128, least: v128,
): void {
  let x = get(p + i, four)
  let grad = get(g + i, four)
  if (shrink) {
    x = times(x, decay)
    grad = plus(grad, times(l2, x))
  }
  const mean = flush(lerp(get(m + i, four), grad, mask, w1), least)
  put(m + i, mean, four)
  let square = flush(plus(times(get(v + i, four), beta2), times(times(w2, grad), grad)), least)
  put(v + i, square, four)
  if (most) {
    square = f32x4.max(get(top + i, four), square)
    put(top + i, square, four)
  }
  const scale = plus(f32x4.div(f32x4.sqrt(square), rootBias2), eps)
  put(p + i, plus(x, f32x4.div(times(step, mean), scale)), four)
}

@inline
function adamLoop(
  n: usize, most: bool, shrink: bool, p: usize, g: usize, m: usize, v: usize, top: usize,
  decay: f32, l2: f32, w1: f32, beta2: f32, w2: f32, rootBias2: f32, eps: f32, step: f32,
): void {
  const decays = all(decay)
  const l2s = all(l2)
  const mask = lerpMask(w1)
  const w1s = lerpCoefficient(w1)
  const beta2s = all(beta2)
  const w2s = all(w2)
  const biases = all(rootBias2)
  const epss = all(eps)
  const steps = all(step)
  const least = leastNormal()
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) {
    adamStep(i, true, most, shrink, p, g, m, v, top, decays, l2s, mask, w1s, beta2s, w2s, biases, epss, steps, least)
  }
  for (; i < end; i += 4) {
    adamStep(i, false, most, shrink, p, g, m, v, top, decays, l2s, mask, w1s, beta2s, w2s, biases, epss, steps, least)
  }
}

export function adam(
  n: usize, p: usize, g: usize, m: usize, v: usize,
  decay: f32, l2: f32, w1: f32, beta2: f32, w2: f32, rootBias2: f32, eps: f32, step: f32,
): void {
  if (decay != 1 || l2 != 0) {
    adamLoop(n, false, true, p, g, m, v, 0, decay, l2, w1, beta2, w2, rootBias2, eps, step)
  } else {
    adamLoop(n, false, false, p, g, m, v, 0, decay, l2, w1, beta2, w2, rootBias2, eps, step)
  }
}

export function amsgrad(
  n: usize, p: usize, g: usize, m: usize, v: usize, top: usize,
  decay: f32, l2: f32, w1: f32, beta2: f32, w2: f32, rootBias2: f32, eps: f32, step: f32,
): void {
  if (decay != 1 || l2 != 0) {
    adamLoop(n, true, true, p, g, m, v, top, decay, l2, w1, beta2, w2, rootBias2, eps, step)
  } else {
    adamLoop(n, true, false, p, g, m, v, top, decay, l2, w1, beta2, w2, rootBias2, eps, step)
  }
}

export function sgd(n: usize, p: usize, g: usize, l2: f32, step: f32): void {
  const l2s = all(l2)
  const steps = all(step)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) sgdStep(i, true, p, g, l2s, steps)
  for (; i < end; i += 4) sgdStep(i, false, p, g, l2s, steps)
}

@inline
function sgdStep(i: usize, four: bool, p: usize, g: usize, l2: v128, step: v128): void {
  const x = get(p + i, four)
  put(p + i, plus(x, times(step, plus(get(g + i, four), times(l2, x)))), four)
}

@inline
function momentumStep(
  i: usize, four: bool, nesterov: bool, p: usize, g: usize, b: usize,
  l2: v128, momentum: v128, fresh: v128, step: v128, least: v128,
): void {
  const x = get(p + i, four)
  const grad = plus(get(g + i, four), times(l2, x))
  const velocity = flush(plus(times(get(b + i, four), momentum), times(fresh, grad)), least)
  put(b + i, velocity, four)
  const direction = nesterov ? plus(grad, times(momentum, velocity)) : velocity
  put(p + i, plus(x, times(step, direction)), four)
}

@inline
function momentumLoop(
  n: usize, nesterov: bool, p: usize, g: usize, b: usize, l2: f32, momentum: f32, fresh: f32, step: f32,
): void {
  const l2s = all(l2)
  const momentums = all(momentum)
  const freshs = all(fresh)
  const steps = all(step)
  const least = leastNormal()
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) momentumStep(i, true, nesterov, p, g, b, l2s, momentums, freshs, steps, least)
  for (; i < end; i += 4) momentumStep(i, false, nesterov, p, g, b, l2s, momentums, freshs, steps, least)
}

export function sgdMomentum(
  n: usize, p: usize, g: usize, b: usize, l2: f32, momentum: f32, fresh: f32, step: f32,
): void {
  momentumLoop(n, false, p, g, b, l2, momentum, fresh, step)
}

export function sgdNesterov(
  n: usize, p: usize, g: usize, b: usize, l2: f32, momentum: f32, fresh: f32, step: f32,
): void {
  momentumLoop(n, true, p, g, b, l2, momentum, fresh, step)
}

@inline
function rmspropStep(
  i: usize, four: bool, centered: bool, moving: bool, p: usize, g: usize, v: usize, c: usize, b: usize,
  l2: v128, alpha: v128, fresh: v128, mask: v128, weight: v128, eps: v128, momentum: v128, step: v128, least: v128,
): void {
  const x = get(p + i, four)
  const grad = plus(get(g + i, four), times(l2, x))
  const square = flush(plus(times(get(v + i, four), alpha), times(times(fresh, grad), grad)), least)
  put(v + i, square, four)
  let spread = square
  if (centered) {
    const mean = flush(lerp(get(c + i, four), grad, mask, weight), least)
    put(c + i, mean, four)
    spread = f32x4.sub(square, times(mean, mean))
  }
  const scale = plus(f32x4.sqrt(spread), eps)
  if (moving) {
    const velocity = flush(plus(times(get(b + i, four), momentum), f32x4.div(grad, scale)), least)
    put(b + i, velocity, four)
    put(p + i, plus(x, times(step, velocity)), four)
  } else {
    put(p + i, plus(x, f32x4.div(times(step, grad), scale)), four)
  }
}

@inline
function rmspropLoop(
  n: usize, centered: bool, moving: bool, p: usize, g: usize, v: usize, c: usize, b: usize,
  l2: f32, alpha: f32, fresh: f32, eps: f32, momentum: f32, step: f32,
): void {
  const l2s = all(l2)
  const alphas = all(alpha)
  const freshs = all(fresh)
  const mask = lerpMask(fresh)
  const weights = lerpCoefficient(fresh)
  const epss = all(eps)
  const momentums = all(momentum)
  const steps = all(step)
  const least = leastNormal()
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) {
    rmspropStep(
      i, true, centered, moving, p, g, v, c, b, l2s, alphas, freshs, mask, weights, epss, momentums, steps, least,
    )
  }
  for (; i < end; i += 4) {
    rmspropStep(
      i, false, centered, moving, p, g, v, c, b, l2s, alphas, freshs, mask, weights, epss, momentums, steps, least,
    )
  }
}

export function rmsprop(
  n: usize, p: usize, g: usize, v: usize, l2: f32, alpha: f32, fresh: f32, eps: f32, step: f32,
): void {
  rmspropLoop(n, false, false, p, g, v, 0, 0, l2, alpha, fresh, eps, 0, step)
}

export function rmspropMomentum(
  n: usize, p: usize, g: usize, v: usize, b: usize,
  l2: f32, alpha: f32, fresh: f32, eps: f32, momentum: f32, step: f32,
): void {
  rmspropLoop(n, false, true, p, g, v, 0, b, l2, alpha, fresh, eps, momentum, step)
}

export function rmspropCentered(
  n: usize, p: usize, g: usize, v: usize, c: usize, l2: f32, alpha: f32, fresh: f32, eps: f32, step: f32,
): void {
  rmspropLoop(n, true, false, p, g, v, c, 0, l2, alpha, fresh, eps, 0, step)
}

export function rmspropCenteredMomentum(
  n: usize, p: usize, g: usize, v: usize, c: usize, b: usize,
  l2: f32, alpha: f32, fresh: f32, eps: f32, momentum: f32, step: f32,
): void {
  rmspropLoop(n, true, true, p, g, v, c, b, l2, alpha, fresh, eps, momentum, step)
}

@inline
function polyakStep(i: usize, four: bool, target: usize, source: usize, keep: v128, theta: v128): void {
  put(target + i, plus(times(keep, get(target + i, four)), times(theta, get(source + i, four))), four)
}

export function polyak(n: usize, target: usize, source: usize, keep: f32, theta: f32): void {
  const keeps = all(keep)
  const thetas = all(theta)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) polyakStep(i, true, target, source, keeps, thetas)
  for (; i < end; i += 4) polyakStep(i, false, target, source, keeps, thetas)
}

export function scale(n: usize, x: usize, factor: f32): void {
  const factors = all(factor)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) v128.store(x + i, times(v128.load(x + i), factors))
  for (; i < end; i += 4) store<f32>(x + i, load<f32>(x + i) * factor)
}

export function clamp(n: usize, x: usize, limit: f32): void {
  const high = all(limit)
  const low = all(-limit)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) v128.store(x + i, f32x4.min(f32x4.max(v128.load(x + i), low), high))
  for (; i < end; i += 4) store<f32>(x + i, min<f32>(max<f32>(load<f32>(x + i), -limit), limit))
}

export function sumSquares(n: usize, x: usize): f64 {
  let even = f64x2.splat(0)
  let odd = f64x2.splat(0)
  let rest: f64 = 0
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) {
    const four = v128.load(x + i)
    const low = f64x2.promote_low_f32x4(four)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1))
    even = f64x2.add(even, f64x2.mul(low, low))
    odd = f64x2.add(odd, f64x2.mul(high, high))
  }
  for (; i < end; i += 4) {
    const one = <f64>load<f32>(x + i)
    rest += one * one
  }
  const sums = f64x2.add(even, odd)
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1) + rest
}

export function maxAbs(n: usize, x: usize): f32 {
  let most = all(0)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(x + i)))
  for (; i < end; i += 4) most = f32x4.max(most, f32x4.abs(v128.load32_zero(x + i)))
  return max<f32>(
    max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max<f32>(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
}

export function finite(n: usize, x: usize): i32 {
  // 0 x is 0 for every finite x, and NaN otherwise.
  let zeros = all(0)
  const zero = all(0)
  const body = quads(n)
  const end = n << 2
  let i: usize = 0
  for (; i < body; i += 16) zeros = plus(zeros, times(v128.load(x + i), zero))
  for (; i < end; i += 4) zeros = plus(zeros, times(v128.load32_zero(x + i), zero))
  return i32x4.all_true(f32x4.eq(zeros, zero)) ? 1 : 0
}
