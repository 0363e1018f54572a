import type { RandomStream } from '../compute/index.js'
import type { Obs } from '../envs/index.js'
import type { GsdeHead } from '../nn/index.js'
import { type ActionNoise, create_noise_generator } from '../rl_utils/index.js'
import {
  CheckpointError,
  ConfigError,
  DingError,
  isHostTensor,
  type Resumable,
  type StateTree,
} from '../utils/index.js'
import { partOf } from './saved_state.js'
import type { ById, CollectSettings, PolicyOutput } from './types.js'

/** How a policy's actions are made to explore, around the program that computes them. */
export interface Exploration extends Resumable {
  /** What the acting program is given for each environment. */
  before(data: ById<Obs>, settings: CollectSettings): ById<Obs>
  /** The actions as they are to be taken. */
  after(outputs: ById<PolicyOutput>): ById<PolicyOutput>
  /** An environment's episode has ended (all of them without ids). */
  reset(data_id?: readonly number[]): void
}

/** Changes nothing: the program's own sampling explores. */
export class NoExploration implements Exploration {
  before(data: ById<Obs>, _settings: CollectSettings): ById<Obs> {
    return data
  }

  after(outputs: ById<PolicyOutput>): ById<PolicyOutput> {
    return outputs
  }

  reset(_data_id?: readonly number[]): void {}

  state_dict(): StateTree {
    return {}
  }

  load_state_dict(_state: StateTree): void {}
}

/** Format of `collect.noise_sigma`. @throws Error saying what is wrong, which the config's validation passes on */
export function noise_sigma(value: unknown): value is number | readonly number[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (all.length > 0 && all.every((sigma) => Number.isFinite(sigma) && (sigma as number) >= 0)) return true
  throw new ConfigError(
    'Give a number of at least 0, or a list of such numbers, one for each action dimension.',
  )
}

/** Format of `collect.sde_sample_freq`. @throws Error saying what is wrong, which the config's validation passes on */
export function sde_sample_freq(value: unknown): value is number {
  if (value === -1 || (Number.isSafeInteger(value) && (value as number) >= 1)) return true
  throw new ConfigError(
    'Give a whole number of steps of at least 1, or -1 for new noise only at the start of each collect.',
  )
}

/** Adds noise to the actions and clips them to their bound. OU noise has a process for each environment, started anew with its episodes. */
export class NoiseExploration extends NoExploration {
  private readonly noise: ActionNoise

  /** @param size number of action dimensions @param bound the largest magnitude of an action @throws ConfigError for keyword arguments that the noise does not have, and lists of another length */
  constructor(
    type: 'gauss' | 'ou',
    sigma: number | readonly number[],
    kwargs: Readonly<Record<string, unknown>>,
    private readonly random: RandomStream,
    size: number,
    private readonly bound = 1,
  ) {
    super()
    const known = type === 'gauss' ? ['mu'] : ['mu', 'theta', 'dt', 'x0']
    const path = 'policy.collect.noise_kwargs'
    const odd = Object.keys(kwargs).find((key) => !known.includes(key))
    if (odd !== undefined) {
      throw new ConfigError(`${path} has "${odd}"; noise of type '${type}' takes ${known.join(', ')}.`, {
        path,
      })
    }
    for (const [name, value] of Object.entries({ ...kwargs, sigma })) {
      if (!Array.isArray(value) || value.length === size) continue
      const key = name === 'sigma' ? 'policy.collect.noise_sigma' : `${path}.${name}`
      throw new ConfigError(
        `${key} has ${value.length} values, but actions have ${size}. Give one number, or one for each.`,
        { path: key },
      )
    }
    try {
      this.noise = create_noise_generator(type, { ...kwargs, sigma })
    } catch (cause) {
      if (cause instanceof DingError) throw new ConfigError(`${path}: ${cause.message}`, { cause, path })
      throw cause
    }
  }

  override after(outputs: ById<PolicyOutput>): ById<PolicyOutput> {
    for (const id in outputs) {
      const output = outputs[id] as PolicyOutput
      const action = output.action as Float32Array
      const noise = this.noise.sample(action.length, this.random, id)
      const { bound } = this
      output.action = action.map((a, i) => Math.min(bound, Math.max(-bound, a + (noise[i] as number))))
    }
    return outputs
  }

  override reset(data_id?: readonly number[]): void {
    if (data_id === undefined) this.noise.reset()
    else for (const id of data_id) this.noise.reset(id)
  }

  override state_dict(): StateTree {
    return this.noise.state_dict()
  }

  /** Noise without a state, or none at all, leaves an empty one: then it starts anew. */
  override load_state_dict(state: StateTree): void {
    if (Object.keys(state).length === 0) this.noise.reset()
    else this.noise.load_state_dict(state)
  }
}

/** An observation beside the weights of its environment's noise, as the acting program of gSDE takes them. */
export interface SdeInput {
  readonly [key: string]: Obs
  readonly obs: Obs
  readonly exploration: Float32Array
}

/** One environment's weights, and the steps that they have been used for. */
interface SdeNoise {
  weights: Float32Array
  steps: number
}

/**
 * gSDE while collecting: each environment has noise weights of its own, drawn anew at the start of each collect (told by the setting
 * `rollout`) and, with `sampleFreq` above 0, after that many steps.
 */
export class SdeExploration extends NoExploration {
  private readonly held = new Map<string, SdeNoise>()
  private rollout = -1

  constructor(
    private readonly head: GsdeHead,
    private readonly sampleFreq: number,
    private readonly random: RandomStream,
  ) {
    super()
  }

  override before(data: ById<Obs>, settings: CollectSettings): ById<Obs> {
    const rollout = settings['rollout'] ?? this.rollout
    if (rollout !== this.rollout) this.held.clear()
    this.rollout = rollout
    const inputs: ById<Obs> = {}
    for (const id in data) {
      const input: SdeInput = { obs: data[id] as Obs, exploration: this.weightsOf(id) }
      inputs[id] = input
    }
    return inputs
  }

  private weightsOf(id: string): Float32Array {
    let noise = this.held.get(id)
    if (noise === undefined || (this.sampleFreq > 0 && noise.steps >= this.sampleFreq)) {
      noise = { weights: this.head.drawExploration(this.random), steps: 0 }
      this.held.set(id, noise)
    }
    noise.steps++
    return noise.weights
  }

  override state_dict(): StateTree {
    const weights: StateTree = {}
    const steps: StateTree = {}
    for (const [id, noise] of this.held) {
      weights[id] = { dtype: 'float32', shape: [noise.weights.length], data: noise.weights.slice() }
      steps[id] = noise.steps
    }
    return { rollout: this.rollout, weights, steps }
  }

  override load_state_dict(state: StateTree): void {
    const weights = partOf(state, 'weights')
    const steps = partOf(state, 'steps')
    const loaded = Object.entries(weights).map(([id, tensor]): [string, SdeNoise] => {
      const count = steps[id]
      if (!isHostTensor(tensor) || typeof count !== 'number')
        throw new CheckpointError(`The state of gSDE holds no noise weights for environment ${id}.`)
      return [id, { weights: Float32Array.from(tensor.data), steps: count }]
    })
    this.held.clear()
    for (const [id, noise] of loaded) this.held.set(id, noise)
    this.rollout = Number(state['rollout'] ?? -1)
  }
}
