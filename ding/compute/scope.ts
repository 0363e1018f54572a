import type { Tensor } from '@tensorflow/tfjs-core'
import type { DType } from '../utils/index.js'
import { UsageError } from '../utils/index.js'
import type { Parameter } from './parameter.js'

/** How a random draw is to be made; the host (or an injected recording) supplies the values. */
export type Draw =
  | { readonly kind: 'normal' | 'uniform'; readonly shape: readonly number[] }
  | {
      readonly kind: 'integers'
      readonly shape: readonly number[]
      readonly low: number
      readonly high: number
    }
  | { readonly kind: 'permutation'; readonly n: number }
  | { readonly kind: 'subset'; readonly n: number; readonly k: number }

/**
 * What a tfjs function may ask of the program that is tracing or eagerly running it.
 * One scope is active at a time; outside every program there is none.
 */
export interface ProgramScope {
  /** The tensor that stands for a parameter's (or a buffer's) present value. */
  read(parameter: Parameter): Tensor
  /** Makes `value` the parameter's value, for later reads in this function and for the host after the run. */
  write(parameter: Parameter, value: Tensor): void
  /** A random draw; float32 for normal and uniform, int32 otherwise. */
  draw(draw: Draw): Tensor
  /** Runs each loss on a gradient tape of its own and leaves the gradient of their sum in each parameter's `grad`. Returns the sum. */
  backward(parameters: readonly Parameter[], losses: readonly (() => Tensor)[]): Tensor
}

let active: ProgramScope | undefined

/** The active scope. @throws UsageError when no program is tracing or running; `what` names the thing that was asked for. */
export function currentScope(what: string): ProgramScope {
  if (active === undefined) {
    throw new UsageError(
      `${what} is only available inside a program. Wrap the function with compute.program(name, fn) and run that; ` +
        'on the host, read the typed array in parameter.data instead.',
    )
  }
  return active
}

/** True while a program's function is being traced or run eagerly. */
export function insideProgram(): boolean {
  return active !== undefined
}

/** Runs `body` with `scope` active. Scopes do not nest. */
export function withScope<T>(scope: ProgramScope, body: () => T): T {
  if (active !== undefined)
    throw new UsageError('A program cannot be run inside another program: call its function instead.')
  active = scope
  try {
    return body()
  } finally {
    active = undefined
  }
}

/** Dtype of the tensor that a draw yields. */
export function drawDType(draw: Draw): DType {
  return draw.kind === 'normal' || draw.kind === 'uniform' ? 'float32' : 'int32'
}
