import type { Rewriter } from './rewrite.js'

/** Operators whose results are never negative. */
const NEVER_NEGATIVE = new Set(['Abs', 'Exp', 'Relu', 'Sigmoid', 'Softplus', 'Sqrt'])
/** Operators that only move or repeat what their first input holds. */
const MOVES = new Set(['Expand', 'Identity', 'Reshape', 'Transpose'])

/** Tells values that are certainly above 0, as divisors with an epsilon are, or at least not below it. Knows what it has seen so far. */
export class Signs {
  readonly #positive = new Map<string, boolean>()
  readonly #nonNegative = new Map<string, boolean>()

  constructor(readonly rewriter: Rewriter) {}

  isPositive(name: string): boolean {
    return remembered(this.#positive, name, () => this.#findPositive(name))
  }

  isNonNegative(name: string): boolean {
    return remembered(this.#nonNegative, name, () => this.isPositive(name) || this.#findNonNegative(name))
  }

  #findPositive(name: string): boolean {
    const { rewriter } = this
    const node = rewriter.maker(name)
    if (node === undefined) return (rewriter.scalar(name) ?? 0) > 0
    const [a = '', b = '', c = ''] = node.inputs
    if (MOVES.has(node.type) || node.type === 'Reciprocal' || node.type === 'Sqrt') return this.isPositive(a)
    if (node.type === 'Mul' || node.type === 'Div') return this.isPositive(a) && this.isPositive(b)
    if (node.type === 'Clip') return (rewriter.scalar(b) ?? 0) > 0
    if (node.type === 'Add') {
      return (this.isPositive(a) && this.isNonNegative(b)) || (this.isPositive(b) && this.isNonNegative(a))
    }
    if (node.type !== 'Where' || !this.isPositive(c)) return false
    const [compared, bound = ''] =
      rewriter.maker(a)?.type === 'Greater' ? (rewriter.maker(a)?.inputs ?? []) : []
    return this.isPositive(b) || (compared === b && rewriter.scalar(bound) === 0)
  }

  #findNonNegative(name: string): boolean {
    const { rewriter } = this
    const node = rewriter.maker(name)
    if (node === undefined) return rewriter.scalar(name) === 0
    const [a = '', b = ''] = node.inputs
    if (NEVER_NEGATIVE.has(node.type) || (node.type === 'Mul' && a === b)) return true
    if (MOVES.has(node.type) || node.type === 'ReduceMean' || node.type === 'ReduceSum')
      return this.isNonNegative(a)
    const combines =
      ['Add', 'Mul', 'MatMul', 'Div'].includes(node.type) ||
      (node.type === 'Gemm' && node.inputs.length === 2)
    return combines && this.isNonNegative(a) && this.isNonNegative(b)
  }
}

function remembered(known: Map<string, boolean>, name: string, find: () => boolean): boolean {
  let found = known.get(name)
  if (found === undefined) {
    found = find()
    known.set(name, found)
  }
  return found
}
