import type { Module } from '../nn/index.js'
import { CheckpointError, type HostTensor, type StateTree } from '../utils/index.js'

/** The model's parameters that belong to `modules`, by their names in the model. */
function split(model: Module, modules: readonly Module[]) {
  const wanted = new Set(
    modules.flatMap((module) => module.namedParameters().map(([, parameter]) => parameter)),
  )
  const all = model.namedParameters()
  return {
    acting: all.filter(([, parameter]) => wanted.has(parameter)),
    others: all.filter(([, parameter]) => !wanted.has(parameter)),
  }
}

/** The weights of `modules` alone, by their names in the model. */
export function actingWeights(model: Module, modules: readonly Module[]): StateTree {
  return Object.fromEntries(
    split(model, modules).acting.map(([name, parameter]) => [name, parameter.toHostTensor()]),
  )
}

/**
 * Takes over the weights of `modules`; all others become NaN.
 * @throws CheckpointError when one of them is missing or has another shape; nothing has changed then
 */
export function loadActingWeights(model: Module, modules: readonly Module[], weights: StateTree): void {
  const { acting, others } = split(model, modules)
  const lost = acting.filter(([name]) => !Object.hasOwn(weights, name))
  if (lost.length > 0)
    throw new CheckpointError(`The state to act by lacks ${lost.map(([name]) => name).join(', ')}.`)
  model.loadStateDict(weights as Record<string, HostTensor>, { strict: false })
  for (const [, parameter] of others) if (!Number.isNaN(parameter.data[0])) parameter.data.fill(Number.NaN)
}
