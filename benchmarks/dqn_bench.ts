import {
  type Batch,
  type Compute,
  createCompute,
  type DQNConfig,
  DQNPolicy,
  defaultsOf,
  dqnPolicyConfig,
  type Program,
  RandomStream,
  RandomTree,
} from 'ding'
import { type Figure, timePerCall } from './measure.js'

/** A DQN policy with a plain ReLU network of the given hidden sizes, and the programs that it makes. */
function policyOf(compute: Compute, hidden: readonly [number, number]) {
  const programs: Program<unknown, unknown>[] = []
  const watched: Compute = {
    description: compute.description,
    share: () => compute.share(),
    dispose: () => compute.dispose(),
    program: (name, fn, options) => {
      const program = compute.program(name, fn, options)
      programs.push(program as unknown as Program<unknown, unknown>)
      return program
    },
  }
  const cfg: DQNConfig = {
    ...defaultsOf(dqnPolicyConfig),
    // The head adds a hidden layer of the encoder's size: two hidden layers in all.
    model: {
      obs_shape: 4,
      action_shape: 2,
      encoder_hidden_size_list: [hidden[0]],
      head_hidden_size: hidden[1],
      dueling: false,
    },
  }
  return { policy: new DQNPolicy(cfg, { compute: watched, random: RandomTree.fromSeed(0) }), programs }
}

function batchOf(rows: number): Batch {
  const random = RandomStream.fromSeed(1)
  const normal = (...shape: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: random.normal(shape.reduce((a, b) => a * b, 1)),
  })
  return {
    obs: normal(rows, 4),
    next_obs: normal(rows, 4),
    action: { dtype: 'int32', shape: [rows], data: random.integers(rows, 0, 2) },
    reward: normal(rows),
    done: {
      dtype: 'bool',
      shape: [rows],
      data: Uint8Array.from({ length: rows }, () => (random.nextFloat() < 0.05 ? 1 : 0)),
    },
  }
}

/** Updates and acting of DQN: times by name, as the PyTorch script names them. */
export async function dqnFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  for (const [hidden, batch] of [
    [64, 64],
    [256, 256],
  ] as const) {
    const { policy, programs } = policyOf(compute, [hidden, hidden])
    const { forward } = policy.learn_mode
    const data = batchOf(batch)
    const name = `dqn_${hidden}_${hidden}_batch_${batch}`
    figures.push(await timePerCall(name, 'us', hidden === 64 ? 1000 : 200, () => forward(data)))
    const info = programs.flatMap((program) => program.specialisations()).find((s) => s.nodes > 0)
    if (info !== undefined) {
      for (const [part, ms] of [
        ['trace', info.traceMs + info.lowerMs],
        ['compile', info.compileMs],
      ] as const) {
        figures.push({ name: `${name}_${part}`, unit: 'ms', value: ms, min: ms, max: ms })
      }
    }
  }
  const random = RandomStream.fromSeed(2)
  for (const envs of [1, 8, 64]) {
    const obs = Object.fromEntries(Array.from({ length: envs }, (_, i) => [i, random.normal(4)]))
    const acting = policyOf(compute, [64, 64]).policy.collect_mode
    figures.push(await timePerCall(`act_${envs}_envs`, 'us', 1000, () => acting.forward(obs, { eps: 0.1 })))
  }
  await compute.dispose()
  return figures
}
