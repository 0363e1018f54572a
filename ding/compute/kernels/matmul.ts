import { CompileError, sizeOf } from '../../utils/index.js'
import { fusedActivation } from './activation.js'
import { booleanAttr, broadcast, commonType, dim, input } from './call.js'
import { cast, reshape, transpose } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

interface Product {
  readonly transA: boolean
  readonly transB: boolean
  /** Leading axes of the result. */
  readonly batch: readonly number[]
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Sizes of a (batched) matrix product. @throws CompileError when the inner sizes differ. */
function product(call: KernelCall): Product {
  const [a, b] = [input(call, 'a').shape, input(call, 'b').shape]
  const [transA, transB] = [booleanAttr(call, 'transposeA'), booleanAttr(call, 'transposeB')]
  const [m, k] = transA
    ? [dim(a, a.length - 1), dim(a, a.length - 2)]
    : [dim(a, a.length - 2), dim(a, a.length - 1)]
  const [inner, n] = transB
    ? [dim(b, b.length - 1), dim(b, b.length - 2)]
    : [dim(b, b.length - 2), dim(b, b.length - 1)]
  if (k !== inner) {
    throw new CompileError(
      `A matrix product of [${a}]${transA ? ' transposed' : ''} and [${b}]${transB ? ' transposed' : ''} has inner ` +
        `sizes ${k} and ${inner}, expected equal ones.`,
    )
  }
  return { transA, transB, m, n, k, batch: broadcast(a.slice(0, -2), b.slice(0, -2)) }
}

function inferProduct(call: KernelCall): { dtype: 'float32' | 'int32' | 'bool' | 'uint8'; shape: number[] } {
  const { batch, m, n } = product(call)
  return { dtype: commonType(input(call, 'a'), input(call, 'b')), shape: [...batch, m, n] }
}

function swapLastTwo(rank: number): number[] {
  const perm = Array.from({ length: rank }, (_, axis) => axis)
  return [...perm.slice(0, -2), rank - 1, rank - 2]
}

/** One matrix product: Gemm for matrices, FusedMatMul for batches that need a transposition, MatMul otherwise. */
function matMul(at: Lowering): string {
  const { transA, transB } = product(at)
  const [a, b] = [input(at, 'a'), input(at, 'b')]
  const dtype = commonType(a, b)
  if (dtype !== 'float32') {
    // The fused forms are float32 only.
    const side = (name: string, trans: boolean): string => {
      const { dtype: from, shape } = input(at, name)
      const value = cast(at, at.name(name), from, 'int32')
      return trans ? transpose(at, value, swapLastTwo(shape.length)) : value
    }
    return cast(at, at.op('MatMul', [side('a', transA), side('b', transB)]), 'int32', dtype)
  }
  const names = [at.name('a'), at.name('b')]
  const flags = { transA: Number(transA), transB: Number(transB) }
  if (a.shape.length === 2 && b.shape.length === 2) return at.op('Gemm', names, flags)
  return transA || transB ? at.op('FusedMatMul', names, flags, 'com.microsoft') : at.op('MatMul', names)
}

/** True where the product is that of two matrices once leading axes of size 1, or all rows of `a`, are folded. */
function isOneProduct(at: Lowering, { transA }: Product): boolean {
  const batchOfA = sizeOf(input(at, 'a').shape.slice(0, -2))
  const batchOfB = sizeOf(input(at, 'b').shape.slice(0, -2))
  return batchOfB === 1 && (batchOfA === 1 || !transA)
}

/** Bias as Gemm takes it: at most a matrix. Undefined where it must be added afterwards. */
function gemmBias(at: Lowering, rows: number, n: number): string | undefined {
  const { shape } = input(at, 'bias')
  if (sizeOf(shape) === 1) return reshape(at, at.name('bias'), shape, [1])
  if (shape.at(-1) !== n) return undefined
  if (sizeOf(shape) === n) return reshape(at, at.name('bias'), shape, [n])
  return sizeOf(shape) === rows * n ? reshape(at, at.name('bias'), shape, [rows, n]) : undefined
}

/** activation(a b + bias). As one Gemm where possible, which ONNX Runtime fuses with a following activation. */
function fusedMatMul(at: Lowering): string {
  const sizes = product(at)
  const shape = [...sizes.batch, sizes.m, sizes.n]
  const hasBias = at.inputs['bias'] !== undefined
  // prelu's weights broadcast to the whole output, so it cannot be folded to a matrix.
  const foldable = isOneProduct(at, sizes) && at.attrs['activation'] !== 'prelu'
  const rows = sizeOf(shape) / sizes.n
  const bias = foldable && hasBias && sizes.n > 0 ? gemmBias(at, rows, sizes.n) : undefined
  if (foldable && (bias !== undefined || !hasBias)) {
    const { transA, transB, k } = sizes
    const a = reshape(at, at.name('a'), input(at, 'a').shape, transA ? [k, rows] : [rows, k])
    const b = reshape(at, at.name('b'), input(at, 'b').shape, transB ? [sizes.n, k] : [k, sizes.n])
    const flags = { transA: Number(transA), transB: Number(transB) }
    const result = at.op('Gemm', bias === undefined ? [a, b] : [a, b, bias], flags)
    return reshape(at, fusedActivation(at, result), [rows, sizes.n], shape)
  }
  const plain = matMul(at)
  return fusedActivation(at, hasBias ? at.op('Add', [plain, at.name('bias')]) : plain)
}

/** Matrix products. */
export const matmul: readonly KernelRule[] = [
  rule('BatchMatMul', inferProduct, matMul),
  rule('_FusedMatMul', inferProduct, fusedMatMul),
]
