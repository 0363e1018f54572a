import type { Tensor } from '@tensorflow/tfjs-core'
import type { HostTensor } from '../utils/index.js'
import { sizeOf, UsageError } from '../utils/index.js'
import { currentScope } from './scope.js'

/**
 * A named float32 array that programs read and optimizers change: a weight (`trainable`) or a piece of state such as a
 * running statistic (not trainable). It starts with memory of its own; packing it into an arena moves it there.
 */
export class Parameter {
  #data: Float32Array
  #grad: Float32Array | undefined

  constructor(
    readonly shape: readonly number[],
    readonly trainable: boolean,
    data?: Float32Array,
    public name = '',
  ) {
    const size = sizeOf(shape)
    if (data !== undefined && data.length !== size) {
      throw new UsageError(`Parameter ${name} of shape [${shape}] needs ${size} values, got ${data.length}.`)
    }
    this.#data = data ?? new Float32Array(size)
  }

  get size(): number {
    return this.#data.length
  }

  /** The values on the host. A live view: writing into it changes the parameter. Ask anew after packing. */
  get data(): Float32Array {
    return this.#data
  }

  /** The gradient that the last program with `backward` over this parameter left. A live view. */
  get grad(): Float32Array {
    this.#grad ??= new Float32Array(this.#data.length)
    return this.#grad
  }

  /** Inside a program: the tensor of this parameter's present value. */
  get value(): Tensor {
    return currentScope(`The value of parameter "${this.name}"`).read(this)
  }

  /** Inside a program: gives the parameter a new value, seen by later reads and written back after the run. */
  assign(value: Tensor): void {
    currentScope(`Assigning parameter "${this.name}"`).write(this, value)
  }

  /** On the host: copies values in. @throws UsageError when the length differs. */
  set(values: ArrayLike<number>): void {
    if (values.length !== this.#data.length) {
      throw new UsageError(
        `Parameter "${this.name}" of shape [${this.shape}] takes ${this.#data.length} values, got ${values.length}.`,
      )
    }
    this.#data.set(values)
  }

  /** A copy of the values, for checkpoints. */
  toHostTensor(): HostTensor<Float32Array> {
    return { dtype: 'float32', shape: this.shape, data: this.#data.slice() }
  }

  /** Moves values and gradient into the given memory, keeping both. Called by the arena. */
  moveTo(data: Float32Array, grad: Float32Array): void {
    data.set(this.#data)
    if (this.#grad !== undefined) grad.set(this.#grad)
    this.#data = data
    this.#grad = grad
  }
}
