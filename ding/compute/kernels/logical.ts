import { broadcast, commonType, input } from './call.js'
import { cast } from './emit.js'
import { binary, elementwiseRule, ofTwo } from './rule.js'
import type { KernelRule } from './types.js'

const COMPARE = { via: 'numeric', out: 'bool' } as const

/** Kernels of bool tensors; tfjs has made sure that the inputs are bool. */
function connective(kernel: string, type: string): KernelRule {
  return elementwiseRule(
    kernel,
    (call) => ({ dtype: 'bool', shape: broadcast(input(call, 'a').shape, input(call, 'b').shape) }),
    (at) => at.op(type, [at.name('a'), at.name('b')]),
  )
}

/** `t` where the condition holds, `e` elsewhere. */
const select: KernelRule = elementwiseRule(
  'Select',
  (call) => {
    const [condition, t, e] = [input(call, 'condition'), input(call, 't'), input(call, 'e')]
    return { dtype: commonType(t, e), shape: broadcast(broadcast(t.shape, e.shape), condition.shape) }
  },
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
  elementwiseRule(
    'LogicalNot',
    (call) => ({ dtype: 'bool', shape: input(call, 'x').shape }),
    (at) => at.op('Not', [at.name('x')]),
  ),
  select,
]
