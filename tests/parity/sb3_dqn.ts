import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import { createModel } from '../../ding/model/index.js'
import { type DQNConfig, DQNPolicy, type LearnMode, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { isRecord } from './golden.js'
import { runtimes } from './runtimes.js'
import {
  type Columns,
  compareBatches,
  learnBatch,
  matrix,
  type Nested,
  type RecordedDraw,
  type Replay,
  type Weights,
} from './sb3_replay.js'
import type { CaseResult, FileResult } from './types.js'

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
  readonly draws: { draws: RecordedDraw[] }[]
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
    const output = (await learn.forward(learnBatch(golden, index, true))) as LearnOutput
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
