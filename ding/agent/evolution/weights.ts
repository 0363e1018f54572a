import type { Parameter, RandomStream } from '../../compute/index.js'
import type { Module } from '../../nn/index.js'

const SUPER = 0.05
const RESET = 0.1
const LARGEST = 1e6

/**
 * Gives a network the weights that another has under the same names: all of them where the shapes agree, else the part that both have, from
 * the first index of each axis on; the rest keeps its fresh values. Those of normalisations are taken only whole (EvolvableModule.preserve_parameters).
 */
export function inheritWeights(from: Module, to: Module): void {
  const old = new Map(from.namedParameters())
  for (const [name, parameter] of to.namedParameters()) {
    const source = old.get(name)
    if (source === undefined || source.shape.length !== parameter.shape.length) continue
    if (source.shape.join() === parameter.shape.join()) parameter.data.set(source.data)
    else if (!name.includes('norm')) copyOverlap(source, parameter)
  }
}

function copyOverlap(from: Parameter, to: Parameter): void {
  const shared = to.shape.map((size, axis) => Math.min(size, from.shape[axis] as number))
  const copy = (axis: number, at: number, target: number) => {
    const count = shared[axis] as number
    if (axis === shared.length - 1) {
      to.data.set(from.data.subarray(at, at + count), target)
      return
    }
    for (let i = 0; i < count; i++)
      copy(axis + 1, at + i * strideOf(from, axis), target + i * strideOf(to, axis))
  }
  copy(0, 0, 0)
}

function strideOf({ shape }: Parameter, axis: number): number {
  return shape.slice(axis + 1).reduce((product, size) => product * size, 1)
}

/**
 * Changes a tenth of the weights of a random choice of matrices: most by `mutation_sd` of their own size, one in twenty by ten times its size, one
 * in twenty anew (agilerl/hpo/mutation.py, parameter mutations). Biases and normalisations stay.
 */
export function perturbWeights(network: Module, mutation_sd: number, random: RandomStream): void {
  const matrices = network
    .namedParameters()
    .filter(([name, { shape, trainable }]) => trainable && shape.length === 2 && !name.includes('norm'))
  if (matrices.length === 0) return
  const count = random.nextInt(1, matrices.length + 1)
  for (const index of random.subset(matrices.length, count)) {
    const { data } = (matrices[index] as [string, Parameter])[1]
    for (const at of random.integers(Math.ceil(data.length / 10), 0, data.length)) {
      const weight = data[at] as number
      const kind = random.nextFloat()
      const scale = Math.abs(weight) * (kind < SUPER ? 10 : mutation_sd)
      const next = kind >= SUPER && kind < RESET ? random.nextNormal() : weight + scale * random.nextNormal()
      data[at] = Math.min(Math.max(next, -LARGEST), LARGEST)
    }
  }
}
