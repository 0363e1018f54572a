import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import { type CQLConfig, CQLPolicy, cqlPolicyConfig, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison, FLOAT32_TOLERANCE, SMALLEST_SCALE } from './compare.js'
import { corlHelpers } from './corl_cql_helpers.js'
import { decode, type GoldenTensor, isRecord, numbersOf } from './golden.js'
import { layerNumber, linearLayers } from './layers.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import { checkTensor, type Summary } from './summary.js'
import type { FileResult } from './types.js'

type Tensors = Record<string, GoldenTensor>

/** CORL's networks by CORL's names. */
interface Networks {
  readonly actor: Tensors
  readonly critic_1: Tensors
  readonly critic_2: Tensors
  /** Where a start leaves them out: as the critics. */
  readonly target_critic_1?: Tensors
  readonly target_critic_2?: Tensors
  readonly log_alpha?: Tensors
  readonly log_alpha_prime?: Tensors
}

interface AdamSettings {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
}

interface Draw {
  readonly kind: string
  readonly low?: number
  readonly high?: number
  readonly value: GoldenTensor
}

interface GoldenCQL {
  readonly dims: { readonly obs: number; readonly act: number; readonly n_actions: number }
  readonly config: Readonly<Record<string, number | boolean | null | string>>
  readonly optimizers: Readonly<Record<string, AdamSettings>>
  readonly init: Networks
  readonly batch: Record<'obs' | 'actions' | 'rewards' | 'next_obs' | 'dones', GoldenTensor>
  readonly draws: Draw[][]
  readonly metrics: Record<string, number>[]
  readonly grads_update_1?: Partial<Networks>
  readonly snapshots: Record<string, Networks>
  /** By update and network: what rounding to float32 alone changes. */
  readonly f32_vs_f64_max_abs_diff?: Record<string, Record<string, number>>
}

/** Metrics are means of numbers of this size at least, which may cancel: float32 has no more digits of them. */
const METRIC_SCALE = 0.1
/** How many times the effect of rounding alone a network may be off, where that is more than the usual tolerance. */
const ROUNDING_MARGIN = 4
/**
 * So many rows times units, and one of these is likely so near 0 (below 1e-7) that rounding says whether relu passes it. Whatever lies before such a
 * unit has another gradient for that row then, and Adam's first steps are lr g / (|g| + eps): an entry whose gradient is as small moves by up to lr.
 */
const MANY_UNITS = 2 ** 14
/** How many times the tolerance is what it is elsewhere, then: two digits less. */
const ROUGHLY = 100

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
  const parts = golden.grads_update_1 === undefined ? [to.metrics, to.networks] : Object.values(to)
  return { cases: parts.map((part) => part.result()) }
}

type Comparisons = Record<'metrics' | 'gradients' | 'networks', Comparison>

async function replay(golden: GoldenCQL, runtime: string, compute: Compute, to: Comparisons): Promise<void> {
  const draws = new RecordedDraws()
  const model = modelOf(golden)
  const policy = new CQLPolicy(policyConfig(golden), {
    compute: withDraws(compute, draws),
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  learn.load_state_dict(initialState(learn.state_dict(), golden))
  const batch = batchOf(golden)
  for (const [index, metrics] of golden.metrics.entries()) {
    const k = index + 1
    if (index === golden.config['offline_iterations']) policy.startOnline()
    draws.push(...golden.draws[index]!.map(drawn))
    const output = (await learn.forward(batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    for (const [name, value] of Object.entries(metrics)) {
      const ours = name.startsWith('qf_loss') ? 'critic_loss' : name
      checkFrom(to.metrics, `${runtime} ${name} ${k}`, METRIC_SCALE, output[ours], Math.fround(value))
    }
    if (k === 1 && golden.grads_update_1 !== undefined) compareGradients(to.gradients, runtime, model, golden)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined)
      compareNetworks(to.networks, `${runtime} after ${k}`, learn.state_dict(), snapshot, rounding(golden, k))
  }
}

// ---- settings ----

/** Numbers of hidden layers and their width, from the names and shapes of a network's tensors. */
function sizesOf(tensors: Tensors, prefix: string): { layers: number; width: number } {
  const layers = linearLayers(tensors, new RegExp(`^${prefix}\\.(\\d+)\\.weight$`))
  return { layers: layers.length - 1, width: layers[0]!.shape[0]! }
}

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

// ---- networks ----

/** Our names of CORL's tensors of one network. */
function named(network: string, tensors: Tensors): [string, GoldenTensor][] {
  const layers = Object.keys(tensors).filter((name) => /^base_network\..*weight$/.test(name)).length
  return Object.entries(tensors).map(([name, tensor]) => {
    if (network === 'actor') {
      const ours = name
        .replace(new RegExp(`^base_network\\.${2 * (layers - 1)}\\.`), 'head.last.')
        .replace(/^base_network\./, 'trunk.')
        .replace(/^(log_std_\w+)\.constant$/, 'head.$1')
      return [`actor.${ours}`, tensor]
    }
    const which = network.endsWith('1') ? 0 : 1
    const ours = name.replace(/^network\./, `q.${which}.`)
    return [network.startsWith('target') ? ours : `critic.${ours}`, tensor]
  })
}

const ONLINE = ['actor', 'critic_1', 'critic_2'] as const
const TARGETS = ['target_critic_1', 'target_critic_2'] as const

function tensorOf(from: Tensors | undefined): HostTensor | undefined {
  const value = from?.['constant']
  return value === undefined ? undefined : { ...decode(value), shape: [1] }
}

function initialState(state: StateTree, { init }: GoldenCQL): StateTree {
  const given = new Map(ONLINE.flatMap((network) => named(network, init[network])))
  const targets = new Map(TARGETS.flatMap((network) => named(network, init[network] ?? {})))
  const filled = (part: unknown, prefix: string, first?: ReadonlyMap<string, GoldenTensor>) =>
    Object.fromEntries(
      Object.entries(part as Record<string, HostTensor>).map(([name, { shape }]) => {
        const tensor = first?.get(name) ?? given.get(prefix + name)
        if (tensor === undefined) throw new Error(`The recording has no ${prefix}${name}.`)
        return [name, { ...decode(tensor), shape }]
      }),
    )
  const started = (part: unknown, value: HostTensor | undefined) => {
    const own = part as StateTree | undefined
    return own === undefined || value === undefined || own['value'] === undefined ? own : { ...own, value }
  }
  const lagrange = started(state['lagrange'], tensorOf(init.log_alpha_prime))
  return {
    ...state,
    model: filled(state['model'], ''),
    target_model: filled(state['target_model'], 'critic.', targets),
    entropy: started(state['entropy'], tensorOf(init.log_alpha)) as StateTree,
    ...(lagrange && { lagrange }),
  }
}

/** The scale to compare a tensor of a network by: one at which the margin over rounding is the tolerance. */
function rounding(
  golden: GoldenCQL,
  update: number,
): (network: string, tensor: GoldenTensor | Summary) => number {
  const noise = golden.f32_vs_f64_max_abs_diff?.[update]
  return (network, tensor) => {
    const measured = ((noise?.[network] ?? 0) * ROUNDING_MARGIN) / FLOAT32_TOLERANCE
    return Math.max(measured, roughScale(golden, tensor))
  }
}

/** 0, but for networks of {@link MANY_UNITS}. */
function roughScale({ batch, init }: GoldenCQL, tensor: GoldenTensor | Summary): number {
  const rows = batch.obs.shape[0] as number
  if (rows * sizesOf(init.critic_1, 'network').width < MANY_UNITS) return 0
  return ROUGHLY * Math.max(largest(tensor), SMALLEST_SCALE)
}

function compareNetworks(
  to: Comparison,
  what: string,
  state: StateTree,
  networks: Networks,
  least: (network: string, tensor: GoldenTensor | Summary) => number,
): void {
  const model = state['model'] as Record<string, HostTensor>
  const target = state['target_model'] as Record<string, HostTensor>
  for (const network of ONLINE)
    for (const [name, tensor] of named(network, networks[network]))
      checkTensor(to, `${what} ${name}`, model[name]?.data, tensor, least(network, tensor))
  for (const network of TARGETS)
    for (const [name, tensor] of named(network, networks[network] ?? {}))
      checkTensor(to, `${what} target ${name}`, target[name]?.data, tensor, least(network, tensor))
  const pairs = [
    ['entropy', networks.log_alpha],
    ['lagrange', networks.log_alpha_prime],
  ] as const
  for (const [part, expected] of pairs) {
    const value = (state[part] as StateTree | undefined)?.['value'] as HostTensor | undefined
    if (value !== undefined && expected !== undefined)
      to.check(`${what} ${part}`, value.data, numbersOf(expected['constant']))
  }
}

/**
 * Gradients of the first update. In those of a critic's last layer two sums of the size of the conservative weight, over drawn actions and over
 * the data's, all but cancel: they are held to the digits of the sums, of which a tenth is left at most.
 */
function compareGradients(to: Comparison, runtime: string, model: ActorCriticModel, golden: GoldenCQL): void {
  const { grads_update_1 = {}, config } = golden
  const own = new Map(model.namedParameters())
  const weight = Number(config['cql_alpha'])
  for (const network of ONLINE) {
    const tensors = grads_update_1[network] ?? {}
    const last = Math.max(...Object.keys(tensors).map(layerNumber))
    for (const [name, tensor] of Object.entries(tensors)) {
      const [ours] = named(network, { ...golden.init[network], [name]: tensor }).find(
        ([, t]) => t === tensor,
      )!
      const parameter = own.get(ours)
      const least = network !== 'actor' && layerNumber(name) === last ? weight / 10 : 0
      const scale = Math.max(least, roughScale(golden, tensor))
      checkTensor(to, `${runtime} gradient of ${ours}`, parameter?.grad, tensor, scale)
    }
  }
}

/** The largest magnitude, of those that are written down. */
function largest(tensor: GoldenTensor | Summary): number {
  const values = 'first8' in tensor ? tensor.first8 : tensor.data
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
