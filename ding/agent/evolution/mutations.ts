import { RandomStream } from '../../compute/index.js'
import { agileArchitecture } from '../../model/index.js'
import {
  checkOptions,
  type JsonValue,
  type Resumable,
  type StateTree,
  UsageError,
} from '../../utils/index.js'
import type { CQN } from '../cqn.js'
import { obsShapeOf } from '../spaces.js'
import { mutateArchitecture, withActivation } from './architecture.js'
import { inheritWeights, perturbWeights } from './weights.js'

/** Relative probabilities of the kinds of mutation, and their settings; names and defaults are AgileRL's. */
export interface MutationsOptions {
  /** That an agent stays as it is. */
  readonly no_mutation: number
  /** That its network grows or shrinks. */
  readonly architecture: number
  /** That such a change is of the number of layers, and not of a width: a probability. */
  readonly new_layer_prob: number
  /** That some of its weights change. */
  readonly parameters: number
  /** That its activation changes. */
  readonly activation: number
  /** That one of its hyper-parameters changes, within its `hp_config`. */
  readonly rl_hp: number
  /** Size of a weight's change as a part of the weight (0.1). */
  readonly mutation_sd?: number
  /** Activations to choose from (ReLU, ELU, GELU). */
  readonly activation_selection?: readonly string[]
  /** Whether the first agent, the best after a selection with elitism, mutates too (true). */
  readonly mutate_elite?: boolean
  /** Seed of the choices (0). */
  readonly rand_seed?: number
}

const KINDS = ['no_mutation', 'architecture', 'parameters', 'activation', 'rl_hp'] as const
type Kind = (typeof KINDS)[number]

const OPTIONS = [
  ...KINDS,
  'new_layer_prob',
  'mutation_sd',
  'activation_selection',
  'mutate_elite',
  'rand_seed',
]

/**
 * Random changes of the agents of a population (agilerl/hpo/mutation.py). What was done to an agent is its `mut`: a method's name such as
 * `head_net.add_node`, `param`, `act`, a hyper-parameter's name, or `None`, also where the bounds left nothing of what was drawn.
 * After a change of network, weights or learning rate the optimizer begins anew; after one of network or weights the target network is the online one.
 */
export class Mutations implements Resumable {
  private readonly options: Required<MutationsOptions>
  private readonly random: RandomStream

  /** @throws UsageError for options that do not exist, negative probabilities, or when none is above zero */
  constructor(options: MutationsOptions) {
    checkOptions('Mutations', options, OPTIONS)
    this.options = {
      mutation_sd: 0.1,
      activation_selection: ['ReLU', 'ELU', 'GELU'],
      mutate_elite: true,
      rand_seed: 0,
      ...options,
    }
    const { new_layer_prob, mutation_sd, rand_seed, activation_selection } = this.options
    for (const [name, value] of Object.entries({ ...this.weights(KINDS), mutation_sd })) {
      if (!(Number.isFinite(value) && value >= 0))
        throw new UsageError(`Mutations: ${name} is ${value}, expected a number of at least 0.`)
    }
    if (!(new_layer_prob >= 0 && new_layer_prob <= 1))
      throw new UsageError(`Mutations: new_layer_prob is ${new_layer_prob}, expected a probability.`)
    if (Object.values(this.weights(KINDS)).every((weight) => weight === 0))
      throw new UsageError(`Mutations: ${KINDS.join(', ')} are all 0. Give one of them a weight.`)
    if (activation_selection.length === 0)
      throw new UsageError('Mutations: activation_selection is empty. Name the activations to choose from.')
    this.random = RandomStream.fromSeed(rand_seed).child('mutations')
  }

  /**
   * The population after a mutation of each agent. An agent that changed is another object and the old one is cleaned up.
   * @param pre_training_mut before training: every agent mutates, by any kind but `no_mutation`
   */
  async mutation(population: readonly CQN[], pre_training_mut = false): Promise<CQN[]> {
    const kinds = pre_training_mut ? KINDS.slice(1) : KINDS
    const choices = population.map(() => this.draw(kinds))
    if (!this.options.mutate_elite) choices[0] = 'no_mutation'
    const mutated: CQN[] = []
    for (const [i, agent] of population.entries()) mutated.push(await this.apply(choices[i] as Kind, agent))
    return mutated
  }

  state_dict(): StateTree {
    return { random: this.random.state() }
  }

  load_state_dict(state: StateTree): void {
    this.random.restore(state['random'] as JsonValue)
  }

  private weights(kinds: readonly Kind[]): Record<string, number> {
    return Object.fromEntries(kinds.map((kind) => [kind, this.options[kind]]))
  }

  private draw(kinds: readonly Kind[]): Kind {
    const weights = Object.entries(this.weights(kinds)).filter(([, weight]) => weight > 0)
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
    let left = this.random.nextFloat() * total
    for (const [kind, weight] of weights) {
      left -= weight
      if (left < 0) return kind as Kind
    }
    return (weights.at(-1)?.[0] ?? 'no_mutation') as Kind
  }

  private async apply(kind: Kind, agent: CQN): Promise<CQN> {
    const change = { no_mutation: none, ...this.changes }[kind]
    const [next, label] = await change(agent)
    next.mut = label
    if (next !== agent) await agent.clean_up()
    return next
  }

  private readonly changes: Record<Exclude<Kind, 'no_mutation'>, (agent: CQN) => Changed | Promise<Changed>> =
    {
      architecture: (agent) => {
        const before = this.architectureOf(agent)
        if (before === undefined) return none(agent)
        const mutation = mutateArchitecture(before, this.options.new_layer_prob, this.random)
        if (mutation === undefined) return none(agent)
        return [this.rebuilt(agent, mutation.net), mutation.name]
      },

      parameters: (agent) => {
        const next = agent.successor({})
        inheritWeights(agent.get_policy(), next.get_policy())
        perturbWeights(next.get_policy(), this.options.mutation_sd, this.random)
        return [next, 'param']
      },

      activation: (agent) => {
        const net = this.architectureOf(agent)?.net
        const now = net?.encoder_config['activation']
        // SimBa and encoders of several inputs have no activation to change, as in AgileRL.
        if (net === undefined || now === undefined) return none(agent)
        const others = this.options.activation_selection.filter((name) => name !== now)
        if (others.length === 0) return none(agent)
        return [this.rebuilt(agent, withActivation(net, this.random.choice(others))), 'act']
      },

      rl_hp: async (agent) => {
        const names = agent.hp_config.names()
        if (names.length === 0) return none(agent)
        const name = this.random.choice(names)
        const value = agent.hp_config.parameters.get(name)?.mutate(agent[name], this.random)
        const next = agent.successor({ [name]: value })
        const [from, fresh] = [await agent.state_dict(), await next.state_dict()]
        const policy = { ...(from['policy'] as StateTree) }
        if (name === 'lr') policy['optimizer'] = (fresh['policy'] as StateTree)['optimizer'] as StateTree
        await next.load_state_dict({ ...from, policy })
        return [next, name]
      },
    }

  /** Undefined for an agent with a network of its user's. */
  private architectureOf(agent: CQN) {
    if (agent.has_own_network) return undefined
    return agileArchitecture(obsShapeOf(agent.observation_space), agent.net_config)
  }

  private rebuilt(agent: CQN, net: object): CQN {
    const seed = this.random.nextInt(0, 2 ** 31)
    const next = agent.successor({ net_config: { ...net }, seed })
    inheritWeights(agent.get_policy(), next.get_policy())
    return next
  }
}

type Changed = readonly [agent: CQN, label: string]

function none(agent: CQN): Changed {
  return [agent, 'None']
}
