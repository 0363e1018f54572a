import { input, numberAttr } from './call.js'
import { cast, constant } from './emit.js'
import { elementwiseRule, ofOne, unary } from './rule.js'
import type { KernelRule, Lowering } from './types.js'

/** Kernels that ONNX has under the same name, in float32. Integers go through float32 and are truncated, as tfjs does. */
const SAME_NAME = [
  'Sqrt',
  'Log',
  'Sin',
  'Cos',
  'Tan',
  'Asin',
  'Acos',
  'Atan',
  'Sinh',
  'Cosh',
  'Tanh',
  'Asinh',
  'Acosh',
  'Atanh',
  'Floor',
  'Ceil',
  // Half to even in both.
  'Round',
  'Reciprocal',
  'Erf',
] as const

/** exp(x) - 1 without cancellation: near 0 as 2 t / (1 - t) with t = tanh(x / 2). */
function expm1(at: Lowering, x: string): string {
  const one = at.float(1)
  const t = at.op('Tanh', [at.op('Mul', [x, at.float(0.5)])])
  const near = at.op('Div', [at.op('Add', [t, t]), at.op('Sub', [one, t])])
  const far = at.op('Sub', [at.op('Exp', [x]), one])
  return at.op('Where', [at.op('Less', [at.op('Abs', [x]), at.float(0.5)]), near, far])
}

/** log(1 + x); near 0 the rounding error of 1 + x is added back. */
function log1p(at: Lowering, x: string): string {
  const one = at.float(1)
  const u = at.op('Add', [x, one])
  const log = at.op('Log', [u])
  const lost = at.op('Sub', [x, at.op('Sub', [u, one])])
  const near = at.op('Add', [log, at.op('Div', [lost, u])])
  return at.op('Where', [at.op('Less', [at.op('Abs', [x]), at.float(0.5)]), near, log])
}

function finite(at: Lowering, x: string): string {
  return at.op('Not', [at.op('Or', [at.op('IsNaN', [x]), at.op('IsInf', [x])])])
}

/** 1 above zero, `alpha` elsewhere: a comparison, because ONNX Runtime's Sign is an order of magnitude slower. */
const step: KernelRule = unary(
  'Step',
  (at, x, dtype) => {
    const above = at.op('Greater', [x, constant(at, dtype, 0)])
    const alpha = numberAttr(at, 'alpha', 0)
    if (alpha === 0) return cast(at, above, 'bool', dtype)
    return at.op('Where', [above, constant(at, dtype, 1), constant(at, dtype, alpha)])
  },
  { via: 'numeric' },
)

const clipByValue: KernelRule = elementwiseRule(
  'ClipByValue',
  (call) => input(call, 'x'),
  (at) => {
    const { dtype } = input(at, 'x')
    const [low, high] = [numberAttr(at, 'clipValueMin'), numberAttr(at, 'clipValueMax')]
    const exact = dtype === 'int32' && Number.isSafeInteger(low) && Number.isSafeInteger(high)
    const work = exact ? 'int32' : 'float32'
    const bounds = [low, high].map((bound) =>
      constant(at, work, exact ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, bound)) : bound),
    )
    return cast(at, at.op('Clip', [cast(at, at.name('x'), dtype, work), ...bounds]), work, dtype)
  },
)

/** Functions of one tensor. */
export const elementwise: readonly KernelRule[] = [
  ...SAME_NAME.map((name) => unary(name, ofOne(name))),
  // Alone among these in giving floats for integers.
  unary('Exp', ofOne('Exp'), { out: 'float32' }),
  unary('Abs', ofOne('Abs'), { via: 'numeric' }),
  unary('Neg', ofOne('Neg'), { via: 'numeric' }),
  unary('Sign', ofOne('Sign'), { via: 'numeric' }),
  unary('Square', (at, x) => at.op('Mul', [x, x]), { via: 'numeric' }),
  unary('Rsqrt', (at, x) => at.op('Reciprocal', [at.op('Sqrt', [x])])),
  unary('Expm1', expm1),
  unary('Log1p', log1p),
  unary('IsNan', ofOne('IsNaN'), { out: 'bool' }),
  unary('IsInf', ofOne('IsInf'), { out: 'bool' }),
  unary('IsFinite', finite, { out: 'bool' }),
  step,
  clipByValue,
]
