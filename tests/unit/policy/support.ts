import * as tf from '@tensorflow/tfjs-core'
import { afterAll } from 'vitest'
import { type Compute, createCompute, Parameter, RandomTree } from '../../../ding/compute/index.js'
import type { Batch } from '../../../ding/data/index.js'
import { type Model, type ModelInput, type ModelOutput, splitMask } from '../../../ding/model/index.js'
import { Module } from '../../../ding/nn/index.js'

let started: Promise<Compute> | undefined

/** One compiled runtime for the tests of a file. */
export function sharedCompute(): Promise<Compute> {
  started ??= createCompute()
  return started
}

afterAll(async () => {
  await (await started)?.dispose()
  started = undefined
})

/** Options of a policy on the shared runtime. */
export async function policyOptions(model?: Model, seed = 0) {
  return { compute: await sharedCompute(), random: RandomTree.fromSeed(seed), ...(model && { model }) }
}

/** Values in a table: observation i (a row number) has the values of row i. Shape [rows, actions, ...]. */
export class Table extends Module implements Model {
  readonly table: Parameter

  constructor(
    readonly shape: readonly number[],
    values: readonly number[],
    readonly quantiles = false,
  ) {
    super()
    this.table = new Parameter([...shape], true, Float32Array.from(values))
  }

  forward(inputs: ModelInput): ModelOutput {
    const { obs, mask } = splitMask(inputs, false)
    const rows = tf.cast(tf.reshape(obs as tf.Tensor, [-1]), 'int32') as tf.Tensor1D
    const picked = tf.gather(this.table.value, rows)
    const masked: ModelOutput = mask === undefined ? {} : { action_mask: mask }
    if (!this.quantiles) return { logit: picked, ...masked }
    const n = this.shape[2] as number
    const tau = tf.tile(tf.reshape(tf.linspace(0.5 / n, 1 - 0.5 / n, n), [1, n, 1]), [rows.size, 1, 1])
    return { logit: tf.mean(picked, -1), q: picked, tau, ...masked }
  }
}

export function f32(values: readonly number[], shape: readonly number[] = [values.length]) {
  return { dtype: 'float32' as const, shape, data: Float32Array.from(values) }
}

export function i32(values: readonly number[], shape: readonly number[] = [values.length]) {
  return { dtype: 'int32' as const, shape, data: Int32Array.from(values) }
}

/** Transitions between numbered observations. */
export function batchOf(
  rows: readonly { obs: number; action: number; reward: number; next: number; done?: boolean }[],
): Batch {
  return {
    obs: f32(rows.map((row) => row.obs)),
    next_obs: f32(rows.map((row) => row.next)),
    action: i32(rows.map((row) => row.action)),
    reward: f32(rows.map((row) => row.reward)),
    done: {
      dtype: 'bool',
      shape: [rows.length],
      data: Uint8Array.from(rows, (row) => Number(row.done ?? false)),
    },
  }
}

export const logSumExp = (values: readonly number[]) =>
  Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0))

export const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length

/** The tensors of a network's part of a state. */
export function network(state: unknown, part: string): Record<string, { data: Float32Array }> {
  return (state as Record<string, Record<string, { data: Float32Array }>>)[part] as Record<
    string,
    { data: Float32Array }
  >
}
