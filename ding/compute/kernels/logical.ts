import { broadcast, commonType, input } from './call.js'
import { cast } from './emit.js'
import { binary, ofTwo, rule } from './rule.js'
import type { KernelRule } from './types.js'

const COMPARE = { via: 'numeric', out: 'bool' } as const

/** Kernels of bool tensors; tfjs has made sure that the inputs are bool. */
function connective(kernel: string, type: string): KernelRule {
  return rule(
    kernel,
    (call) => ({ dtype: 'bool', shape: broadcast(input(call, 'a').shape, input(call, 'b').shape) }),
    (at) => at.op(type, [at.name('a'), at.name('b')]),
  )
}

/** `t` where the condition holds, `e` elsewhere. tf.where has broadcast all three to one shape. */
const select: KernelRule = rule(
  'Select',
  (call) => ({ dtype: commonType(input(call, 't'), input(call, 'e')), shape: input(call, 't').shape }),
  (at) => {
    const dtype = at.outputs[0]!.dtype
    // ONNX Runtime's Where has no bool kernel.
    const work = dtype === 'bool' ? 'uint8' : dtype
    const branch = (name: string): string => cast(at, at.name(name), input(at, name).dtype, work)
    return cast(at, at.op('Where', [at.name('condition'), branch('t'), branch('e')]), work, dtype)
  },
)

/** Comparisons, logic and selection. */
export const logical: readonly KernelRule[] = [
  binary('Equal', ofTwo('Equal'), COMPARE),
  binary('NotEqual', (at, a, b) => at.op('Not', [at.op('Equal', [a, b])]), COMPARE),
  binary('Less', ofTwo('Less'), COMPARE),
  binary('LessEqual', ofTwo('LessOrEqual'), COMPARE),
  binary('Greater', ofTwo('Greater'), COMPARE),
  binary('GreaterEqual', ofTwo('GreaterOrEqual'), COMPARE),
  connective('LogicalAnd', 'And'),
  connective('LogicalOr', 'Or'),
  rule(
    'LogicalNot',
    (call) => ({ dtype: 'bool', shape: input(call, 'x').shape }),
    (at) => at.op('Not', [at.name('x')]),
  ),
  select,
]
