import { describe, expect, it } from 'vitest'
import type { OnnxGraph, OnnxNode } from '../../../ding/compute/onnx/index.js'
import { packOutputs } from '../../../ding/compute/onnx/index.js'
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

  it('gate by a product where nothing singular went into the gradient', () => {
    const gate = [node('Greater', ['x', 'zero'], 'g'), node('Where', ['g', 'dy', 'zero'], 'y')]
    const zero = { dtype: 'float32' as const, shape: [], bytes: new Uint8Array(4) }
    const run = (before: OnnxNode[], bound = zero) => {
      const plain = graph([...before, ...gate], { y: float(2) }, ['y'])
      return summary(optimise({ ...plain, initializers: new Map([['zero', bound]]) }))
    }
    expect(run([])).toEqual(['HardSigmoid(x)', 'Mul(dy,g:step)'])
    expect(run([node('Exp', ['a'], 'dy')])).toContain('HardSigmoid(x)')
    const singular = [node('Sqrt', ['a'], 's'), node('Add', ['s', 'b'], 'dy')]
    expect(run(singular)).toContain('Where(g,dy,zero)')
    const one = { ...zero, bytes: new Uint8Array(Float32Array.of(1).buffer) }
    expect(run([], one)).toContain('Where(g,dy,zero)')
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
