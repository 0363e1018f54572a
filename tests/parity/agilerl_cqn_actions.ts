// AgileRL's CQN: recorded calls of get_action.
import type { Tensor } from '@tensorflow/tfjs-core'
import { RandomTree } from '../../ding/compute/index.js'
import { createModel, modelWrap } from '../../ding/model/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { type Golden, tensorsOf } from './agilerl_cqn_run.js'
import { Comparison } from './compare.js'
import { isGoldenTensor, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { FileResult } from './types.js'

interface Draw {
  readonly fn: string
  readonly value: unknown
}

export interface Call {
  readonly epsilon: number
  readonly action_mask: unknown
  readonly draws: readonly Draw[]
  readonly action: unknown
}

/**
 * The original draws one coin for the whole batch, ours one a row: with all of ours set to it the same branch must be taken. Its
 * random actions come from draws of another kind; with a uniform number from inside the recorded action's interval ours must give
 * that action, and the action must be legal.
 */
export async function actionCases(json: Golden, obs: HostTensor, modelConfig: Golden): Promise<FileResult> {
  const values = new Comparison('action values')
  const greedy = new Comparison('greedy actions')
  const random = new Comparison('random actions')
  const calls = json['calls'] as Call[]
  const explores = ({ draws }: Call) => draws.length > 1
  const [rows] = obs.shape as [number]
  for (const { name, compute } of await runtimes()) {
    const model = createModel(
      { type: 'agilerl_q', ...modelConfig },
      { random: RandomTree.fromSeed(0).stream('model') },
    )
    model.loadStateDict(tensorsOf(json['initial_params']))
    const wrapped = modelWrap(model, 'eps_greedy_sample').eval()
    const program = compute.program(
      'act',
      ({ inputs, eps }: { inputs: { [key: string]: Tensor }; eps: Tensor }) => {
        const { logit, action } = wrapped.forward(inputs, { eps })
        return { logit: logit as Tensor, action: action as Tensor }
      },
    )
    for (const [i, call] of calls.entries()) {
      const mask = maskOf(call.action_mask, rows, Number(modelConfig['action_shape']))
      const coin = Number(call.draws[0]?.value)
      const actions = numbersOf(call.action)
      const actionCount = Number(modelConfig['action_shape'])
      const allowed = (row: number, a: number) => mask?.action_mask.data[row * actionCount + a] ?? 1
      const picks = actions.map((action, row) => intervalMiddle(actionCount, action, (a) => allowed(row, a)))
      const draws = [vector(actions.map(() => coin)), vector(picks, [rows, 1])]
      const out = await program.run(
        { inputs: { observation: obs, ...mask }, eps: vector([call.epsilon], []) },
        { draws },
      )
      const comparison = explores(call) ? random : greedy
      comparison.check(`${name} call ${i}`, out.action, actions)
      comparison.record(`${name} call ${i}: legal`, actions.every((a, row) => allowed(row, a) > 0) ? 0 : 1)
      if (isGoldenTensor(json['q'])) values.check(`${name} q`, out.logit, json['q'])
    }
    program.dispose()
  }
  return {
    cases: [
      ...(isGoldenTensor(json['q']) ? [values.result()] : []),
      ...(calls.every(explores) ? [] : [greedy.result()]),
      ...(calls.some(explores) ? [random.result('one coin for the batch, given to every row')] : []),
    ],
  }
}

/** A mask as a tensor or a nested list; that of one row is for all. */
function maskOf(mask: unknown, rows: number, actions: number): { action_mask: HostTensor } | undefined {
  if (mask === null || mask === undefined) return undefined
  const given = numbersOf(mask)
  const data = Uint8Array.from({ length: rows * actions }, (_, i) => given[i % given.length]!)
  return { action_mask: { dtype: 'bool', shape: [rows, actions], data } }
}

/** The middle of the part of [0, 1] from which a uniform number draws `action` among the allowed ones. */
function intervalMiddle(count: number, action: number, allowed: (a: number) => number): number {
  let [below, total] = [0, 0]
  for (let a = 0; a < count; a++) {
    if (a < action) below += allowed(a)
    total += allowed(a)
  }
  return (below + 0.5 * allowed(action)) / total
}

function vector(values: readonly number[], shape: readonly number[] = [values.length]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}
