import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { createModel } from '../../ding/model/index.js'
import { type DQNConfig, DQNPolicy, type LearnMode, type LearnOutput } from '../../ding/policy/index.js'
import { get_nstep_return_data } from '../../ding/rl_utils/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { isRecord, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult } from './types.js'

type Nested = number | Nested[]
/** A network as torch's state dict: names such as `q_net.0.weight` to nested lists. */
type Weights = Record<string, Nested>

interface Columns {
  readonly observations: number[][]
  readonly actions: number[][]
  readonly next_observations: number[][]
  readonly dones: number[][]
  readonly rewards: number[][]
  readonly discounts?: number[][]
}

interface Replay {
  readonly pos: number
  readonly full: boolean
  readonly n_envs: number
  readonly observations: number[][][]
  readonly next_observations: number[][][]
  readonly actions: number[][][]
  readonly rewards: number[][]
  readonly dones: number[][]
  readonly timeouts: number[][]
}

interface GoldenDQN {
  readonly config: {
    gamma: number
    tau: number
    n_steps: number
    max_grad_norm: number | null
    net_arch: number[]
    activation_fn: string
  }
  readonly optimizers: {
    q_net: { type: string; lr: number; betas: number[]; eps: number; weight_decay: number; amsgrad: boolean }
  }
  readonly initial: { q_net: Weights; q_net_target: Weights }
  readonly replay?: Replay
  readonly draws: { draws: { op: string; values: number[] }[] }[]
  readonly batches: Columns[]
  readonly steps: { target_synced_before_train: boolean; loss: number }[]
  readonly snapshots: Record<string, { q_net: Weights; q_net_target: Weights }>
  readonly probe_input?: { obs: number[][] }
  readonly probes?: Record<string, { q_values: number[][]; q_values_target: number[][] }>
  /** torch's Adam state at the end of the run. */
  readonly adam_after_6?: { q_net: Record<string, { exp_avg: Nested; exp_avg_sq: Nested }> }
}

const needed = ['config', 'optimizers', 'initial', 'batches', 'steps', 'snapshots'] as const

/**
 * Stable-Baselines3's DQN: its recorded batches through our `dqn` policy, from the same weights. Losses, both networks and
 * their answers to probes must come out the same.
 */
export async function sb3Dqn(json: unknown, _fileName: string): Promise<FileResult> {
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key]))) {
    return { skipped: `not a DQN run: needs ${needed.join(', ')}` }
  }
  const golden = json as unknown as GoldenDQN
  const { type, betas, weight_decay, amsgrad } = golden.optimizers.q_net
  if (type !== 'Adam' || betas[0] !== 0.9 || betas[1] !== 0.999 || weight_decay !== 0 || amsgrad) {
    return {
      skipped: `the dqn policy has no setting for this optimizer: ${JSON.stringify(golden.optimizers.q_net)}`,
    }
  }
  const cases: CaseResult[] = []
  if (golden.replay !== undefined) cases.push(compareBatches(golden, golden.replay))
  const losses = new Comparison('losses')
  const weights = new Comparison('networks after updates')
  const answers = new Comparison('answers to probes')
  const moments = new Comparison('moments of Adam')
  for (const { name, compute } of await runtimes())
    await replayRun(golden, name, compute, { losses, weights, answers, moments })
  cases.push(losses.result(), weights.result())
  if (golden.probes !== undefined) cases.push(answers.result())
  if (golden.adam_after_6 !== undefined) cases.push(moments.result())
  return { cases }
}

interface Comparisons {
  readonly losses: Comparison
  readonly weights: Comparison
  readonly answers: Comparison
  readonly moments: Comparison
}

async function replayRun(
  golden: GoldenDQN,
  runtime: string,
  compute: Compute,
  to: Comparisons,
): Promise<void> {
  const model = createModel(modelConfig(golden), { random: RandomTree.fromSeed(0).stream('model') })
  const policy = new DQNPolicy(policyConfig(golden), {
    compute,
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  setNetworks(learn, golden.initial.q_net, golden.initial.q_net_target)
  const program = compute.program('probe', ({ obs }: { obs: Tensor }) => ({
    q: model.forward(obs)['logit'] as Tensor,
  }))
  for (const [index, step] of golden.steps.entries()) {
    const k = index + 1
    if (step.target_synced_before_train) syncTarget(learn, golden.config.tau)
    const output = (await learn.forward(learnBatch(golden, index))) as LearnOutput
    to.losses.check(`${runtime} loss ${k}`, output['total_loss'], Math.fround(step.loss))
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined) {
      const state = learn.state_dict()
      compareNetwork(to.weights, `${runtime} q_net after ${k}`, state['model'], snapshot.q_net)
      compareNetwork(
        to.weights,
        `${runtime} q_net_target after ${k}`,
        state['target_model'],
        snapshot.q_net_target,
      )
    }
    const probe = golden.probes?.[k]
    if (probe !== undefined && golden.probe_input !== undefined) {
      const answer = await program.run({ obs: matrix(golden.probe_input.obs) })
      to.answers.check(`${runtime} q_values after ${k}`, answer.q, probe.q_values)
    }
  }
  if (golden.adam_after_6 !== undefined) {
    compareMoments(to.moments, runtime, learn.state_dict()['optimizer'], golden.adam_after_6.q_net)
  }
  program.dispose()
}

/** Second moments by their root: they are squares, and Adam divides by the root. */
function compareMoments(
  comparison: Comparison,
  runtime: string,
  optimizer: unknown,
  expected: NonNullable<GoldenDQN['adam_after_6']>['q_net'],
): void {
  const states = Object.values((optimizer as { state: Record<string, Record<string, HostTensor>> }).state)
  const part = (key: 'exp_avg' | 'exp_avg_sq') =>
    linearTensors(Object.fromEntries(Object.entries(expected).map(([name, state]) => [name, state[key]])))
  part('exp_avg').forEach((tensor, i) => {
    comparison.check(`${runtime} exp_avg ${i}`, states[i]?.['exp_avg'], tensor)
  })
  part('exp_avg_sq').forEach((tensor, i) => {
    comparison.check(
      `${runtime} exp_avg_sq ${i}`,
      states[i]?.['exp_avg_sq']?.data.map(Math.sqrt),
      tensor.data.map(Math.sqrt),
    )
  })
}

function modelConfig({ config, initial }: GoldenDQN): Parameters<typeof createModel>[0] & { type: string } {
  const layers = linearTensors(initial.q_net)
  return {
    type: 'dqn',
    obs_shape: layers[0]!.shape[1]!,
    action_shape: layers.at(-1)!.shape[0]!,
    encoder_hidden_size_list: config.net_arch,
    head_layer_num: 0,
    dueling: false,
    activation: config.activation_fn.toLowerCase(),
  }
}

/** SB3's update as settings of the policy. The target is synced by the test, as recorded, so the policy must not do it. */
function policyConfig({ config, optimizers, replay }: GoldenDQN): DQNConfig {
  const defaults = defaultsOf(DQNPolicy.config)
  return {
    ...defaults,
    model: {},
    discount_factor: config.gamma,
    nstep: replay === undefined ? 1 : config.n_steps,
    double: false,
    learn: {
      ...defaults.learn,
      learning_rate: optimizers.q_net.lr,
      optimizer_eps: optimizers.q_net.eps,
      criterion: 'smooth_l1',
      grad_clip_type: config.max_grad_norm === null ? null : 'clip_norm',
      grad_clip_value: config.max_grad_norm ?? defaults.learn.grad_clip_value,
      target_update_freq: 1_000_000,
    },
  }
}

/** The tensors of a network in order of its layers, each weight before its bias. */
function linearTensors(weights: Weights): HostTensor<Float32Array>[] {
  const place = (name: string) => Number(/\d+/.exec(name)?.[0] ?? 0) * 2 + (name.endsWith('weight') ? 0 : 1)
  return Object.keys(weights)
    .sort((a, b) => place(a) - place(b))
    .map((name) => matrix(weights[name]!))
}

function shapeOf(nested: Nested): number[] {
  return Array.isArray(nested) ? [nested.length, ...(nested.length > 0 ? shapeOf(nested[0]!) : [])] : []
}

function matrix(nested: Nested): HostTensor<Float32Array> {
  return { dtype: 'float32', shape: shapeOf(nested), data: Float32Array.from(numbersOf(nested)) }
}

type Network = Record<string, HostTensor>

function setNetworks(learn: LearnMode, online: Weights, target: Weights): void {
  const state = learn.state_dict()
  const fill = (part: unknown, weights: Weights): StateTree => {
    const tensors = linearTensors(weights)
    const names = Object.keys(part as Network)
    if (names.length !== tensors.length)
      throw new Error(`The model has ${names.length} tensors, the recorded one ${tensors.length}.`)
    return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
  }
  learn.load_state_dict({
    ...state,
    model: fill(state['model'], online),
    target_model: fill(state['target_model'], target),
  })
}

/** target <- (1 - tau) target + tau online, by order of tensors. */
function syncTarget(learn: LearnMode, tau: number): void {
  const state = learn.state_dict()
  const online = Object.values(state['model'] as Network)
  const target = Object.entries(state['target_model'] as Network).map(([name, tensor], i) => {
    const data = Float32Array.from(tensor.data, (value, j) => (1 - tau) * value + tau * online[i]!.data[j]!)
    return [name, { ...tensor, data }] as const
  })
  learn.load_state_dict({ ...state, target_model: Object.fromEntries(target) })
}

function compareNetwork(comparison: Comparison, what: string, network: unknown, expected: Weights): void {
  const tensors = Object.values(network as Network)
  linearTensors(expected).forEach((tensor, i) => {
    comparison.check(`${what}, tensor ${i}`, tensors[i], tensor)
  })
}

/** The batch of update `index`: rebuilt from the replay by our own n-step code where there is one, else as recorded. */
function learnBatch(golden: GoldenDQN, index: number): Batch {
  const recorded = golden.batches[index]!
  const obs = matrix(recorded.observations)
  const action: HostTensor = {
    dtype: 'int32',
    shape: [obs.shape[0]!],
    data: Int32Array.from(recorded.actions.flat()),
  }
  if (golden.replay !== undefined) {
    const rows = rebuiltRows(golden, golden.replay, index)
    return { obs, action, ...columns(rows) }
  }
  const flat = (values: number[][]): HostTensor => matrix(values.flat())
  return {
    obs,
    action,
    next_obs: matrix(recorded.next_observations),
    reward: flat(recorded.rewards),
    done: flat(recorded.dones),
    ...(recorded.discounts && { value_gamma: flat(recorded.discounts) }),
  }
}

interface Row {
  readonly [key: string]: unknown
  readonly next_obs: Float32Array
  readonly reward: number | Float32Array
  readonly done: boolean
  readonly value_gamma?: number
}

function columns(rows: readonly Row[]): Batch {
  const first = rows[0]!
  return {
    next_obs: matrix(rows.map((row) => Array.from(row.next_obs))),
    reward: matrix(rows.map((row) => (typeof row.reward === 'number' ? row.reward : Array.from(row.reward)))),
    done: { dtype: 'bool', shape: [rows.length], data: Uint8Array.from(rows, (row) => Number(row.done)) },
    ...(first.value_gamma !== undefined && { value_gamma: matrix(rows.map((row) => row.value_gamma!)) }),
  }
}

/** The rows that update `index` drew, from each environment's stretch of the replay through get_nstep_return_data. */
function rebuiltRows(golden: GoldenDQN, replay: Replay, index: number): Row[] {
  const size = replay.observations.length
  const oldest = replay.full ? replay.pos : 0
  const draws = golden.draws[index]!.draws.map((draw) => draw.values)
  const perEnv = Array.from({ length: replay.n_envs }, (_, env) =>
    get_nstep_return_data(
      Array.from({ length: replay.full ? size : replay.pos }, (_, i): Row => {
        const at = (oldest + i) % size
        const timeout = replay.timeouts[at]![env] === 1
        return {
          next_obs: Float32Array.from(replay.next_observations[at]![env]!),
          reward: Math.fround(replay.rewards[at]![env]!),
          done: replay.dones[at]![env] === 1 && !timeout,
          truncated: timeout,
        }
      }),
      golden.config.n_steps,
      { gamma: golden.config.gamma },
    ),
  )
  return draws[0]!.map((drawn, i) => perEnv[draws[1]?.[i] ?? 0]![(drawn - oldest + size) % size]!)
}

/** Our n-step transitions of the recorded replay against the batches that SB3's buffer gave. */
function compareBatches(golden: GoldenDQN, replay: Replay): CaseResult {
  const { gamma } = golden.config
  const comparison = new Comparison('n-step batches from the replay')
  golden.batches.forEach((batch, index) => {
    const rows = rebuiltRows(golden, replay, index)
    const sum = (reward: Row['reward']) =>
      typeof reward === 'number' ? reward : reward.reduce((total, r, j) => total + gamma ** j * r, 0)
    comparison.check(
      `batch ${index} rewards`,
      rows.map((row) => sum(row.reward)),
      batch.rewards,
    )
    comparison.check(
      `batch ${index} dones`,
      rows.map((row) => row.done),
      batch.dones,
    )
    comparison.check(
      `batch ${index} next_observations`,
      rows.map((row) => row.next_obs),
      batch.next_observations,
    )
    if (batch.discounts !== undefined) {
      comparison.check(
        `batch ${index} discounts`,
        rows.map((row) => row.value_gamma ?? gamma),
        batch.discounts,
      )
    }
  })
  return comparison.result()
}
