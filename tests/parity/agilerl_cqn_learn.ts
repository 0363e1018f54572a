// AgileRL's CQN: recorded runs of learn on one batch.
import type { Compute } from '../../ding/compute/index.js'
import type { Batch } from '../../ding/data/index.js'
import type { Model } from '../../ding/model/index.js'
import type { CQNConfig, LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { checkWithin } from './adam_rounding.js'
import { type Measured, measured } from './agilerl_cqn_rounding.js'
import {
  agent,
  batchOf,
  type Golden,
  gradientNorm,
  initialOf,
  policyConfig,
  tensorsOf,
  type ValueProgram,
  valuesOf,
} from './agilerl_cqn_run.js'
import { Comparison } from './compare.js'
import { type GoldenTensor, isGoldenTensor, isRecord, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { Summary } from './summary.js'
import type { FileResult } from './types.js'

export async function learnCases(json: Golden, config: Golden, model: Golden): Promise<FileResult> {
  const cfg = policyConfig(json, config, model)
  const to = comparisons()
  for (const { name, compute } of await runtimes()) await replay(json, cfg, name, compute, to)
  const given = Object.entries(to).filter(([name]) => isGiven(json, name))
  if (given.every(([name, part]) => name === 'losses' || part.result().pass))
    return { cases: given.map(([, part]) => part.result()) }
  // Entries of nearly no gradient move by what Adam makes of its rounding: measure that, as for CORL's networks.
  const again = comparisons()
  for (const { name, compute } of await runtimes())
    await replay(json, cfg, name, compute, again, await measured(json, cfg, compute))
  return {
    cases: given.map(([name]) =>
      again[name]!.result(name === 'losses' ? undefined : 'with what rounding does to gradients'),
    ),
  }
}

/** Whether a recording has anything of a part. */
function isGiven(json: Golden, part: string): boolean {
  const updates = json['updates'] as Update[]
  const snapshots = Object.values((json['snapshots'] ?? {}) as Record<string, Golden>)
  const { q, q_next_online } = (json['update1_intermediates'] ?? {}) as Golden
  if (part === 'gradients')
    return (
      isRecord(json['update1_grads_before_clip']) ||
      updates.some((u) => u.grad_norm_before_clip !== undefined)
    )
  if (part === 'weights') return snapshots.length > 0
  if (part === 'values')
    return [q, q_next_online, ...snapshots.map((snapshot) => snapshot['q_on_batch_obs'])].some(isGoldenTensor)
  return true
}

function comparisons(): Comparisons {
  return {
    losses: new Comparison('losses'),
    gradients: new Comparison('gradients before clipping'),
    weights: new Comparison('networks after updates'),
    values: new Comparison('action values'),
  }
}

interface Update {
  readonly loss: number
  readonly grad_norm_before_clip?: number
}

interface Comparisons {
  readonly [part: string]: Comparison
  readonly losses: Comparison
  readonly gradients: Comparison
  readonly weights: Comparison
  readonly values: Comparison
}

async function replay(
  json: Golden,
  cfg: CQNConfig,
  runtime: string,
  compute: Compute,
  to: Comparisons,
  rounding?: Measured,
): Promise<void> {
  const { model, policy } = agent(cfg, compute)
  // Clipping changes the gradients in place, so those before it come from a twin that does not clip.
  const twin = agent({ ...cfg, learn: { ...cfg.learn, grad_clip_type: null } }, compute)
  const learn = policy.learn_mode
  const { online, target } = initialOf(json)
  learn.load_state_dict({ ...learn.state_dict(), model: tensorsOf(online), target_model: tensorsOf(target) })
  const data = batchOf(json)
  const program = valuesOf(model, compute)
  const intermediates = isRecord(json['update1_intermediates']) ? json['update1_intermediates'] : {}
  await compareValues(to.values, runtime, program, data, intermediates, rounding)
  for (const [index, update] of (json['updates'] as Update[]).entries()) {
    const k = index + 1
    twin.policy.learn_mode.load_state_dict(learn.state_dict())
    await twin.policy.learn_mode.forward(data)
    compareGradients(
      to.gradients,
      `${runtime} update ${k}`,
      twin.model,
      k === 1 ? json['update1_grads_before_clip'] : undefined,
      k,
      update,
      rounding,
    )
    const output = (await learn.forward(data)) as LearnOutput
    to.losses.check(`${runtime} loss ${k}`, output['total_loss'], Math.fround(update.loss))
    if (k === 1) {
      const { cql1_loss, td_mse } = intermediates
      if (cql1_loss !== undefined)
        to.losses.check(`${runtime} conservative term`, output['conservative_loss'], cql1_loss)
      if (td_mse !== undefined) to.losses.check(`${runtime} td error`, output['td_loss'], td_mse)
    }
    const snapshot = (json['snapshots'] as Record<string, Golden> | undefined)?.[`after_${k}`]
    if (snapshot === undefined) continue
    const state = learn.state_dict()
    compareNetwork(
      to.weights,
      `${runtime} online after ${k}`,
      state['model'],
      snapshot['params'],
      rounding?.params[k - 1],
    )
    compareNetwork(
      to.weights,
      `${runtime} target after ${k}`,
      state['target_model'],
      snapshot['target_params'],
      rounding?.targets[k - 1],
    )
    if (isGoldenTensor(snapshot['q_on_batch_obs'])) {
      const { q } = await program.run({ obs: data['obs']! })
      const allowed = rounding?.values.get(`${k}`)
      checkEach(to.values, `${runtime} q after ${k}`, q.data, snapshot['q_on_batch_obs'], allowed)
    }
  }
  program.dispose()
}

async function compareValues(
  comparison: Comparison,
  runtime: string,
  program: ValueProgram,
  data: Batch,
  intermediates: Golden,
  rounding?: Measured,
): Promise<void> {
  for (const [key, obs] of [
    ['q', data['obs']],
    ['q_next_online', data['next_obs']],
  ] as const) {
    if (!isGoldenTensor(intermediates[key])) continue
    const { q } = await program.run({ obs: obs! })
    checkEach(comparison, `${runtime} ${key}`, q.data, intermediates[key], rounding?.values.get(key))
  }
}

function compareGradients(
  comparison: Comparison,
  what: string,
  model: Model,
  expected: unknown,
  k: number,
  { grad_norm_before_clip: norm }: Update,
  rounding?: Measured,
): void {
  if (isRecord(expected)) {
    for (const { name, grad } of model.parameters()) {
      const own = expected[name]
      const allowed = rounding?.gradients.get(name)
      if (own === undefined) continue
      checkWithin(comparison, `${what} ${name}`, grad, own as GoldenTensor, undefined, allowed)
    }
  }
  if (norm === undefined) return
  const expectedNorm: GoldenTensor = { shape: [1], dtype: 'float32', data: [norm] }
  checkEach(comparison, `${what} norm`, [gradientNorm(model)], expectedNorm, rounding?.norms.get(k))
}

/** Compares numbers of which each may be off by what is allowed beyond the tolerance. */
function checkEach(
  to: Comparison,
  what: string,
  numbers: ArrayLike<number>,
  expected: GoldenTensor,
  allowed: number | undefined,
): void {
  const each = allowed === undefined ? undefined : new Float64Array(numbers.length).fill(allowed)
  checkWithin(to, what, numbers, expected, undefined, each)
}

/** Parameters against tensors, or against sums of large ones. */
function compareNetwork(
  comparison: Comparison,
  what: string,
  network: unknown,
  expected: unknown,
  allowed?: ReadonlyMap<string, Float64Array>,
): void {
  const tensors = network as StateTree as Record<string, HostTensor>
  for (const [name, value] of Object.entries(expected as Golden)) {
    const tensor = tensors[name]
    const numbers = tensor && numbersOf(tensor)
    if (numbers === undefined || isGoldenTensor(value) || (isRecord(value) && 'first8' in value)) {
      checkWithin(
        comparison,
        `${what} ${name}`,
        numbers,
        value as GoldenTensor | Summary,
        undefined,
        allowed?.get(name),
      )
      continue
    }
    const { sum, sumsq, first } = value as { sum: number; sumsq: number; first: unknown }
    comparison.check(
      `${what} sum of ${name}`,
      numbers.reduce((total, x) => total + x, 0),
      sum,
    )
    comparison.check(
      `${what} squares of ${name}`,
      numbers.reduce((total, x) => total + x * x, 0),
      sumsq,
    )
    comparison.check(`${what} start of ${name}`, numbers.slice(0, numbersOf(first).length), first)
  }
}
