import type { Module } from '../nn/index.js'
import { CheckpointError, type HostTensor, type StateTree } from '../utils/index.js'
import type { Normaliser } from './normaliser.js'
import { loadOrPutBack, partOf } from './saved_state.js'

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

/** See `Policy.actingState`. */
export function actingStateOf(model: Module, modules: readonly Module[], normaliser: Normaliser): StateTree {
  const weights = split(model, modules).acting.map(([name, parameter]) => [name, parameter.toHostTensor()])
  const normalisation = normaliser.state_dict()
  const state: StateTree = { acting: Object.fromEntries(weights) as StateTree }
  return normalisation === undefined ? state : { ...state, normalisation }
}

/** See `Policy.loadActingState`. @param owner begins the message about a state that does not fit */
export function loadActingState(
  owner: string,
  model: Module,
  modules: readonly Module[],
  normaliser: Normaliser,
  state: StateTree,
): void {
  const { acting, others } = split(model, modules)
  const load = (from: StateTree) => {
    const { missing } = model.loadStateDict(partOf(from, 'acting') as Record<string, HostTensor>, {
      strict: false,
    })
    const lost = acting.filter(([name]) => missing.includes(name))
    if (lost.length > 0)
      throw new CheckpointError(`The state to act by lacks ${lost.map(([name]) => name).join(', ')}.`)
    normaliser.load_state_dict(from['normalisation'])
  }
  loadOrPutBack(owner, state, () => actingStateOf(model, modules, normaliser), load)
  for (const [, parameter] of others) if (!Number.isNaN(parameter.data[0])) parameter.data.fill(Number.NaN)
}
