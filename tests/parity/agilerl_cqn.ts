import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { createModel, type Model, type ModelInput, modelWrap } from '../../ding/model/index.js'
import { type CQNConfig, CQNPolicy, cqnPolicyConfig, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { checkEntries, movedBy, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import { modelOf } from './agilerl_net.js'
import { Comparison } from './compare.js'
import { decode, decodeAt, type GoldenTensor, isGoldenTensor, isRecord, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { FileResult } from './types.js'

type Golden = Record<string, unknown>
type Parameters = Record<string, unknown>

/**
 * AgileRL's CQN, told apart by content: runs of `learn` on one batch, recorded calls of `get_action`, or learning curves, which no
 * single run can be compared with.
 */
export async function agilerlCqn(json: unknown, _fileName: string): Promise<FileResult> {
  if (!isRecord(json)) return { skipped: 'not a JSON object' }
  if (Array.isArray(json['runs']) || isRecord(json['summary'])) {
    return { skipped: 'learning curves of whole runs: compared in docs/results/cqn.md, not number by number' }
  }
  const config = json['config']
  if (!isRecord(config) || !isRecord(json['initial_params']))
    return { skipped: 'neither a learn run nor calls of get_action' }
  const obs = obsOf(json)
  if (obs === undefined) return { skipped: 'observations of another form than one tensor' }
  const recorded = isRecord(json['batch']) ? json['batch']['obs'] : json['obs']
  const raw = config['normalize_images'] !== false && isGoldenTensor(recorded) && recorded.dtype === 'uint8'
  const space = config['obs'] ?? config['observation_space']
  const model = modelOf(config['net'], obs, space, config['normalize_images'] === false ? 'as they are' : raw)
  if (typeof model === 'string') return { skipped: model }
  if (Array.isArray(json['calls'])) return actionCases(json, model)
  return isRecord(json['batch']) && Array.isArray(json['updates'])
    ? learnCases(json, config, model)
    : { skipped: 'no updates in it' }
}

function obsOf(json: Golden): HostTensor | undefined {
  const value = isRecord(json['batch']) ? json['batch']['obs'] : json['obs']
  return isGoldenTensor(value) ? decode(value) : undefined
}

// ---- learn ----

/** AgileRL's settings as those of the policy. */
function policyConfig(json: Golden, config: Golden, model: Golden): CQNConfig {
  const defaults = defaultsOf(cqnPolicyConfig)
  const optimizer = isRecord(json['optimizer']) ? json['optimizer'] : {}
  const { type = 'Adam', betas = [0.9, 0.999], weight_decay = 0 } = optimizer
  if (type !== 'Adam' || String(betas) !== '0.9,0.999' || weight_decay !== 0) {
    throw new Error(`The cqn policy has no setting for the optimizer ${JSON.stringify(optimizer)}.`)
  }
  const clip = optimizer['grad_clip_norm']
  return {
    ...defaults,
    model,
    discount_factor: Number(config['gamma']),
    double: config['double'] === true,
    learn: {
      ...defaults.learn,
      learning_rate: Number(optimizer['lr'] ?? config['lr']),
      optimizer_eps: Number(optimizer['eps'] ?? 1e-8),
      grad_clip_type: typeof clip === 'number' ? 'clip_norm' : null,
      grad_clip_value: typeof clip === 'number' ? clip : 1,
      target_theta: Number(config['tau']),
      conservative_term: 'mean',
    },
  }
}

async function learnCases(json: Golden, config: Golden, model: Golden): Promise<FileResult> {
  const cfg = policyConfig(json, config, model)
  const to = comparisons()
  for (const { name, compute } of await runtimes()) await replay(json, cfg, name, compute, to)
  if (to.weights.result().pass) return { cases: Object.values(to).map((comparison) => comparison.result()) }
  // Entries of nearly no gradient move by what Adam makes of its rounding: measure that, as for CORL's networks.
  const again = comparisons()
  for (const { name, compute } of await runtimes())
    await replay(json, cfg, name, compute, again, await measured(json, cfg, compute))
  return {
    cases: Object.values(again).map((part) =>
      part.result(part === again.weights ? 'with what rounding does to gradients' : undefined),
    ),
  }
}

function measured(json: Golden, cfg: CQNConfig, compute: Compute): Promise<Rounding> {
  const { learn } = cfg
  return roundingOf(
    async (nudge) => {
      const { model, policy } = agent(cfg, compute)
      const initial = json['initial_params'] as Record<string, GoldenTensor>
      const target = isRecord(json['initial_target_params']) ? json['initial_target_params'] : initial
      const own = policy.learn_mode
      own.load_state_dict({
        ...own.state_dict(),
        model: tensorsOf(nudge(initial)),
        target_model: tensorsOf(target),
      })
      const batch = json['batch'] as Golden
      const data = Object.fromEntries(Object.keys(batch).map((key) => [key, decodeAt(batch, key)])) as Batch
      const trace: Trace[number][] = []
      for (const _ of json['updates'] as unknown[]) {
        await own.forward(data)
        const named = model.parameters().map((p) => [p.name, p] as const)
        trace.push(new Map(movedBy(own.state_dict()['optimizer'] as StateTree, named)))
      }
      return trace
    },
    { betas: learn.optimizer_betas ?? [0.9, 0.999], eps: learn.optimizer_eps, theta: learn.target_theta },
  )
}

function comparisons(): Comparisons {
  return {
    losses: new Comparison('losses'),
    gradients: new Comparison('gradients before clipping'),
    weights: new Comparison('networks after updates'),
    values: new Comparison('action values'),
  }
}

interface Comparisons {
  readonly [part: string]: Comparison
  readonly losses: Comparison
  readonly gradients: Comparison
  readonly weights: Comparison
  readonly values: Comparison
}

interface Update {
  readonly loss: number
  readonly grad_norm_before_clip?: number
}

function agent(cfg: CQNConfig, compute: Compute): { model: Model; policy: CQNPolicy } {
  const random = RandomTree.fromSeed(0)
  const model = createModel({ type: 'agilerl_q', ...cfg.model }, { random: random.stream('model') })
  return { model, policy: new CQNPolicy(cfg, { compute, random, model, enable_field: ['learn'] }) }
}

async function replay(
  json: Golden,
  cfg: CQNConfig,
  runtime: string,
  compute: Compute,
  to: Comparisons,
  rounding?: Rounding,
): Promise<void> {
  const { model, policy } = agent(cfg, compute)
  // Clipping changes the gradients in place, so those before it come from a twin that does not clip.
  const twin = agent({ ...cfg, learn: { ...cfg.learn, grad_clip_type: null } }, compute)
  const learn = policy.learn_mode
  const online = tensorsOf(json['initial_params'])
  const target = isRecord(json['initial_target_params']) ? tensorsOf(json['initial_target_params']) : online
  learn.load_state_dict({ ...learn.state_dict(), model: online, target_model: target })
  const batch = json['batch'] as Golden
  const data = Object.fromEntries(Object.keys(batch).map((key) => [key, decodeAt(batch, key)])) as Batch
  const program = compute.program('values', ({ obs }: { obs: ModelInput }) => ({
    q: model.forward(obs)['logit'] as Tensor,
  }))
  const intermediates = isRecord(json['update1_intermediates']) ? json['update1_intermediates'] : {}
  await compareValues(to.values, runtime, program, data, intermediates)
  for (const [index, update] of (json['updates'] as Update[]).entries()) {
    const k = index + 1
    twin.policy.learn_mode.load_state_dict(learn.state_dict())
    await twin.policy.learn_mode.forward(data)
    compareGradients(
      to.gradients,
      `${runtime} update ${k}`,
      twin.model,
      k === 1 ? json['update1_grads_before_clip'] : undefined,
      update,
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
      to.values.check(`${runtime} q after ${k}`, q, snapshot['q_on_batch_obs'])
    }
  }
  program.dispose()
}

interface ValueProgram {
  run(inputs: { obs: Batch[string] }): Promise<{ q: HostTensor }>
}

async function compareValues(
  comparison: Comparison,
  runtime: string,
  program: ValueProgram,
  data: Batch,
  intermediates: Golden,
): Promise<void> {
  for (const [key, obs] of [
    ['q', data['obs']],
    ['q_next_online', data['next_obs']],
  ] as const) {
    if (!isGoldenTensor(intermediates[key])) continue
    const { q } = await program.run({ obs: obs! })
    comparison.check(`${runtime} ${key}`, q, intermediates[key])
  }
}

function compareGradients(
  comparison: Comparison,
  what: string,
  model: Model,
  expected: unknown,
  update: Update,
): void {
  const parameters = model.parameters()
  if (isRecord(expected)) {
    for (const parameter of parameters)
      comparison.check(`${what} ${parameter.name}`, parameter.grad, expected[parameter.name])
  }
  if (update.grad_norm_before_clip === undefined) return
  const squares = parameters.reduce((sum, { grad }) => grad.reduce((inner, g) => inner + g * g, sum), 0)
  comparison.check(`${what} norm`, Math.sqrt(squares), update.grad_norm_before_clip)
}

/** Recorded parameters as tensors by name; they carry our models' names. */
function tensorsOf(parameters: unknown): Record<string, HostTensor> {
  const record = parameters as Parameters
  return Object.fromEntries(Object.keys(record).map((name) => [name, decodeAt(record, name)]))
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
  for (const [name, value] of Object.entries(expected as Parameters)) {
    const tensor = tensors[name]
    const beyond = allowed?.get(name)
    if (isGoldenTensor(value) && tensor !== undefined && beyond !== undefined) {
      checkEntries(comparison, `${what} ${name}`, tensor.data as Float32Array, value, beyond)
      continue
    }
    if (isGoldenTensor(value) || tensor === undefined) {
      comparison.check(`${what} ${name}`, tensor, value)
      continue
    }
    const { sum, sumsq, first } = value as { sum: number; sumsq: number; first: unknown }
    const numbers = numbersOf(tensor)
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

// ---- get_action ----

interface Draw {
  readonly fn: string
  readonly value: unknown
}

interface Call {
  readonly epsilon: number
  readonly action_mask: unknown
  readonly draws: readonly Draw[]
  readonly action: unknown
}

/**
 * The original draws one coin for the whole batch, ours one a row: with all of ours set to it the same branch must be taken. Its
 * random actions come from draws of another kind; with a uniform number from inside the recorded action's interval ours must give
 * that action, and the action must be legal.
 */
async function actionCases(json: Golden, modelConfig: Golden): Promise<FileResult> {
  const values = new Comparison('action values')
  const greedy = new Comparison('greedy actions')
  const random = new Comparison('random actions')
  const calls = json['calls'] as Call[]
  const explores = ({ draws }: Call) => draws.length > 1
  const obs = obsOf(json)!
  const [rows] = obs.shape as [number]
  for (const { name, compute } of await runtimes()) {
    const model = createModel(
      { type: 'agilerl_q', ...modelConfig },
      { random: RandomTree.fromSeed(0).stream('model') },
    )
    model.loadStateDict(tensorsOf(json['initial_params']))
    const wrapped = modelWrap(model, 'eps_greedy_sample').eval()
    const program = compute.program(
      'act',
      ({ inputs, eps }: { inputs: { [key: string]: Tensor }; eps: Tensor }) => {
        const { logit, action } = wrapped.forward(inputs, { eps })
        return { logit: logit as Tensor, action: action as Tensor }
      },
    )
    for (const [i, call] of calls.entries()) {
      const mask = isGoldenTensor(call.action_mask) ? { action_mask: decode(call.action_mask) } : undefined
      const coin = Number(call.draws[0]?.value)
      const actions = numbersOf(call.action)
      const actionCount = Number(modelConfig['action_shape'])
      const allowed = (row: number, a: number) => mask?.action_mask.data[row * actionCount + a] ?? 1
      const picks = actions.map((action, row) => intervalMiddle(actionCount, action, (a) => allowed(row, a)))
      const draws = [vector(actions.map(() => coin)), vector(picks, [rows, 1])]
      const out = await program.run(
        { inputs: { observation: obs, ...mask }, eps: vector([call.epsilon], []) },
        { draws },
      )
      const comparison = explores(call) ? random : greedy
      comparison.check(`${name} call ${i}`, out.action, actions)
      comparison.record(`${name} call ${i}: legal`, actions.every((a, row) => allowed(row, a) > 0) ? 0 : 1)
      if (isGoldenTensor(json['q'])) values.check(`${name} q`, out.logit, json['q'])
    }
    program.dispose()
  }
  return {
    cases: [
      ...(isGoldenTensor(json['q']) ? [values.result()] : []),
      ...(calls.every(explores) ? [] : [greedy.result()]),
      ...(calls.some(explores) ? [random.result('one coin for the batch, given to every row')] : []),
    ],
  }
}

/** The middle of the part of [0, 1] from which a uniform number draws `action` among the allowed ones. */
function intervalMiddle(count: number, action: number, allowed: (a: number) => number): number {
  let [below, total] = [0, 0]
  for (let a = 0; a < count; a++) {
    if (a < action) below += allowed(a)
    total += allowed(a)
  }
  return (below + 0.5 * allowed(action)) / total
}

function vector(values: readonly number[], shape: readonly number[] = [values.length]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}
