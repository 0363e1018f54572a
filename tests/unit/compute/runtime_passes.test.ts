import { describe, expect, it } from 'vitest'
import type { OnnxGraph, OnnxNode } from '../../../ding/compute/onnx/index.js'
import { PACKED_INPUT, packInputs, packOutputs } from '../../../ding/compute/onnx/index.js'
import { optimise } from '../../../ding/compute/onnx/passes/index.js'
import type { TensorSpec } from '../../../ding/utils/index.js'

const node = (type: string, inputs: string[], output: string, attrs: OnnxNode['attrs'] = {}): OnnxNode => {
  return { type, domain: '', inputs, outputs: [output], attrs }
}
const float = (...shape: number[]): TensorSpec => ({ dtype: 'float32', shape })

function graph(nodes: OnnxNode[], specs: Record<string, TensorSpec>, outputs: string[]): OnnxGraph {
  const axis = { dtype: 'int64' as const, shape: [1], bytes: new Uint8Array(8) }
  return {
    name: 'test',
    nodes,
    initializers: new Map([['axis0', axis]]),
    inputs: [],
    outputs: outputs.map((name) => ({ name, ...specs[name]! })),
    specs: new Map(Object.entries(specs)),
  }
}

const summary = ({ nodes }: OnnxGraph) => nodes.map(({ type, inputs }) => `${type}(${inputs.join()})`)

describe('graph rewrites', () => {
  it('fuse a bias into the product before it', () => {
    const specs = { xw: float(4, 3), b: float(3), y: float(4, 3) }
    const nodes = [node('Gemm', ['x', 'w'], 'xw', { transB: 1 }), node('Add', ['b', 'xw'], 'y')]
    const result = optimise(graph(nodes, specs, ['y']))
    expect(summary(result)).toEqual(['Gemm(x,w,b)'])
    expect(result.nodes[0]).toMatchObject({ outputs: ['y'], attrs: { transB: 1 } })
  })

  it('leave a product alone that others use or that broadcasts to the bias', () => {
    const specs = { xw: float(4, 3), b: float(3), big: float(2, 4, 3), y: float(4, 3) }
    const gemm = node('Gemm', ['x', 'w'], 'xw')
    const shared = [gemm, node('Add', ['xw', 'b'], 'y')]
    expect(summary(optimise(graph(shared, specs, ['y', 'xw'])))).toEqual(['Gemm(x,w)', 'Add(xw,b)'])
    const broadcast = [gemm, node('Add', ['xw', 'big'], 'y')]
    expect(summary(optimise(graph(broadcast, specs, ['y'])))).toEqual(['Gemm(x,w)', 'Add(xw,big)'])
  })

  it('select instead of multiplying with a mask, also behind two casts', () => {
    const nodes = [
      node('Greater', ['x', 'zero'], 'g'),
      node('Cast', ['g'], 'i', { to: 6 }),
      node('Cast', ['i'], 'f', { to: 1 }),
      node('Mul', ['f', 'dy'], 'y'),
    ]
    expect(summary(optimise(graph(nodes, { y: float(2) }, ['y'])))).toEqual([
      'Greater(x,zero)',
      'Where(g,dy,$zero)',
    ])
  })

  it('keep products with casts of numbers', () => {
    const nodes = [node('Cast', ['n'], 'f', { to: 1 }), node('Mul', ['f', 'dy'], 'y')]
    const specs = { n: { dtype: 'int32' as const, shape: [2] }, y: float(2) }
    expect(summary(optimise(graph(nodes, specs, ['y'])))).toEqual(['Cast(n)', 'Mul(f,dy)'])
  })

  it('sum the rows of a matrix by a product, and no other axes', () => {
    const specs = { x: float(4, 3), cube: float(2, 4, 3), y: float(3) }
    const sum = (input: string) => [node('ReduceSum', [input, 'axis0'], 'y', { keepdims: 0 })]
    const result = optimise(graph(sum('x'), specs, ['y']))
    expect(summary(result)).toEqual(['MatMul($ones[4],x)'])
    expect(result.initializers.get('$ones[4]')).toMatchObject({ shape: [4] })
    expect(summary(optimise(graph(sum('cube'), specs, ['y'])))).toEqual(['ReduceSum(cube,axis0)'])
  })

  it('gate by a product where nothing infinite or NaN went into the gradient', () => {
    const gate = [node('Greater', ['param:x', 'zero'], 'g'), node('Where', ['g', 'dy', 'zero'], 'y')]
    const zero = { dtype: 'float32' as const, shape: [], bytes: new Uint8Array(4) }
    const one = { ...zero, bytes: new Uint8Array(Float32Array.of(1).buffer) }
    const run = (
      before: OnnxNode[],
      after = gate,
      constants = {},
      specs: Record<string, TensorSpec> = {},
    ) => {
      const plain = graph([...before, ...after], { y: float(2), ...specs }, ['y'])
      return summary(
        optimise({ ...plain, initializers: new Map(Object.entries({ zero, one, ...constants })) }),
      )
    }
    const isGated = (...given: Parameters<typeof run>) => {
      const result = run(...given)
      if (!result.some((line) => line.startsWith('Where'))) return true
      expect(result.join()).not.toContain('HardSigmoid')
      return false
    }
    const of = (type: string, ...inputs: string[]) => node(type, inputs, 'dy')
    expect(run([of('Tanh', 'param:a')])).toEqual(['Tanh(param:a)', 'HardSigmoid(param:x)', 'Mul(dy,g:step)'])
    // What the host feeds may hold anything, unless its numbers are whole.
    expect(isGated([of('Tanh', 'in:a')])).toBe(false)
    const whole = { 'in:a': { dtype: 'int32' as const, shape: [2] } }
    expect(isGated([of('Cast', 'in:a')], gate, {}, whole)).toBe(true)
    const infinity = { ...zero, bytes: new Uint8Array(Float32Array.of(Number.NEGATIVE_INFINITY).buffer) }
    expect(isGated([of('Add', 'param:a', 'k')], gate, { k: one })).toBe(true)
    expect(isGated([of('Add', 'param:a', 'k')], gate, { k: infinity })).toBe(false)
    for (const type of ['Exp', 'Sinh', 'Cosh']) expect(isGated([of(type, 'param:a')])).toBe(false)
    expect(isGated([node('Exp', ['param:a'], 'e'), of('Clip', 'e', 'zero', 'one')])).toBe(true)
    expect(isGated([node('Exp', ['param:a'], 'e'), of('Clip', 'e', 'zero', '')])).toBe(false)
    const rest = [node('Sub', ['e', 'e'], 'd'), of('Clip', 'd', 'zero', 'one')]
    expect(isGated([node('Exp', ['param:a'], 'e'), ...rest])).toBe(false)
    const singular = [node('Sqrt', ['param:a'], 's'), of('Add', 's', 'param:b')]
    expect(isGated(singular)).toBe(false)
    // What comes out of a product is infinite in whole rows or not at all, unless a row is one number.
    expect(isGated([...singular, node('MatMul', ['dy', 'w'], 'x2')])).toBe(false)
    const product = [node('Sqrt', ['in:a'], 's'), of('Gemm', 's', 'param:w')]
    expect(isGated(product, gate, {}, { dy: float(4, 3) })).toBe(true)
    expect(isGated(product, gate, {}, { dy: float(4, 1) })).toBe(false)
    // The step of NaN is NaN.
    const fed = [node('Greater', ['in:x', 'zero'], 'g'), node('Where', ['g', 'param:dy', 'zero'], 'y')]
    expect(isGated([], fed)).toBe(false)
    expect(isGated([], gate, { zero: one })).toBe(false)
  })

  it('gate by a product behind a division by what is certainly positive', () => {
    const float32 = (value: number) => {
      return { dtype: 'float32' as const, shape: [], bytes: new Uint8Array(Float32Array.of(value).buffer) }
    }
    const constants = new Map([
      ['zero', float32(0)],
      ['eps', float32(1e-3)],
    ])
    const gate = [node('Greater', ['param:x', 'zero'], 'g'), node('Where', ['g', 'dy', 'zero'], 'y')]
    const isGated = (before: OnnxNode[]) => {
      const plain = graph([...before, ...gate], { y: float(2) }, ['y'])
      return summary(optimise({ ...plain, initializers: constants })).includes('HardSigmoid(param:x)')
    }
    const square = node('Mul', ['param:a', 'param:a'], 'aa')
    const inverse = [node('Sqrt', ['sum'], 's'), node('Reciprocal', ['s'], 'dy')]
    expect(isGated([square, node('Add', ['aa', 'eps'], 'sum'), ...inverse])).toBe(true)
    expect(isGated([square, node('Add', ['aa', 'zero'], 'sum'), ...inverse])).toBe(false)
    expect(isGated([node('Add', ['param:a', 'eps'], 'sum'), ...inverse])).toBe(false)
    const guarded = [node('Greater', ['param:a', 'zero'], 'ok'), node('Where', ['ok', 'param:a', 'eps'], 'd')]
    expect(isGated([...guarded, node('Div', ['param:b', 'd'], 'dy')])).toBe(true)
    expect(isGated([...guarded, node('Div', ['param:b', 'param:a'], 'dy')])).toBe(false)
    // 0 / 0 passes through a clip.
    const clip = node('Clip', ['q', 'zero', 'eps'], 'dy')
    expect(isGated([node('Div', ['param:b', 'param:a'], 'q'), clip])).toBe(false)
    expect(isGated([...guarded, node('Div', ['param:b', 'd'], 'q'), clip])).toBe(true)
  })

  const normalised = (last: string) => [
    node('ReduceMean', ['x', last], 'm', { keepdims: 1 }),
    node('Sub', ['x', 'm'], 'c'),
    node('Mul', ['c', 'c'], 'cc'),
    node('ReduceMean', ['cc', last], 'v', { keepdims: 1 }),
    node('Add', ['v', 'eps'], 've'),
    node('Sqrt', ['ve'], 's'),
    node('Reciprocal', ['s'], 'i'),
    node('Mul', ['c', 'i'], 'n'),
  ]
  const lastAxis = { dtype: 'int64' as const, shape: [1], bytes: new Uint8Array(BigInt64Array.of(1n).buffer) }
  const eps = { dtype: 'float32' as const, shape: [], bytes: new Uint8Array(Float32Array.of(0.5).buffer) }
  const fused = (nodes: OnnxNode[], outputs: string[]) => {
    const specs = {
      x: float(4, 3),
      n: float(4, 3),
      i: float(4, 1),
      w: float(3),
      b: float(3),
      nw: float(4, 3),
      y: float(4, 3),
    }
    const plain = graph(nodes, specs, outputs)
    return optimise({
      ...plain,
      initializers: new Map([...plain.initializers, ['axis1', lastAxis], ['eps', eps]]),
    })
  }

  it('know a layer normalisation, with scale and shift where nothing else reads the normalised values', () => {
    const affine = [node('Mul', ['n', 'w'], 'nw'), node('Add', ['nw', 'b'], 'y')]
    const forward = fused([...normalised('axis1'), ...affine], ['y'])
    expect(summary(forward)).toEqual(['LayerNormalization(x,w,b)'])
    expect(forward.nodes[0]).toMatchObject({ outputs: ['y'], attrs: { axis: -1, epsilon: { float: 0.5 } } })
    const backward = fused(
      [...normalised('axis1'), ...affine, node('Mul', ['dy', 'i'], 'dx')],
      ['y', 'n', 'dx'],
    )
    expect(summary(backward)).toEqual([
      'LayerNormalization(x,$ones[3])',
      'Mul(n,w)',
      'Add(nw,b)',
      'Mul(dy,i)',
    ])
    expect(backward.nodes[0]?.outputs).toEqual(['n', '', 'i'])
  })

  it('leave normalisation over other axes alone', () => {
    expect(summary(fused(normalised('axis0'), ['n']))).toHaveLength(8)
  })

  it('pack short float vectors that are read, from three on', () => {
    const nodes = [node('Sum', ['a', 'b', 'c', 'm', 'i'], 'y')]
    const plain = graph(nodes, { y: float(2) }, ['y'])
    const inputs = [
      { name: 'a', ...float(2) },
      { name: 'm', ...float(1, 2) },
      { name: 'b', ...float(1) },
      { name: 'i', dtype: 'int32' as const, shape: [1] },
      { name: 'c', ...float(2) },
    ]
    const { graph: packed, offsets } = packInputs({ ...plain, inputs })
    expect([...offsets]).toEqual([
      ['a', 0],
      ['b', 2],
      ['c', 3],
    ])
    expect(packed.inputs.map(({ name, shape }) => `${name}[${shape}]`)).toEqual([
      'm[1,2]',
      'i[1]',
      `${PACKED_INPUT}[5]`,
    ])
    expect(packed.nodes[0]).toMatchObject({ type: 'Split', outputs: ['a', 'b', 'c'] })
    const few = { ...plain, inputs: inputs.slice(0, 3) }
    expect(packInputs(few).graph).toBe(few)
  })

  it('pack small float outputs and leave the others', () => {
    const specs = {
      a: float(2, 3),
      b: float(),
      large: float(5000),
      i: { dtype: 'int32' as const, shape: [2] },
    }
    const nodes = Object.keys(specs).map((name) => node('Neg', ['x'], name))
    const { graph: packed, offsets } = packOutputs(graph(nodes, specs, ['a', 'b', 'large', 'i']))
    expect([...offsets]).toEqual([
      ['a', 0],
      ['b', 6],
    ])
    expect(packed.outputs.map(({ name, shape }) => `${name}[${shape}]`)).toEqual([
      'large[5000]',
      'i[2]',
      '$packed[7]',
    ])
  })
})
