// What a recorded REDQ run may leave out, as Tianshou's and torch's defaults have it.
import { type GoldenTensor, isGoldenTensor, isRecord } from './golden.js'
import type { GoldenREDQ, Optimizer } from './redq_run.js'

const ADAM = { type: 'Adam', betas: [0.9, 0.999], eps: 1e-8 }
const DRAWS = ['batch_indices', 'next_eps', 'subset', 'pi_eps']

/** The run with defaults for what its file does not say, its draws in the order in which they are used. */
export function complete(given: Record<string, unknown>): GoldenREDQ {
  const golden = given as unknown as GoldenREDQ
  const { init, buffer } = golden
  const weight = (part: 'actor' | 'critic', output: string) =>
    (init[part]['preprocess.model.model.0.weight'] ?? init[part][`${output}.model.0.weight`]) as GoldenTensor
  const act = init.actor['mu.model.0.weight']!.shape[0]!
  const optimizers = isRecord(given['optimizers']) ? golden.optimizers : undefined
  const settings: Record<string, unknown> = { ...golden.config }
  const config = {
    ensemble_size: weight('critic', 'last').shape[0]!,
    subset_size: 2,
    tau: 0.005,
    gamma: 0.99,
    alpha: 0.2,
    n_step: 1,
    actor_delay: 20,
    target_mode: 'min',
    auto_alpha: optimizers?.alpha !== undefined,
    log_alpha: 0,
    target_entropy: -act,
    ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value != null)),
  } as GoldenREDQ['config']
  const optimizer = (part: 'actor' | 'critic' | 'alpha', lr: number): Optimizer => {
    const type = optimizers?.[part]?.type ?? 'Adam'
    const named = settings[`${part}_lr`]
    return {
      ...ADAM,
      lr: typeof named === 'number' ? named : lr,
      weight_decay: type === 'AdamW' ? 0.01 : 0,
      ...optimizers?.[part],
    } as Optimizer
  }
  const flags = (tensor: GoldenTensor | undefined) =>
    tensor && { ...tensor, data: tensor.data.map((value) => Number(value)) }
  return {
    ...golden,
    dims: { obs: weight('actor', 'mu').shape[1]!, act },
    config,
    optimizers: {
      actor: optimizer('actor', 1e-3),
      critic: optimizer('critic', 1e-3),
      ...(config.auto_alpha && { alpha: optimizer('alpha', 3e-4) }),
    },
    buffer: {
      ...buffer,
      terminated: flags(buffer.terminated)!,
      truncated: flags(buffer.truncated) ?? {
        ...buffer.terminated,
        data: buffer.terminated.data.map(() => 0),
      },
    },
    draws: golden.draws.map((drawn) =>
      [...drawn].sort((a, b) => DRAWS.indexOf(a.name) - DRAWS.indexOf(b.name)),
    ),
    metrics: golden.metrics.map((metrics, i) => ({
      ...metrics,
      actor_step: metrics.actor_step ?? golden.draws[i]!.some(({ name }) => name === 'pi_eps'),
    })),
    updates: golden.metrics.map((_, i) =>
      Object.fromEntries(
        Object.entries(golden.updates?.[i] ?? {}).filter(([, value]) => isGoldenTensor(value)),
      ),
    ),
    grads: golden.grads ?? {},
    snapshots: golden.snapshots ?? {},
  }
}
