import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, type RandomStream, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import { createModel, type Model } from '../../ding/model/index.js'
import { type DQNConfig, DQNPolicy, type LearnMode, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
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
import {
  adamSettings,
  hasParts,
  type OptimizerSettings,
  unreadOptions,
  withoutBlanks,
} from './sb3_settings.js'
import { type Course, compareRuns, movedTensor, type Reading, Readings } from './sb3_shadows.js'
import { activationOf } from './torch_activation.js'
import type { CaseResult, FileResult } from './types.js'

interface Networks {
  readonly q_net: Weights
  readonly q_net_target: Weights
}

interface Moments {
  readonly q_net: Record<string, { exp_avg: Nested; exp_avg_sq: Nested }>
}

interface Probe {
  readonly q_values: number[][]
}

interface GoldenDQN {
  readonly config: {
    gamma: number
    tau: number
    n_steps?: number
    /** Absent: SB3's default, 10. */
    max_grad_norm?: number | null
    net_arch: number[]
    activation_fn: string
  }
  readonly optimizers: { q_net: OptimizerSettings }
  readonly initial: Networks
  readonly replay?: Replay
  readonly draws: { draws: RecordedDraw[] }[]
  readonly batches: Columns[]
  readonly steps: { target_synced_before_train: boolean; loss: number }[]
  readonly snapshots: Record<string, Networks>
  readonly probe_input?: { obs: number[][] }
  readonly probe_initial?: Probe
  readonly probes?: Record<string, Probe>
  /** Of the optimizer's step, after clipping. */
  readonly grads?: Record<string, { q_net?: Weights }>
  /** `adam_after_<updates>`: torch's Adam state then. */
  readonly [moments: `adam_after_${number}`]: Moments | undefined
}

const needed = ['config', 'optimizers', 'initial', 'draws', 'batches', 'steps', 'snapshots'] as const

class Comparisons {
  readonly losses = new Comparison('losses')
  readonly weights = new Comparison('networks after updates')
  readonly gradients = new Comparison('gradients')
  readonly answers = new Comparison('answers to probes')
  readonly moments = new Comparison('moments of Adam')
}

/**
 * Stable-Baselines3's DQN: its recorded batches through our `dqn` policy, from the same weights. Losses, both networks and
 * their answers to probes must come out the same.
 */
export async function sb3Dqn(file: unknown, _fileName: string): Promise<FileResult> {
  const json = withoutBlanks(file)
  if (!hasParts(json, needed)) return { skipped: `not a DQN run: needs ${needed.join(', ')}` }
  const golden = json as unknown as GoldenDQN
  const unread = unreadOptions({ ...golden.config }, ['max_grad_norm', 'target_update_interval'])
  const cases: CaseResult[] = []
  if (golden.replay !== undefined) cases.push(compareBatches(golden, golden.replay))
  const to = new Comparisons()
  const pupils = (await runtimes()).map(({ name, compute }) => [name, new Pupil(golden, compute)] as const)
  const run = (pupil: Pupil) => (course: Course) => pupil.run(course, to)
  const runs = new Map(pupils.map(([name, pupil]) => [name, run(pupil)]))
  await compareRuns(runs, run(pupils.at(-1)![1]))
  const parts = [to.losses, to.weights]
  if (golden.grads !== undefined) parts.push(to.gradients)
  if (golden.probes !== undefined) parts.push(to.answers)
  if (golden[`adam_after_${golden.steps.length}`] !== undefined) parts.push(to.moments)
  return { cases: [...cases, ...parts.map((part) => part.result(unread))] }
}

/** Our policy, which runs the recorded updates as often as it is told to. */
class Pupil {
  private readonly model: Model
  private readonly learn: LearnMode
  private readonly ask: ReturnType<typeof probing>
  private readonly start: StateTree

  constructor(
    private readonly golden: GoldenDQN,
    compute: Compute,
  ) {
    this.model = createModel(modelConfig(golden), { random: RandomTree.fromSeed(0).stream('model') })
    const policy = new DQNPolicy(policyConfig(golden), {
      compute,
      random: RandomTree.fromSeed(0).branch('policy'),
      model: this.model,
      enable_field: ['learn'],
    })
    this.learn = policy.learn_mode
    this.ask = probing(compute, this.model)
    this.start = structuredClone(this.learn.state_dict())
  }

  async run({ takesUp, moved }: Course, to: Comparisons): Promise<Reading[]> {
    const { golden, learn } = this
    const readings = new Readings()
    learn.load_state_dict(structuredClone(this.start))
    setNetworks(learn, golden.initial, moved)
    await this.readProbe(readings, to.answers, 'q_values at the start', golden.probe_initial)
    for (const [index, step] of golden.steps.entries()) {
      const k = index + 1
      if (step.target_synced_before_train) syncTarget(learn, golden.config.tau)
      const output = (await learn.forward(learnBatch(golden, index, true))) as LearnOutput
      readings.add(to.losses, `loss ${k}`, output['total_loss'], step.loss)
      this.readGradients(readings, to.gradients, `gradient ${k}`, golden.grads?.[k]?.q_net)
      const snapshot = golden.snapshots[k]
      if (snapshot !== undefined) {
        const state = learn.state_dict()
        readNetwork(readings, to.weights, `q_net after ${k}`, state['model'], snapshot.q_net)
        readNetwork(
          readings,
          to.weights,
          `q_net_target after ${k}`,
          state['target_model'],
          snapshot.q_net_target,
        )
      }
      await this.readProbe(readings, to.answers, `q_values after ${k}`, golden.probes?.[k])
      readMoments(readings, to.moments, learn.state_dict()['optimizer'], golden[`adam_after_${k}`])
      if (takesUp && snapshot !== undefined) setNetworks(learn, snapshot, moved)
    }
    return readings.all
  }

  private async readProbe(
    readings: Readings,
    to: Comparison,
    what: string,
    probe: Probe | undefined,
  ): Promise<void> {
    const { probe_input } = this.golden
    if (probe === undefined || probe_input === undefined) return
    readings.add(to, what, await this.ask(probe_input.obs), probe.q_values)
  }

  private readGradients(
    readings: Readings,
    to: Comparison,
    what: string,
    expected: Weights | undefined,
  ): void {
    if (expected === undefined) return
    const gradients = this.model.parameters().map(({ grad }) => grad.slice())
    linearTensors(expected).forEach((tensor, i) => {
      readings.add(to, `${what}, tensor ${i}`, gradients[i], tensor)
    })
  }
}

/** Asks the model for action values. */
function probing(compute: Compute, model: Model) {
  const program = compute.program('probe', ({ obs }: { obs: Tensor }) => ({
    q: model.forward(obs)['logit'] as Tensor,
  }))
  return async (obs: number[][]): Promise<HostTensor> => (await program.run({ obs: matrix(obs) })).q
}

/** Second moments by their root: they are squares, and Adam divides by the root. */
function readMoments(
  readings: Readings,
  to: Comparison,
  optimizer: unknown,
  expected: Moments | undefined,
): void {
  if (expected === undefined) return
  const states = Object.values((optimizer as { state: Record<string, Record<string, HostTensor>> }).state)
  const part = (key: 'exp_avg' | 'exp_avg_sq') =>
    linearTensors(
      Object.fromEntries(Object.entries(expected.q_net).map(([name, state]) => [name, state[key]])),
    )
  part('exp_avg').forEach((tensor, i) => {
    readings.add(to, `exp_avg ${i}`, states[i]?.['exp_avg'], tensor)
  })
  part('exp_avg_sq').forEach((tensor, i) => {
    readings.add(
      to,
      `exp_avg_sq ${i}`,
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
    activation: activationOf(config.activation_fn),
  }
}

/** SB3's update as settings of the policy. The target is synced by the test, as recorded, so the policy must not do it. */
function policyConfig({ config, optimizers, replay }: GoldenDQN): DQNConfig {
  const defaults = defaultsOf(DQNPolicy.config)
  const { max_grad_norm = 10 } = config
  return {
    ...defaults,
    model: {},
    discount_factor: config.gamma,
    nstep: replay === undefined ? 1 : (config.n_steps ?? 1),
    double: false,
    learn: {
      ...defaults.learn,
      ...adamSettings(optimizers.q_net),
      learning_rate: optimizers.q_net.lr,
      criterion: 'smooth_l1',
      grad_clip_type: max_grad_norm === null ? null : 'clip_norm',
      grad_clip_value: max_grad_norm ?? defaults.learn.grad_clip_value,
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

/** Sets both networks, each value moved by an ulp where that is asked for. */
function setNetworks(
  learn: LearnMode,
  { q_net, q_net_target }: Networks,
  moved: RandomStream | undefined,
): void {
  const state = learn.state_dict()
  const fill = (part: unknown, weights: Weights): StateTree => {
    const tensors = linearTensors(weights)
    const names = Object.keys(part as Network)
    if (names.length !== tensors.length)
      throw new Error(`The model has ${names.length} tensors, the recorded one ${tensors.length}.`)
    return Object.fromEntries(
      names.map((name, i) => [name, moved === undefined ? tensors[i]! : movedTensor(tensors[i]!, moved)]),
    )
  }
  learn.load_state_dict({
    ...state,
    model: fill(state['model'], q_net),
    target_model: fill(state['target_model'], q_net_target),
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

function readNetwork(
  readings: Readings,
  to: Comparison,
  what: string,
  network: unknown,
  expected: Weights,
): void {
  const tensors = Object.values(network as Network)
  linearTensors(expected).forEach((tensor, i) => {
    readings.add(to, `${what}, tensor ${i}`, tensors[i], tensor)
  })
}
