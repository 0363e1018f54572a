import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GRADIENTS } from '../../../ding/compute/gradients/index.js'
import { KERNELS } from '../../../ding/compute/kernels/index.js'

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
