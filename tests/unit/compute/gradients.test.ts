import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { GRADIENTS } from '../../../ding/compute/gradients/index.js'
import { backward, createCompute, Parameter } from '../../../ding/compute/index.js'
import { KERNELS } from '../../../ding/compute/kernels/index.js'

/** One sum for each of these inputs a, b, and the gradients that it has. */
const SHARING = [
  ['add', tf.add, [3, 4], [1, 1]],
  ['sub', tf.sub, [3, 4], [1, -1]],
] as const

describe.each(['eager', 'onnx'] as const)('on %s, gradients that are the same values', (runtime) => {
  // tfjs disposes of a gradient once it has added another to it: one tensor for two inputs would be gone for the second.
  it.each(SHARING)('are a tensor for each input of %s', async (_name, op, [first, second], [da, db]) => {
    const a = new Parameter([2], true, Float32Array.of(first, first), 'a')
    const b = new Parameter([2], true, Float32Array.of(second, second), 'b')
    const compute = await createCompute({ runtime })
    const program = compute.program('sharing', () => ({
      // Backwards, a gets its share of the sum first and then that of its own square.
      loss: backward([a, b], () => tf.add(tf.sum(tf.square(a.value)), tf.sum(op(a.value, b.value)))),
    }))
    await program.run({})
    expect([...a.grad]).toEqual([2 * first + da, 2 * first + da])
    expect([...b.grad]).toEqual([db, db])
    program.dispose()
    await compute.dispose()
  })
})

const folder = join(import.meta.dirname, '../../../ding/compute')

describe('the gradient rules', () => {
  it('are one per kernel', () => {
    const names = GRADIENTS.map(({ kernelName }) => kernelName)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('are for kernels that compile', () => {
    expect(GRADIENTS.map(({ kernelName }) => kernelName).filter((name) => !KERNELS.has(name))).toEqual([])
  })

  it('are registered in one place', () => {
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    const registering = sources.filter((path) =>
      readFileSync(join(folder, path), 'utf8').includes('registerGradient('),
    )
    expect(registering.map((path) => path.replaceAll('\\', '/'))).toEqual(['gradients/index.ts'])
  })
})
