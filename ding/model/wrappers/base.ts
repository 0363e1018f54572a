import type { Parameter } from '../../compute/index.js'
import type { Schema } from '../../config/index.js'
import { Module, resetNoise } from '../../nn/index.js'
import {
  CheckpointError,
  isHostTensor,
  type Resumable,
  type StateTree,
  UsageError,
} from '../../utils/index.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from '../types.js'

/** What `reset` may be told; each wrapper takes what concerns it. */
export interface WrapperResetOptions {
  /** Environment ids whose state starts anew; all when left out. */
  readonly data_id?: readonly number[]
  /** target: the new value of the update counter. */
  readonly target_update_count?: number
}

/** A class that `register_wrapper` takes. `config` describes the keyword arguments. */
export interface WrapperClass {
  new (model: Model, kwargs: never): ModelWrapper
  readonly config?: Schema
}

/**
 * A model seen through something that adds to its forward pass. Parameters, names, state dict and the like are the network's,
 * through any depth; wrappers that hold state of their own hand it out by `state_dict()`, the network's weights are `stateDict()`.
 */
export abstract class ModelWrapper extends Module implements Model, Resumable {
  /** The name it was wrapped by. Set by modelWrap. */
  wrapperName = 'base'

  constructor(readonly model: Model) {
    super()
  }

  abstract forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput

  /** The innermost model. */
  get network(): Model {
    return this.model instanceof ModelWrapper ? this.model.network : this.model
  }

  override *children(): Generator<[string, Module | Parameter]> {
    yield* this.model.children()
  }

  override *modules(seen: Set<Module> = new Set()): Generator<Module> {
    yield* this.model.modules(seen)
  }

  /**
   * Sets the mode of this view: the network takes it for the time of each forward through here, so that a learning and an acting
   * view can share one network. Without a call the network's own flags hold.
   */
  override train(flag = true): this {
    this.model.train(flag)
    return this
  }

  /** Inside a program: new noise for the network's noisy layers; returns how many there are. */
  resetNoise(): number {
    return resetNoise(this.network)
  }

  /** Starts the state kept per environment anew, at every wrapper of the chain. */
  reset(options: WrapperResetOptions = {}): void {
    this.resetOwn(options)
    if (this.model instanceof ModelWrapper) this.model.reset(options)
  }

  /** Moves a target network towards `source` (a `target` wrapper must be in the chain); see TargetWrapper. */
  update(source: Module, options: { readonly direct?: boolean } = {}): void {
    if (this.model instanceof ModelWrapper) this.model.update(source, options)
    else
      throw new UsageError(
        `${this.info()} has no "target" wrapper to update. Wrap the model with modelWrap(model, "target", ...).`,
      )
  }

  /** The chain from the outside in, such as `argmax_sample(base(DQN))`. */
  info(): string {
    const inner = this.model instanceof ModelWrapper ? this.model.info() : this.model.constructor.name
    return `${this.wrapperName}(${inner})`
  }

  /** The state of the chain's wrappers: counters, noise, hidden states; not the network's weights. */
  state_dict(): StateTree {
    const own: StateTree = { ...this.ownState() }
    for (const [name, parameter] of Object.entries(this.stateParameters()))
      own[name] = parameter.toHostTensor()
    const state: StateTree = { wrapper: this.wrapperName, own }
    if (this.model instanceof ModelWrapper) state['inner'] = this.model.state_dict()
    return state
  }

  /** @throws CheckpointError when the state is of another chain of wrappers. */
  load_state_dict(state: StateTree): void {
    const { wrapper, own, inner } = state
    if (
      wrapper !== this.wrapperName ||
      !isTree(own) ||
      this.model instanceof ModelWrapper !== isTree(inner)
    ) {
      throw new CheckpointError(
        `The saved wrapper state is of "${String(wrapper)}" but this chain is ${this.info()}. ` +
          'Build the policy with the configuration that it was saved with.',
      )
    }
    for (const [name, parameter] of Object.entries(this.stateParameters())) {
      const saved = own[name]
      if (!isHostTensor(saved) || saved.shape.join() !== parameter.shape.join()) {
        throw new CheckpointError(
          `The saved state of wrapper "${this.wrapperName}" has no "${name}" of shape [${parameter.shape}].`,
        )
      }
    }
    if (this.model instanceof ModelWrapper) this.model.load_state_dict(inner as StateTree)
    this.loadOwnState(own)
    for (const [name, parameter] of Object.entries(this.stateParameters())) {
      const saved = own[name]
      if (isHostTensor(saved)) parameter.set(saved.data)
    }
  }

  /** The wrapper's own arrays that programs read and assign, by name. */
  protected stateParameters(): Record<string, Parameter> {
    return {}
  }

  /** The wrapper's own counters. */
  protected ownState(): StateTree {
    return {}
  }

  protected loadOwnState(_state: StateTree): void {}
  protected resetOwn(_options: WrapperResetOptions): void {}
}

/** Delegates everything; `modelWrap` puts it directly on the network. It also keeps the train or eval mode of its view. */
export class BaseWrapper extends ModelWrapper {
  private mode: boolean | undefined

  override train(flag = true): this {
    this.mode = flag
    this.training = flag
    return this
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    if (this.mode === undefined) return this.model.forward(inputs, options)
    const flags = [...this.model.modules()].map((module) => [module, module.training] as const)
    try {
      this.model.train(this.mode)
      return this.model.forward(inputs, options)
    } finally {
      for (const [module, flag] of flags) module.training = flag
    }
  }
}

function isTree(value: unknown): value is StateTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isHostTensor(value)
}
