import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import { type CQLConfig, CQLPolicy, cqlPolicyConfig, type LearnOutput } from '../../ding/policy/index.js'
import type { StateTree } from '../../ding/utils/index.js'
import { movedBy, type Rounding, roundingOf, type Trace } from './adam_rounding.js'
import { Comparison } from './compare.js'
import type { AdamSettings, Draw, GoldenCQL, Networks } from './corl_cql_golden.js'
import { corlHelpers } from './corl_cql_helpers.js'
import { compareGradients, compareNetworks, initialState, scalesOf, sizesOf } from './corl_cql_networks.js'
import { decode, isRecord, numbersOf } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import type { FileResult } from './types.js'

/** Metrics are means of numbers of this size at least, which may cancel: float32 has no more digits of them. */
const METRIC_SCALE = 0.1
/** Compares by a scale of `least` at least. */
function checkFrom(to: Comparison, what: string, least: number, found: unknown, expected: unknown): void {
  if (found === undefined) to.check(what, found, expected)
  else to.check(what, [...numbersOf(found), least], [...numbersOf(expected), least])
}

const needed = ['dims', 'config', 'optimizers', 'init', 'batch', 'draws', 'metrics', 'snapshots'] as const

/** CORL's CQL, offline and finetune: recorded updates on one batch, or its helper functions. */
export async function corlCql(json: unknown): Promise<FileResult> {
  if (isRecord(json) && isRecord(json['modify_reward'])) return corlHelpers(json)
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key])))
    return { skipped: `not a run of CQL: needs ${needed.join(', ')}` }
  const golden = json as unknown as GoldenCQL
  for (const [name, settings] of Object.entries(golden.optimizers)) {
    if (settings.type !== 'Adam' || settings.weight_decay !== 0 || settings.amsgrad)
      return { skipped: `cql has no setting for the optimizer of ${name}: ${JSON.stringify(settings)}` }
  }
  const to: Comparisons = {
    metrics: new Comparison('metrics'),
    gradients: new Comparison('gradients'),
    networks: new Comparison('networks after updates'),
  }
  for (const { name, compute } of await runtimes()) await replay(golden, name, compute, to)
  let detail: string | undefined
  if (!to.gradients.result().pass || !to.networks.result().pass) {
    to.gradients = new Comparison(to.gradients.name)
    to.networks = new Comparison(to.networks.name)
    for (const { name, compute } of await runtimes())
      await replay(golden, name, compute, to, await measured(golden, compute))
    detail = 'with what rounding does to gradients'
  }
  const parts = golden.grads_update_1 === undefined ? [to.metrics, to.networks] : Object.values(to)
  return { cases: parts.map((part) => part.result(part === to.metrics ? undefined : detail)) }
}

type Comparisons = Record<'metrics' | 'gradients' | 'networks', Comparison>

interface Update {
  readonly k: number
  readonly metrics: Record<string, number>
  readonly output: LearnOutput
  readonly state: StateTree
  readonly model: ActorCriticModel
}

/** Does the recorded updates from the networks `init`, and shows each. */
async function updatesOf(
  golden: GoldenCQL,
  compute: Compute,
  init: Networks,
  show: (update: Update) => void,
): Promise<void> {
  const draws = new RecordedDraws()
  const model = modelOf(golden)
  const policy = new CQLPolicy(policyConfig(golden), {
    compute: withDraws(compute, draws),
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  learn.load_state_dict(initialState(learn.state_dict(), init))
  const batch = batchOf(golden)
  for (const [index, metrics] of golden.metrics.entries()) {
    const k = index + 1
    if (index === golden.config['offline_iterations']) policy.startOnline()
    draws.push(...golden.draws[index]!.map(drawn))
    const output = (await learn.forward(batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    show({ k, metrics, output, state: learn.state_dict(), model })
  }
}

/** What rounding may do in this run. */
function measured(golden: GoldenCQL, compute: Compute): Promise<Rounding> {
  const { learn } = policyConfig(golden)
  return roundingOf(
    async (nudge) => {
      const { actor, critic_1, critic_2 } = golden.init
      const nudged = { actor: nudge(actor), critic_1: nudge(critic_1), critic_2: nudge(critic_2) }
      const trace: Trace[number][] = []
      await updatesOf(golden, compute, { ...golden.init, ...nudged }, ({ state, model }) => {
        const moved = (['actor', 'critic'] as const).flatMap((part) => {
          const named = model[part].namedParameters().map(([name, own]) => [`${part}.${name}`, own] as const)
          return movedBy(state[`optimizer_${part}`] as StateTree, named)
        })
        trace.push(new Map(moved))
      })
      return trace
    },
    {
      betas: learn.optimizer_betas,
      eps: learn.optimizer_eps,
      theta: learn.target_theta,
      period: learn.target_update_period,
    },
  )
}

async function replay(
  golden: GoldenCQL,
  runtime: string,
  compute: Compute,
  to: Comparisons,
  rounding?: Rounding,
): Promise<void> {
  await updatesOf(golden, compute, golden.init, ({ k, metrics, output, state, model }) => {
    for (const [name, value] of Object.entries(metrics)) {
      const ours = name.startsWith('qf_loss') ? 'critic_loss' : name
      checkFrom(to.metrics, `${runtime} ${name} ${k}`, METRIC_SCALE, output[ours], Math.fround(value))
    }
    if (k === 1 && golden.grads_update_1 !== undefined)
      compareGradients(to.gradients, runtime, model, golden, rounding?.gradients)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined)
      compareNetworks(to.networks, `${runtime} after ${k}`, state, snapshot, scalesOf(golden, k), {
        params: rounding?.params[k - 1],
        targets: rounding?.targets[k - 1],
      })
  })
}

// ---- settings ----

function modelOf({ init, dims, config }: GoldenCQL): ActorCriticModel {
  const actor = sizesOf(init.actor, 'base_network')
  const [first, second] = [sizesOf(init.critic_1, 'network'), sizesOf(init.critic_2, 'network')]
  return createModel(
    {
      type: 'cql',
      obs_shape: dims.obs,
      action_shape: dims.act,
      actor_head_hidden_size: actor.width,
      actor_n_hidden_layers: actor.layers,
      critic_head_hidden_size: first.width,
      q_n_hidden_layers: first.layers,
      q2_n_hidden_layers: second.layers,
      max_action: config['max_action'] ?? 1,
    },
    { random: RandomTree.fromSeed(0).stream('model') },
  ) as ActorCriticModel
}

function policyConfig({ config, optimizers, dims }: GoldenCQL): CQLConfig {
  const defaults = defaultsOf(cqlPolicyConfig)
  const critic = optimizers['critic_1'] as AdamSettings
  const actor = optimizers['actor'] as AdamSettings
  const given: Partial<CQLConfig['learn']> = {
    discount_factor: config['discount'] as number,
    alpha_multiplier: config['alpha_multiplier'] as number,
    auto_alpha: config['use_automatic_entropy_tuning'] as boolean,
    backup_entropy: config['backup_entropy'] as boolean,
    learning_rate_policy: actor.lr,
    learning_rate_alpha: optimizers['log_alpha']?.lr ?? actor.lr,
    learning_rate_q: critic.lr,
    optimizer_betas: critic.betas,
    optimizer_eps: critic.eps,
    target_theta: config['soft_target_update_rate'] as number,
    target_update_period: config['target_update_period'] as number,
    num_actions: (config['cql_n_actions'] ?? dims.n_actions) as number,
    cql_importance_sample: config['cql_importance_sample'] as boolean,
    with_lagrange: config['cql_lagrange'] as boolean,
    lagrange_thresh: config['cql_target_action_gap'] as number,
    cql_temp: config['cql_temp'] as number,
    min_q_weight: config['cql_alpha'] as number,
    cql_alpha_online: (config['cql_alpha_online'] ?? null) as number | null,
    cql_max_target_backup: config['cql_max_target_backup'] as boolean,
    cql_clip_diff_min: (config['cql_clip_diff_min'] ?? Number.NEGATIVE_INFINITY) as number,
    cql_clip_diff_max: (config['cql_clip_diff_max'] ?? Number.POSITIVE_INFINITY) as number,
    bc_steps: config['bc_steps'] as number,
    target_entropy: config['target_entropy'] as number,
    corl_bc_log_prob: true,
    corl_uniform_actions: true,
  }
  // What the recording leaves out has CORL's default, which is ours.
  const learn = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act, max_action: config['max_action'] ?? 1 },
    learn: { ...defaults.learn, ...learn },
  } as CQLConfig
}

/** A draw as the program's generator gives it: uniform numbers in [0, 1). */
function drawn({ kind, low = 0, high = 1, value }: Draw): number[] {
  const numbers = numbersOf(value)
  return kind === 'uniform' ? numbers.map((x) => (x - low) / (high - low)) : numbers
}

function batchOf({ batch }: GoldenCQL): Batch {
  const dones = decode(batch.dones)
  return {
    obs: decode(batch.obs),
    action: decode(batch.actions),
    reward: { ...decode(batch.rewards), shape: [dones.data.length] },
    next_obs: decode(batch.next_obs),
    done: { dtype: 'bool', shape: [dones.data.length], data: Uint8Array.from(dones.data) },
  }
}
