import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { type BCQ, createModel } from '../../ding/model/index.js'
import { type BCQConfig, BCQPolicy, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { checkEntries, movedBy, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import { Comparison } from './compare.js'
import { actionsFor } from './eval_actions.js'
import { decode, type GoldenTensor } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import { checkTensor } from './summary.js'
import type { FileResult } from './types.js'

export type Tensors = Record<string, GoldenTensor>

/** A recorded run in our names: what both formats come to. */
export interface BCQRun {
  readonly model: Record<string, unknown>
  readonly learn: Record<string, unknown>
  /** Networks before the first update, by our names. */
  readonly initial: Tensors
  readonly batch: Batch
  readonly updates: readonly { draws: readonly GoldenTensor[]; metrics: Record<string, number> }[]
  /** Of the first update, by our names. */
  readonly grads: Tensors
  /** Values that the networks give for the batch before the first update, with its draw of the VAE. */
  readonly before: Partial<Record<'vae_mu' | 'vae_log_var' | 'vae_recons_action' | 'q0' | 'q1', GoldenTensor>>
  readonly snapshots: readonly { after: number; params: Tensors; target: Tensors }[]
  /** Actions chosen after so many updates. */
  readonly chosen: readonly { after: number; obs: HostTensor; z: GoldenTensor; action: GoldenTensor }[]
}

interface Comparisons {
  before: Comparison
  losses: Comparison
  gradients: Comparison
  networks: Comparison
  actions: Comparison
}

/** Replays a recorded run with every runtime. */
export async function bcqRun(run: BCQRun): Promise<FileResult> {
  const to: Comparisons = {
    before: new Comparison('VAE and critics before the first update'),
    losses: new Comparison('losses and targets'),
    gradients: new Comparison('gradients of the first update'),
    networks: new Comparison('networks and targets after updates'),
    actions: new Comparison('chosen actions'),
  }
  for (const { name, compute } of await runtimes()) await replay(run, name, compute, to)
  let detail: string | undefined
  if (!to.networks.result().pass && run.snapshots.length > 0 && run.updates.length > 0) {
    to.networks = new Comparison(to.networks.name)
    for (const { name, compute } of await runtimes()) {
      const rounded = await replay(run, name, compute, to, await measured(run, compute))
      detail = `${detail === undefined ? '' : `${detail}, `}${name}: rounding of gradients counts for ${rounded} entries`
    }
  }
  const empty: Partial<Record<string, boolean>> = {
    before: Object.keys(run.before).length === 0,
    gradients: Object.keys(run.grads).length === 0,
    losses: run.updates.every(({ metrics }) => Object.keys(metrics).length === 0),
    networks: run.snapshots.length === 0,
    actions: run.chosen.length === 0,
  }
  const cases = Object.entries(to).filter(([name]) => empty[name] !== true)
  return { cases: cases.map(([name, part]) => part.result(name === 'networks' ? detail : undefined)) }
}

interface Update {
  readonly k: number
  readonly metrics: Record<string, number>
  readonly out: LearnOutput
  readonly policy: BCQPolicy
  readonly model: BCQ
  readonly draws: RecordedDraws
}

/** Does the recorded updates from the weights `initial`, and shows each. */
async function updatesOf(
  run: BCQRun,
  compute: Compute,
  initial: Tensors,
  show: (update: Update) => void | Promise<void>,
): Promise<void> {
  const draws = new RecordedDraws()
  const model = modelOf(run.model, initial)
  const policy = policyOf(run, model, withDraws(compute, draws))
  for (const [index, { draws: drawn, metrics }] of run.updates.entries()) {
    const k = index + 1
    draws.push(...drawn)
    const out = (await policy.learn_mode.forward(run.batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    await show({ k, metrics, out, policy, model, draws })
  }
}

/** What rounding may do in this run. */
function measured(run: BCQRun, compute: Compute): Promise<Rounding> {
  const { learn } = policyConfig(run)
  const parts = ['critic', 'actor', 'vae'] as const
  return roundingOf(
    async (nudge) => {
      const trace: Trace[number][] = []
      await updatesOf(run, compute, nudge(run.initial), ({ policy, model }) => {
        const state = policy.learn_mode.state_dict()
        const moved = parts.flatMap((part) => {
          const named = model[part].namedParameters().map(([name, own]) => [`${part}.${name}`, own] as const)
          return movedBy(state[`optimizer_${part}`] as StateTree, named)
        })
        trace.push(new Map(moved))
      })
      return trace
    },
    { betas: learn.optimizer_betas, eps: learn.optimizer_eps, theta: learn.target_theta },
  )
}

/** Compares everything; returns how many entries of networks are beyond the tolerance, but within what rounding may do. */
async function replay(
  run: BCQRun,
  runtime: string,
  compute: Compute,
  to: Comparisons,
  rounding?: Rounding,
): Promise<number> {
  const [first] = run.updates
  if (first !== undefined && Object.keys(run.before).length > 0) {
    const draws = new RecordedDraws()
    draws.push(first.draws[0])
    const model = modelOf(run.model, run.initial)
    await compareBefore(run, model, withDraws(compute, draws), runtime, to.before)
  }
  let rounded = 0
  const beforeAll = run.chosen.filter(({ after }) => after === 0)
  if (beforeAll.length > 0) {
    const draws = new RecordedDraws()
    const policy = policyOf(run, modelOf(run.model, run.initial), withDraws(compute, draws))
    for (const { obs, z, action } of beforeAll) {
      draws.push(z)
      to.actions.check(`${runtime} before all`, await actionsFor(policy, obs), action)
    }
  }
  await updatesOf(run, compute, run.initial, async ({ k, metrics, out, policy, model, draws }) => {
    for (const [name, value] of Object.entries(metrics))
      to.losses.check(`${runtime} ${name} ${k}`, out[name], Math.fround(value))
    if (k === 1) {
      const own = new Map(model.namedParameters())
      for (const [name, tensor] of Object.entries(run.grads))
        checkTensor(to.gradients, `${runtime} ${name}`, own.get(name)?.grad, tensor)
    }
    const snapshot = run.snapshots.find(({ after }) => after === k)
    if (snapshot !== undefined) {
      const state = policy.learn_mode.state_dict()
      const compare = (what: string, ours: unknown, expected: Tensors, within?: Rounding['params']) => {
        rounded += compareAll(to.networks, what, ours, expected, within?.[k - 1])
      }
      compare(`${runtime} after ${k}`, state['model'], snapshot.params, rounding?.params)
      // The target's copy of the VAE, which nothing reads, is not kept here.
      const target = Object.entries(snapshot.target).filter(([name]) => !name.startsWith('vae.'))
      const ours = state['target_model']
      compare(`${runtime} target after ${k}`, ours, Object.fromEntries(target), rounding?.targets)
    }
    for (const { obs, z, action } of run.chosen.filter(({ after }) => after === k)) {
      draws.push(z)
      to.actions.check(`${runtime} after ${k}`, await actionsFor(policy, obs), action)
    }
  })
  return rounded
}

function compareAll(
  to: Comparison,
  what: string,
  ours: unknown,
  expected: Tensors,
  allowed?: ReadonlyMap<string, Float64Array>,
): number {
  const found = ours as Record<string, HostTensor>
  let rounded = 0
  for (const [name, tensor] of Object.entries(expected)) {
    const within = allowed?.get(name)
    if (within === undefined) checkTensor(to, `${what} ${name}`, found[name]?.data, tensor)
    else rounded += checkEntries(to, `${what} ${name}`, found[name]?.data, tensor, within)
  }
  return rounded
}

async function compareBefore(
  { before, batch }: BCQRun,
  model: BCQ,
  compute: Compute,
  runtime: string,
  to: Comparison,
): Promise<void> {
  const program = compute.program('before', (inputs: { obs: Tensor; action: Tensor }) => {
    const { mu, log_var, recons_action } = model.forward(inputs, { mode: 'compute_vae' })
    const [q0, q1] = tf.unstack(model.forward(inputs, { mode: 'compute_critic' })['q_value'] as Tensor)
    return { vae_mu: mu, vae_log_var: log_var, vae_recons_action: recons_action, q0, q1 } as Record<
      string,
      Tensor
    >
  })
  const found = await program.run({ obs: batch['obs'] as HostTensor, action: batch['action'] as HostTensor })
  program.dispose()
  for (const [name, tensor] of Object.entries(found)) {
    const expected = before[name as keyof typeof before]
    if (expected !== undefined) checkTensor(to, `${runtime} ${name}`, tensor.data, expected)
  }
}

/** Layers that choosing an action does not need, and that such cases leave out. */
const ENCODER = /^vae\.encode_(action_head|common|mu_head|logvar_head)\b/

export function modelOf(keys: Record<string, unknown>, initial: Tensors): BCQ {
  const model = createModel({ type: 'bcq', ...keys }, { random: RandomTree.fromSeed(0).stream('model') })
  const values = Object.fromEntries(Object.entries(initial).map(([name, tensor]) => [name, decode(tensor)]))
  const { missing, unexpected } = model.loadStateDict(values, { strict: false })
  const misfits = [...missing.filter((name) => !ENCODER.test(name)), ...unexpected]
  if (misfits.length > 0) throw new Error(`The recorded networks differ from ours in ${misfits.join(', ')}.`)
  return model as BCQ
}

interface Settings {
  readonly model: object
  readonly learn: object
  readonly candidates?: number
}

function policyConfig({ model, learn, candidates }: Settings): BCQConfig {
  const defaults = defaultsOf(BCQPolicy.config)
  return {
    ...defaults,
    model,
    learn: { ...defaults.learn, ...learn },
    eval: { ...defaults.eval, ...(candidates !== undefined && { candidates }) },
  } as BCQConfig
}

export function policyOf(settings: Settings, model: BCQ, compute: Compute): BCQPolicy {
  return new BCQPolicy(policyConfig(settings), {
    compute,
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
  })
}
