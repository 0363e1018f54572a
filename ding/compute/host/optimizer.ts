import {
  CheckpointError,
  type HostTensor,
  isHostTensor,
  type StateTree,
  type StateValue,
  UsageError,
} from '../../utils/index.js'
import type { Parameter } from '../parameter.js'
import { type ClipRange, GradClip, type GradClipOptions } from './grad_clip.js'
import { allocateFloats } from './memory.js'
import { mergeRanges } from './ranges.js'

const MEAN_SQUARE = 'clip_exp_avg_sq'

/** A run of parameters that lie one after another: values, gradients, and this optimizer's arrays beside them. */
export interface OptimizerRange {
  readonly data: Float32Array
  readonly grad: Float32Array
  /** The subclass' arrays, in the order of the names it gave. */
  readonly slots: readonly Float32Array[]
}

/** What a subclass tells the base about itself. */
interface OptimizerKind {
  /** Written into state dicts, and checked on loading. */
  readonly kind: string
  readonly lr: number
  /** Names of the arrays kept per parameter, as torch calls them. */
  readonly slots: readonly string[]
  readonly clip: GradClipOptions
  /** Decay of the second moment, for the `clip_momentum` ways. */
  readonly decay?: number
}

/**
 * Changes parameters by their gradients, which a program with `backward` has left in `parameter.grad`.
 *
 * Works on the longest runs of parameters that are neighbours in memory, one pass each; packing the parameters
 * (see ParameterArena) before or after construction makes that a single SIMD pass.
 */
export abstract class Optimizer {
  readonly params: readonly Parameter[]
  readonly #kind: string
  readonly #names: readonly string[]
  readonly #slotNames: readonly string[]
  readonly #clip: GradClip
  #slots: Float32Array[] = []
  /** Where each parameter's values were when the ranges were made. */
  #seen: Float32Array[] = []
  #ranges: (OptimizerRange & ClipRange)[] = []
  #steps = 0
  #lr = 0

  protected constructor(params: Iterable<Parameter>, kind: OptimizerKind) {
    this.params = [...new Set(params)]
    this.#kind = kind.kind
    this.lr = kind.lr
    const fixed = this.params.find((parameter) => !parameter.trainable)
    if (this.params.length === 0) throw new UsageError(`${kind.kind} was given no parameters.`)
    if (fixed !== undefined) {
      throw new UsageError(
        `${kind.kind} was given "${fixed.name}", which is not trainable. Pass module.parameters().`,
      )
    }
    this.#names = uniqueNames(this.params)
    this.#clip = new GradClip(kind.clip, kind.decay)
    this.#slotNames = this.#clip.keepsMeanSquare ? [...kind.slots, MEAN_SQUARE] : kind.slots
    this.#locate()
  }

  /** The learning rate of the next step. */
  get lr(): number {
    return this.#lr
  }

  set lr(value: number) {
    this.#lr = atLeastZero(this.#kind, 'lr', value)
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps
  }

  /** Clips the gradients as configured (in place), then changes every parameter once. */
  step(): void {
    if (this.params.some((parameter, i) => parameter.data !== this.#seen[i])) this.#locate()
    this.#clip.apply(this.#ranges, this.#steps)
    this.#steps += 1
    for (const range of this.#ranges) this.update(range, this.#steps)
  }

  /** One step on one run of parameters; `step` counts from 1. */
  protected abstract update(range: OptimizerRange, step: number): void

  /** Step count, learning rate, and a copy of every array under its parameter's name. */
  stateDict(): StateTree {
    const state: StateTree = {}
    let start = 0
    this.params.forEach((parameter, i) => {
      const end = start + parameter.size
      const entry: Record<string, HostTensor> = {}
      this.#slotNames.forEach((slot, j) => {
        entry[slot] = { dtype: 'float32', shape: parameter.shape, data: this.#slots[j]!.slice(start, end) }
      })
      state[this.#names[i]!] = entry
      start = end
    })
    return { optimizer: this.#kind, step: this.#steps, lr: this.#lr, state }
  }

  /** Continues bit for bit from a `stateDict()`. @throws CheckpointError when it does not fit; nothing is changed then. */
  loadStateDict(tree: StateTree): void {
    const { optimizer, step, lr, state } = tree
    if (optimizer !== this.#kind) {
      throw new CheckpointError(
        `This is the state of "${String(optimizer)}", but the optimizer is ${this.#kind}.`,
      )
    }
    if (typeof step !== 'number' || typeof lr !== 'number' || !isRecord(state)) {
      throw new CheckpointError(
        `The state of ${this.#kind} lacks "step", "lr" or "state". The checkpoint is damaged.`,
      )
    }
    const unknown = Object.keys(state).find((name) => !this.#names.includes(name))
    if (unknown !== undefined) {
      throw new CheckpointError(
        `The state of ${this.#kind} is of other parameters: it has "${unknown}", which this optimizer does not.`,
      )
    }
    const arrays = this.params.map((parameter, i) =>
      this.#arraysOf(state[this.#names[i]!], parameter, this.#names[i]!),
    )
    let start = 0
    this.params.forEach((parameter, i) => {
      arrays[i]!.forEach((array, j) => {
        this.#slots[j]!.set(array, start)
      })
      start += parameter.size
    })
    this.#steps = step
    this.lr = lr
  }

  #arraysOf(entry: StateValue | undefined, parameter: Parameter, name: string): Float32Array[] {
    return this.#slotNames.map((slot) => {
      const tensor = isRecord(entry) ? entry[slot] : undefined
      if (!isHostTensor(tensor) || !(tensor.data instanceof Float32Array)) {
        throw new CheckpointError(
          `The state of ${this.#kind} has no float32 "${slot}" for parameter "${name}". ` +
            'It was saved with other options (amsgrad, momentum, centered, grad_clip_type) or for another model.',
        )
      }
      if (tensor.shape.join() !== parameter.shape.join() || tensor.data.length !== parameter.size) {
        throw new CheckpointError(
          `"${slot}" of parameter "${name}" in the state of ${this.#kind} has shape [${tensor.shape}], ` +
            `but the parameter has [${parameter.shape}]. The checkpoint is of a model of other sizes.`,
        )
      }
      return tensor.data
    })
  }

  /** Finds the runs anew, and brings the optimizer's arrays into the parameters' chunk. */
  #locate(): void {
    this.#seen = this.params.map((parameter) => parameter.data)
    const [first] = this.#seen
    const total = this.params.reduce((sum, parameter) => sum + parameter.size, 0)
    const before = this.#slots
    if (before.length === 0 || before[0]!.buffer !== first!.buffer) {
      this.#slots = allocateFloats(
        this.#slotNames.map(() => total),
        first,
      )
      before.forEach((slot, i) => {
        this.#slots[i]!.set(slot)
      })
    }
    let start = 0
    this.#ranges = mergeRanges([this.#seen, this.params.map((parameter) => parameter.grad)]).map((range) => {
      const [data, grad] = range.arrays as [Float32Array, Float32Array]
      const slots = this.#slots.map((slot) => slot.subarray(start, start + data.length))
      start += data.length
      return { data, grad, slots, meanSquare: this.#clip.keepsMeanSquare ? slots.at(-1) : undefined }
    })
  }
}

/** A finite option of at least 0. @throws UsageError */
export function atLeastZero(kind: string, option: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new UsageError(`${kind} needs ${option} to be a number of at least 0, got ${value}.`)
  }
  return value
}

/** A decay rate in [0, 1). @throws UsageError */
export function decayRate(kind: string, option: string, value: number): number {
  if (!(value >= 0 && value < 1)) throw new UsageError(`${kind} needs ${option} in [0, 1), got ${value}.`)
  return value
}

/** Each parameter's name, with its place in front where the name is empty or not the only one of its kind. */
function uniqueNames(params: readonly Parameter[]): string[] {
  const count = new Map<string, number>()
  for (const { name } of params) count.set(name, (count.get(name) ?? 0) + 1)
  return params.map(({ name }, i) => (name !== '' && count.get(name) === 1 ? name : `${i}:${name}`))
}

function isRecord(value: StateValue | undefined): value is StateTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isHostTensor(value)
}
