import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { KERNELS, UNSUPPORTED } from '../../../../ding/compute/kernels/index.js'
import { CompileError } from '../../../../ding/utils/index.js'
import { KERNELS_PAGE, kernelsPage, watchLowerings } from '../../../../scripts/docs_kernels.js'
import { CASES } from './cases/index.js'
import type { Result } from './support.js'
import { differences, distance, runFamily } from './support.js'

const watch = watchLowerings()

const compiled: Record<string, readonly Result[]> = {}
const eager: Record<string, readonly Result[]> = {}
const wasm: Record<string, readonly Result[]> = {}

beforeAll(async () => {
  for (const [family, cases] of Object.entries(CASES)) {
    compiled[family] = await runFamily('onnx', family, cases)
    eager[family] = await runFamily('cpu', family, cases)
    wasm[family] = await runFamily('wasm', family, cases)
  }
  await tf.setBackend('cpu')
})

describe.each(Object.entries(CASES))('%s', (family, cases) => {
  test.each(cases.map((kernelCase, i) => [kernelCase.name, kernelCase, i] as const))(
    '%s',
    (_name, kernelCase, i) => {
      const [ours, theirs] = [compiled[family]![i]!, eager[family]![i]!]
      expect(ours.outputs.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
        theirs.outputs.map(({ dtype, shape }) => ({ dtype, shape })),
      )
      for (const [k, output] of ours.outputs.entries()) {
        const wanted = kernelCase.expected?.[k] ?? theirs.outputs[k]!.data
        const message = `output ${k}: ${output.data} for ${wanted}`
        expect(distance(output.data, wanted), message).toBeLessThan(kernelCase.tolerance)
      }
      for (const [name, { data, shape }] of Object.entries(ours.gradients)) {
        const known = theirs.gradients[name]!.data
        expect(shape).toEqual(kernelCase.inputs[name]!.shape)
        const message = `gradient by ${name}: ${data} for ${known}`
        expect(distance(data, known), message).toBeLessThan(kernelCase.tolerance)
        if (kernelCase.check !== 'all') continue
        const slopes = differences(kernelCase, name)
        expect(distance(data, slopes), `gradient by ${name}: ${data} for slopes ${slopes}`).toBeLessThan(5e-3)
      }
    },
  )
})

describe.each(Object.entries(CASES))("%s on tfjs' wasm backend, repaired,", (family, cases) => {
  test.each(cases.map((kernelCase, i) => [kernelCase.name, kernelCase, i] as const))(
    'agrees with its cpu backend on %s',
    (_name, { tolerance }, i) => {
      const [ours, theirs] = [wasm[family]![i]!, eager[family]![i]!]
      for (const [k, { dtype, shape, data }] of ours.outputs.entries()) {
        const other = theirs.outputs[k]!
        expect({ dtype, shape }).toEqual({ dtype: other.dtype, shape: other.shape })
        expect(distance(data, other.data), `output ${k}: ${data} for ${other.data}`).toBeLessThan(tolerance)
      }
      for (const [name, { data }] of Object.entries(ours.gradients)) {
        const other = theirs.gradients[name]!.data
        expect(distance(data, other), `gradient by ${name}: ${data} for ${other}`).toBeLessThan(tolerance)
      }
    },
  )
})

test('every row of the kernel table is used by some case', () => {
  // Used, not lowered: the tracer does without copies and constants.
  const untested = [...KERNELS.keys()].filter((kernel) => !watch.used.has(kernel) && !UNSUPPORTED.has(kernel))
  expect(untested).toEqual([])
})

test('docs/reference/kernels.md is what "npx tsx scripts/docs_kernels.ts" writes', () => {
  expect(readFileSync(KERNELS_PAGE, 'utf8')).toBe(kernelsPage(watch.operators))
})

test.each([...UNSUPPORTED])('%s says why it cannot be compiled and what to do', (kernel) => {
  const rule = KERNELS.get(kernel)!
  expect(() => rule.infer({ kernel, inputs: {}, attrs: {} })).toThrow(CompileError)
  expect(() => rule.infer({ kernel, inputs: {}, attrs: {} })).toThrow(/cannot be compiled: .+\. (Keep|Draw) /)
})
