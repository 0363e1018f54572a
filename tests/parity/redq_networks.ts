import { RandomTree } from '../../ding/compute/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import type { GoldenTensor } from './golden.js'

/** A network's tensors by Tianshou's names. */
export type Tensors = Record<string, GoldenTensor>

/** Our names of Tianshou's parameters. */
export function named(tensors: Tensors): [string, GoldenTensor][] {
  return Object.entries(tensors).map(([name, tensor]) => {
    const layers = Object.keys(tensors).filter((key) => /^preprocess\..*\.weight$/.test(key)).length
    const ours = name
      .replace(/^mu\.model\.0\./, 'head.mu.')
      .replace(/^sigma\.model\.0\./, 'head.log_sigma_layer.')
      .replace(/^last\.model\.0\./, `q.${2 * layers}.`)
      .replace(/^preprocess\.model\.model\./, 'last.model.0.weight' in tensors ? 'q.' : 'trunk.')
      .replace(/bias_weights$/, 'bias')
    return [ours, tensor]
  })
}

/** The model whose sizes are those of the recorded networks. */
export function modelOf(actor: Tensors, critic: Tensors | undefined, activation = 'relu'): ActorCriticModel {
  const widths = (tensors: Tensors, axis: number) =>
    Object.entries(tensors)
      .filter(([name]) => /^preprocess\..*\.weight$/.test(name))
      .map(([, { shape }]) => shape[axis]!)
  // Without hidden layers the outputs' weights are the first.
  const first = (tensors: Tensors, output: string) =>
    (tensors['preprocess.model.model.0.weight'] ?? tensors[`${output}.model.0.weight`])!.shape
  return createModel(
    {
      type: 'redq',
      obs_shape: first(actor, 'mu')[1],
      action_shape: actor['mu.model.0.weight']!.shape[0],
      ensemble_num: critic === undefined ? 1 : first(critic, 'last')[0],
      activation,
      net_arch: { pi: widths(actor, 0), qf: critic === undefined ? [1] : widths(critic, 2) },
    },
    { random: RandomTree.fromSeed(0).stream('model') },
  ) as ActorCriticModel
}
