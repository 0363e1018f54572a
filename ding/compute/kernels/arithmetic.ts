import { inputList } from './call.js'
import { binary, elementwiseRule, ofTwo } from './rule.js'
import type { KernelRule, Lowering } from './types.js'

/** Integer division by zero is an error in ONNX Runtime; tfjs gives 0. */
function withoutZero(at: Lowering, b: string, body: (divisor: string) => string): string {
  const zero = at.int32(0)
  const isZero = at.op('Equal', [b, zero])
  return at.op('Where', [isZero, zero, body(at.op('Where', [isZero, at.int32(1), b]))])
}

/** The remainder with the divisor's sign. ONNX has that for integers only; C's fmod is corrected where the signs differ. */
function modulo(at: Lowering, a: string, b: string, dtype: string): string {
  if (dtype === 'int32') return withoutZero(at, b, (divisor) => at.op('Mod', [a, divisor]))
  const zero = at.float(0)
  const remainder = at.op('Mod', [a, b], { fmod: 1 })
  const signsDiffer = at.op('Xor', [at.op('Less', [a, zero]), at.op('Less', [b, zero])])
  const shifted = at.op('Mod', [at.op('Add', [remainder, b]), b], { fmod: 1 })
  return at.op('Where', [signsDiffer, shifted, remainder])
}

/** floor(a / b); for integers by (a - a mod b) / b, because ONNX Div truncates towards zero. */
function floorDivide(at: Lowering, a: string, b: string, dtype: string): string {
  if (dtype !== 'int32') return at.op('Floor', [at.op('Div', [a, b])])
  return withoutZero(at, b, (divisor) =>
    at.op('Div', [at.op('Sub', [a, at.op('Mod', [a, divisor])]), divisor]),
  )
}

/** The angle of (b, a) in (-pi, pi], which ONNX lacks: atan(a / b) moved to the right quadrant. */
function atan2(at: Lowering, a: string, b: string): string {
  const zero = at.float(0)
  const angle = at.op('Atan', [at.op('Div', [a, b])])
  const half = at.op('Where', [at.op('Less', [a, zero]), at.float(-Math.PI), at.float(Math.PI)])
  const turned = at.op('Where', [at.op('Less', [b, zero]), at.op('Add', [angle, half]), angle])
  const origin = at.op('And', [at.op('Equal', [a, zero]), at.op('Equal', [b, zero])])
  return at.op('Where', [origin, zero, turned])
}

function squaredDifference(at: Lowering, a: string, b: string): string {
  const difference = at.op('Sub', [a, b])
  return at.op('Mul', [difference, difference])
}

const addN: KernelRule = elementwiseRule(
  'AddN',
  (call) => inputList(call)[0]!,
  (at) => {
    const names = at.names()
    if (names.length === 1) return names[0]!
    // Sum has no int32 kernel.
    if (at.outputs[0]!.dtype === 'float32') return at.op('Sum', names)
    return names.reduce((sum, name) => at.op('Add', [sum, name]))
  },
)

const NUMERIC = { via: 'numeric' } as const

/** Functions of two tensors that broadcast. */
export const arithmetic: readonly KernelRule[] = [
  binary('Add', ofTwo('Add'), NUMERIC),
  binary('Sub', ofTwo('Sub'), NUMERIC),
  binary('Multiply', ofTwo('Mul'), NUMERIC),
  binary('Maximum', ofTwo('Max'), NUMERIC),
  binary('Minimum', ofTwo('Min'), NUMERIC),
  binary('RealDiv', ofTwo('Div')),
  binary('Pow', ofTwo('Pow'), NUMERIC),
  binary('Mod', modulo, NUMERIC),
  binary('FloorDiv', floorDivide, { via: 'numeric', out: 'int32' }),
  binary('SquaredDifference', squaredDifference, NUMERIC),
  binary('Atan2', atan2),
  addN,
]
