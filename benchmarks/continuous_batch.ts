import { type Batch, RandomStream } from 'ding'

/** A batch of made-up transitions with continuous actions. */
export function continuousBatch(rows: number, obs: number, actions: number): Batch {
  const random = RandomStream.fromSeed(1)
  const tensor = (data: Float32Array, ...shape: number[]) => ({ dtype: 'float32' as const, shape, data })
  return {
    obs: tensor(random.normal(rows * obs), rows, obs),
    next_obs: tensor(random.normal(rows * obs), rows, obs),
    action: tensor(
      random.uniform(rows * actions).map((u) => 2 * u - 1),
      rows,
      actions,
    ),
    reward: tensor(random.normal(rows), rows),
    done: {
      dtype: 'bool',
      shape: [rows],
      data: Uint8Array.from({ length: rows }, () => (random.nextFloat() < 0.05 ? 1 : 0)),
    },
  }
}
