import { resolveConfig, type Schema } from '../../../ding/config/index.js'
import type { Batch } from '../../../ding/data/index.js'
import type { Module } from '../../../ding/nn/index.js'
import type { LearnOutput, Policy, PolicyOptions } from '../../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { RecordedDraws, withDraws } from '../../parity/recorded_draws.js'
import { f32, policyOptions } from './support.js'

export const OBS = 3
export const ACTIONS = 2
export const ROWS = 6

/** scale * sin(step * k + offset), k = 0, 1, ...: numbers that a script elsewhere can make too. */
export function wave(step: number, offset: number, scale: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => scale * Math.sin(step * k + offset))
}

/** Six transitions of waves; row 1 is terminal. */
export function waveBatch(more: Record<string, unknown> = {}): Batch {
  return {
    obs: f32(wave(0.9, 0, 1, ROWS * OBS), [ROWS, OBS]),
    next_obs: f32(wave(0.9, 1, 1, ROWS * OBS), [ROWS, OBS]),
    action: f32(wave(1.7, 0.5, 0.9, ROWS * ACTIONS), [ROWS, ACTIONS]),
    reward: f32(Array.from({ length: ROWS }, (_, k) => Math.cos(k))),
    done: { dtype: 'bool', shape: [ROWS], data: Uint8Array.of(0, 1, 0, 0, 0, 0) },
    ...more,
  } as Batch
}

/** Fills every parameter with a wave whose offset is the sum of its name's character codes, mod 97. */
export function fillWaves(model: Module): void {
  for (const [name, parameter] of model.namedParameters()) {
    const offset = Array.from(name).reduce((sum, c) => sum + c.charCodeAt(0), 0) % 97
    parameter.set(Float32Array.from(wave(1.3, offset, 0.4, parameter.size)))
  }
}

/** A sum over all entries of a part of a state, in which each place counts differently. */
export function checksum(part: unknown): number {
  const tensors = Object.values(part as Record<string, HostTensor>)
  return tensors.flatMap(({ data }) => Array.from(data, (v, k) => v * Math.cos(k))).reduce((a, b) => a + b, 0)
}

interface PolicyKind<P> {
  new (cfg: never, options: PolicyOptions): P
  readonly config?: unknown
}

/** A policy on the shared runtime for {@link OBS} and {@link ACTIONS}; `given` are keys of its config. */
export async function offlinePolicy<P extends Policy>(
  kind: PolicyKind<P>,
  given: Record<string, unknown> = {},
  options: Partial<PolicyOptions> & { seed?: number } = {},
): Promise<P> {
  const { seed, ...rest } = options
  const shared = await policyOptions(undefined, seed)
  const { model = {}, ...keys } = given
  const filled = resolveConfig(kind.config as Schema, keys, 'policy') as { model?: object }
  const sizes = { obs_shape: OBS, action_shape: ACTIONS }
  const cfg = { ...filled, model: { ...filled.model, ...sizes, ...(model as object) } }
  return new kind(cfg as never, { ...shared, ...rest })
}

/** The same with recorded draws, all parameters filled with waves. */
export async function wavePolicy<P extends Policy>(
  kind: PolicyKind<P>,
  given: Record<string, unknown>,
): Promise<{ policy: P; draws: RecordedDraws }> {
  const draws = new RecordedDraws()
  const { compute } = await policyOptions()
  const policy = await offlinePolicy(kind, given, { compute: withDraws(compute, draws) })
  fillWaves((policy as unknown as { model: Module }).model)
  return { policy, draws }
}

export async function learnOnce(policy: Policy, batch: Batch = waveBatch()): Promise<LearnOutput> {
  return [await policy.learn_mode.forward(batch)].flat()[0] as LearnOutput
}

/** Two policies of which the second takes over the first's state must then go the same way. */
export async function expectResumes(
  make: () => Promise<Policy>,
  equal: (a: unknown, b: unknown) => void,
): Promise<void> {
  const [a, b] = [await make(), await make()]
  for (let i = 0; i < 3; i++) await learnOnce(a)
  await learnOnce(b, waveBatch({ reward: f32([9, 9, 9, 9, 9, 9]) }))
  await learnOnce(b)
  await learnOnce(b)
  b.learn_mode.load_state_dict(structuredClone(a.learn_mode.state_dict()) as StateTree)
  for (let i = 0; i < 2; i++) equal(await learnOnce(b), await learnOnce(a))
  equal(b.learn_mode.state_dict(), a.learn_mode.state_dict())
}

/** Observations of environments 0 ... n - 1. */
export function waveObservations(n: number): Record<number, Float32Array> {
  return Object.fromEntries(
    Array.from({ length: n }, (_, id) => [id, Float32Array.from(wave(0.7, id, 1, OBS))]),
  )
}
