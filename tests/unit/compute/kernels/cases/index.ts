import type { KernelCase } from '../support.js'
import { arithmeticCases } from './arithmetic.js'
import { composedCases } from './composed.js'
import { elementwiseCases } from './elementwise.js'
import { imageCases } from './image.js'
import { indexingCases } from './indexing.js'
import { matmulCases } from './matmul.js'
import { reductionCases } from './reduction.js'
import { shapeCases } from './shape.js'

/** Every use of a kernel that the tests run, by family. */
export const CASES: Readonly<Record<string, readonly KernelCase[]>> = {
  elementwise: elementwiseCases,
  arithmetic: arithmeticCases,
  reduction: reductionCases,
  matmul: matmulCases,
  shape: shapeCases,
  indexing: indexingCases,
  image: imageCases,
  composed: composedCases,
}
