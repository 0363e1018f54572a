import type { OnnxNode } from '../graph.js'
import type { Rewriter } from './rewrite.js'
import { Signs } from './signs.js'

/** What a value may hold in single places: numbers only, infinities too, or even NaN. */
type Level = 'finite' | 'infinite' | 'nan'

/**
 * A number that is infinite or NaN makes a whole row or column of a product so (of a convolution: every channel that sees
 * it), which no gate behind it can mend: what goes into these does not count, unless such a row or column is one number.
 */
const PRODUCTS = new Set(['Conv', 'ConvTranspose', 'FusedMatMul', 'Gemm', 'MatMul'])
/** NaN where their input is outside an interval, or in single combinations of their inputs. */
const PARTIAL = new Set(['Acos', 'Acosh', 'Asin', 'Atan', 'Atanh', 'Mod', 'Pow'])
/** They grow beyond every number, and make no NaN of infinities. */
const OVERFLOWS = new Set(['Cosh', 'Exp', 'Sinh'])
/** They make no NaN of infinities, which they pass on at most. */
const PASSES_ON = new Set(
  'Abs Clip Concat Expand Identity Max Min Neg Relu Reshape Sigmoid Slice Softplus Split Tanh Transpose Where'.split(
    ' ',
  ),
)
/** Of those, the ones whose result is finite all the same. */
const BOUNDED = new Set(['Sigmoid', 'Tanh'])
/** Names of graph inputs that are not the host's. */
const NUMBERS = /^(param|draw):/

/** Tells values that certainly hold no NaN, or no infinity either, in single places. Knows what it has seen so far. */
export class Finiteness {
  readonly #levels = new Map<string, Level>()
  readonly #signs: Signs

  constructor(readonly rewriter: Rewriter) {
    this.#signs = new Signs(rewriter)
  }

  isFinite(name: string): boolean {
    return this.#level(name) === 'finite'
  }

  /** True for what may be infinite, but not NaN. */
  isNumber(name: string): boolean {
    return this.#level(name) !== 'nan'
  }

  #level(name: string): Level {
    let level = this.#levels.get(name)
    if (level === undefined) {
      const node = this.rewriter.maker(name)
      const isWhole = (this.rewriter.spec(name)?.dtype ?? 'float32') !== 'float32'
      level = isWhole ? 'finite' : node === undefined ? this.#leaf(name) : this.#made(node)
      this.#levels.set(name, level)
    }
    return level
  }

  /** Constants can be looked at, parameters and draws are taken for numbers; what the host feeds may hold anything. */
  #leaf(name: string): Level {
    const constant = this.rewriter.graph.initializers.get(name)
    if (constant !== undefined) {
      if (constant.dtype !== 'float32') return 'finite'
      const values = new Float32Array(constant.bytes.slice().buffer)
      return values.every(Number.isFinite) ? 'finite' : values.some(Number.isNaN) ? 'nan' : 'infinite'
    }
    return NUMBERS.test(name) ? 'finite' : 'nan'
  }

  #made(node: OnnxNode): Level {
    if (this.#spreads(node)) return 'finite'
    const [a = '', b = ''] = node.inputs
    const isCondition = (i: number) => node.type === 'Where' && i === 0
    const levels = node.inputs
      .filter((name, i) => name !== '' && !isCondition(i))
      .map((name) => this.#level(name))
    if (levels.includes('nan') || PARTIAL.has(node.type)) return 'nan'
    if (node.type === 'Reciprocal' && this.#signs.isPositive(a)) return 'finite'
    if (node.type === 'Div') return this.#signs.isPositive(b) && levels[0] === 'finite' ? 'finite' : 'nan'
    const isInfinite = levels.includes('infinite')
    if (node.type === 'Sqrt' || node.type === 'Log') {
      if (!this.#signs.isNonNegative(a)) return 'nan'
      return isInfinite || (node.type === 'Log' && !this.#signs.isPositive(a)) ? 'infinite' : 'finite'
    }
    if (OVERFLOWS.has(node.type)) return 'infinite'
    if (node.type === 'Reciprocal') return isInfinite ? 'nan' : 'infinite'
    if (!isInfinite || BOUNDED.has(node.type) || this.#isClipped(node)) return 'finite'
    return PASSES_ON.has(node.type) ? 'infinite' : 'nan'
  }

  #spreads({ type, outputs }: OnnxNode): boolean {
    const shape = this.rewriter.spec(outputs[0] as string)?.shape ?? []
    return PRODUCTS.has(type) && (type.startsWith('Conv') || shape.slice(-2).every((size) => size > 1))
  }

  /** True for what is clipped on both sides: no number in it is infinite. */
  #isClipped({ type, inputs }: OnnxNode): boolean {
    const bounds = inputs.slice(1, 3).filter((bound) => Number.isFinite(this.rewriter.scalar(bound)))
    return type === 'Clip' && bounds.length === 2
  }
}
