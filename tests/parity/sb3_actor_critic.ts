import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, type RandomStream, RandomTree } from '../../ding/compute/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import type { LearnMode, LearnOutput, Policy, PolicyOptions } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import {
  type AdamState,
  actorTensors,
  criticTensors,
  prefixed,
  readMoments,
  readTensors,
  replaced,
  type Tensors,
} from './sb3_networks.js'
import {
  type Columns,
  compareBatches,
  learnBatch,
  matrix,
  type RecordedDraw,
  type Replay,
  type Weights,
} from './sb3_replay.js'
import { hasParts, type OptimizerSettings, unreadOptions, withoutBlanks } from './sb3_settings.js'
import {
  type Course,
  compareRuns,
  movedTensor,
  Readings,
  reordered,
  reorderedBatch,
  vectorOf,
} from './sb3_shadows.js'
import { activationOf } from './torch_activation.js'
import type { CaseResult, FileResult } from './types.js'

/** All networks of a policy at one time. */
export interface Networks {
  readonly actor: Weights
  readonly critic: Weights
  readonly actor_target?: Weights
  readonly critic_target?: Weights
  readonly log_ent_coef?: number[]
}

interface Probe {
  readonly deterministic_action: number[][]
  readonly q_values: number[][]
  readonly mean?: number[][]
  readonly log_std?: number[][]
}

/** Gradients, or moments of Adam, by network; `log_ent_coef` holds one entry of that name. */
type ByNetwork<T> = Partial<Record<'actor' | 'critic' | 'log_ent_coef', T>>

/** One of SB3's runs of a policy with an actor and critics. */
export interface GoldenActorCritic {
  readonly dims: { readonly obs: number; readonly act: number }
  readonly config: Readonly<Record<string, unknown>> & {
    readonly gamma: number
    readonly tau: number
    readonly n_steps?: number
    readonly n_critics?: number
    readonly net_arch: number[] | { pi: number[]; qf: number[] }
    readonly activation_fn: string
    readonly use_sde?: boolean
  }
  readonly optimizers: Readonly<Record<string, OptimizerSettings>> & {
    readonly actor: OptimizerSettings
    readonly critic: OptimizerSettings
    readonly log_ent_coef?: OptimizerSettings
  }
  readonly initial: Networks
  readonly replay?: Replay
  readonly draws: { readonly draws: readonly RecordedDraw[] }[]
  readonly batches: Columns[]
  readonly steps: Readonly<Record<string, number>>[]
  readonly snapshots: Readonly<Record<string, Networks>>
  readonly probe_input?: { readonly obs: number[][]; readonly actions: number[][] }
  readonly probe_initial?: Probe
  readonly probes?: Readonly<Record<string, Probe>>
  readonly grads?: Readonly<Record<string, ByNetwork<Weights>>>
  /** `adam_after_<updates>`: torch's Adam state then. */
  readonly [moments: `adam_after_${number}`]: ByNetwork<AdamState> | undefined
}

/** What differs between the algorithms. */
export interface ActorCriticCase {
  /** Keys of our model. */
  readonly model: Readonly<Record<string, unknown>>
  /** Builds our policy with SB3's settings. `shadow`: one whose log-density is computed as SB3 does. */
  build(options: PolicyOptions, shadow: boolean): Policy
  readonly stochastic: boolean
  /** Whether the target is of the whole model, or of the critics alone. */
  readonly targetsActor: boolean
  /** The recorded draws of an update, in the order in which our programs draw. */
  draws(recorded: readonly RecordedDraw[]): readonly unknown[]
  /** Our names of the recorded scalars of a step. */
  readonly scalars: Readonly<Record<string, string>>
  /** Options of `config` that are read, besides those that all cases have. */
  readonly options: readonly string[]
}

const needed = ['config', 'optimizers', 'initial', 'draws', 'batches', 'steps', 'snapshots', 'dims'] as const

/** The file as a run, or why it is none. */
export function readActorCritic(file: unknown): GoldenActorCritic | { readonly skipped: string } {
  const json = withoutBlanks(file)
  if (!hasParts(json, needed))
    return { skipped: `not a run of an actor and critics: needs ${needed.join(', ')}` }
  return json as unknown as GoldenActorCritic
}

/** Keys of our models for the recorded networks. */
export function modelKeys({ config, dims }: GoldenActorCritic): Record<string, unknown> {
  return {
    obs_shape: dims.obs,
    action_shape: dims.act,
    n_critics: config.n_critics ?? 2,
    net_arch: config.net_arch,
    activation: activationOf(config.activation_fn),
  }
}

/** Keys of our stochastic actors for gSDE. */
export function sdeKeys({ config }: GoldenActorCritic): Record<string, unknown> {
  const { use_sde, log_std_init, full_std, use_expln, clip_mean } = config
  const sde = { use_sde, log_std_init, full_std, use_expln, clip_mean }
  return Object.fromEntries(Object.entries(sde).filter(([, value]) => value !== undefined))
}

export const SDE_OPTIONS = ['log_std_init', 'full_std', 'use_expln', 'clip_mean']

/** Rewards in a target. Without a replay to take them from, the batches have their sums. */
export function nstepOf({ config, replay }: GoldenActorCritic): number {
  return replay === undefined ? 1 : (config.n_steps ?? 1)
}

class Comparisons {
  readonly losses = new Comparison('losses and coefficients')
  readonly gradients = new Comparison('gradients')
  readonly weights = new Comparison('networks after updates')
  readonly answers = new Comparison('answers to probes')
  readonly moments = new Comparison('moments of Adam')
}

/** SB3's recorded batches and draws through our policy, from the same weights, on every runtime. */
export async function replayActorCritic(
  golden: GoldenActorCritic,
  subject: ActorCriticCase,
): Promise<FileResult> {
  const unread = unreadOptions(golden.config, subject.options)
  const cases: CaseResult[] = []
  if (golden.replay !== undefined) cases.push(compareBatches(golden, golden.replay))
  const to = new Comparisons()
  const used = await runtimes()
  const run = (compute: Compute, shadow: boolean) => {
    let pupil: Pupil | undefined
    return (course: Course) => {
      pupil ??= new Pupil(golden, subject, compute, shadow)
      return pupil.run(course, to)
    }
  }
  await compareRuns(
    new Map(used.map(({ name, compute }) => [name, run(compute, false)])),
    run(used.at(-1)!.compute, true),
  )
  const parts = [to.losses, to.weights]
  if (golden.grads !== undefined) parts.push(to.gradients)
  if (golden.probes !== undefined) parts.push(to.answers)
  if (momentsAfter(golden, golden.steps.length) !== undefined) parts.push(to.moments)
  return { cases: [...cases, ...parts.map((part) => part.result(unread))] }
}

function momentsAfter(golden: GoldenActorCritic, k: number): ByNetwork<AdamState> | undefined {
  return golden[`adam_after_${k}`]
}

/** One of our policies, which runs the recorded updates as often as it is told to. */
class Pupil {
  private readonly draws = new RecordedDraws()
  private readonly model: ActorCriticModel
  private readonly learn: LearnMode
  private readonly ask: ReturnType<typeof probing>
  private readonly start: StateTree

  constructor(
    private readonly golden: GoldenActorCritic,
    private readonly subject: ActorCriticCase,
    compute: Compute,
    shadow: boolean,
  ) {
    this.model = createModel(subject.model, {
      random: RandomTree.fromSeed(0).stream('model'),
    }) as ActorCriticModel
    const policy = subject.build(
      {
        compute: withDraws(compute, this.draws),
        random: RandomTree.fromSeed(0).branch('policy'),
        model: this.model,
        enable_field: ['learn'],
      },
      shadow,
    )
    this.learn = policy.learn_mode
    this.ask = probing(compute, this.model)
    this.start = structuredClone(this.learn.state_dict())
  }

  async run({ takesUp, moved }: Course, to: Comparisons): Promise<Readings['all']> {
    const { golden, subject, learn } = this
    const readings = new Readings()
    this.draws.uniformFrom = moved
    learn.load_state_dict(structuredClone(this.start))
    this.takeUp(golden.initial, moved)
    await this.readProbe(readings, to.answers, 'at the start', golden.probe_initial)
    for (const [index, step] of golden.steps.entries()) {
      const k = index + 1
      const drawn = subject.draws(golden.draws[index]!.draws)
      const batch = learnBatch(golden, index, false)
      // The same rows in another order: the same update, but for the order in which it is summed up. Noise of gSDE is not of rows.
      const order = moved?.permutation((batch['obs'] as HostTensor).shape[0]!)
      const byRow = order !== undefined && golden.config.use_sde !== true
      this.draws.push(...(byRow ? drawn.map((values) => reordered(vectorOf(values), order).data) : drawn))
      readings.addIfRecorded(to.losses, `ent_coef ${k}`, alphaOf(learn), step['ent_coef'])
      const output = (await learn.forward(
        order === undefined ? batch : reorderedBatch(batch, order),
      )) as LearnOutput
      if (this.draws.left > 0) throw new Error(`Update ${k} left ${this.draws.left} recorded draws over.`)
      for (const [theirs, ours] of Object.entries(subject.scalars))
        readings.addIfRecorded(to.losses, `${theirs} ${k}`, output[ours], step[theirs])
      readings.addIfRecorded(to.losses, `ent_coef after ${k}`, alphaOf(learn), step['ent_coef_after'])
      this.readGradients(readings, to.gradients, `gradient ${k}`, golden.grads?.[k])
      const snapshot = golden.snapshots[k]
      if (snapshot !== undefined) this.readNetworks(readings, to.weights, `after ${k}`, snapshot)
      await this.readProbe(readings, to.answers, `after ${k}`, golden.probes?.[k])
      this.readMoments(readings, to.moments, `after ${k}`, momentsAfter(golden, k))
      if (takesUp && snapshot !== undefined) this.takeUp(snapshot, moved)
    }
    return readings.all
  }

  /** Sets the networks, each value moved by an ulp where that is asked for. */
  private takeUp(networks: Networks, moved: RandomStream | undefined): void {
    const { learn, subject } = this
    const shifted = (tensors: Tensors) => (moved === undefined ? tensors : movedTensors(tensors, moved))
    const state = learn.state_dict()
    const target = targetTensors(networks, subject)
    const log_alpha = networks.log_ent_coef
    learn.load_state_dict({
      ...state,
      model: replaced(state['model'], shifted(modelTensors(networks, subject.stochastic))),
      ...(target && { target_model: replaced(state['target_model'], shifted(target)) }),
      ...(log_alpha && {
        entropy: { ...(state['entropy'] as StateTree), ...shifted({ value: matrix(log_alpha) }) },
      }),
    })
  }

  private readNetworks(readings: Readings, to: Comparison, what: string, snapshot: Networks): void {
    const state = this.learn.state_dict()
    readTensors(readings, to, what, state['model'], modelTensors(snapshot, this.subject.stochastic))
    const target = targetTensors(snapshot, this.subject)
    if (target !== undefined) readTensors(readings, to, `${what} target`, state['target_model'], target)
    if (snapshot.log_ent_coef !== undefined)
      readings.add(to, `${what} log alpha`, (state['entropy'] as StateTree)['value'], snapshot.log_ent_coef)
  }

  private readGradients(
    readings: Readings,
    to: Comparison,
    what: string,
    expected: ByNetwork<Weights> | undefined,
  ): void {
    const gradients = Object.fromEntries(this.model.namedParameters().map(([name, { grad }]) => [name, grad]))
    const tensors = {
      ...(expected?.actor && prefixed('actor.', actorTensors(expected.actor, this.subject.stochastic))),
      ...(expected?.critic && prefixed('critic.', criticTensors(expected.critic))),
    }
    for (const [name, tensor] of Object.entries(tensors))
      readings.add(to, `${what} ${name}`, gradients[name]?.slice(), tensor)
  }

  private async readProbe(
    readings: Readings,
    to: Comparison,
    what: string,
    probe: Probe | undefined,
  ): Promise<void> {
    const { probe_input } = this.golden
    if (probe === undefined || probe_input === undefined) return
    const answer = await this.ask(probe_input)
    readings.add(to, `${what} action`, answer.action, probe.deterministic_action)
    readings.add(to, `${what} q_values`, answer.q_value, transposed(probe.q_values))
    if (probe.mean !== undefined) readings.add(to, `${what} mean`, answer.mu, probe.mean)
    // With gSDE the recorded log_std is the weights', which the networks' comparison covers.
    if (probe.log_std !== undefined && !this.golden.config.use_sde)
      readings.add(to, `${what} log_std`, answer.log_sigma, probe.log_std)
  }

  private readMoments(
    readings: Readings,
    to: Comparison,
    what: string,
    expected: ByNetwork<AdamState> | undefined,
  ): void {
    if (expected === undefined) return
    const { actor = {}, critic = {}, log_ent_coef = {} } = expected
    const state = this.learn.state_dict()
    const entropy = (state['entropy'] ?? {}) as StateTree
    readMoments(readings, to, `${what} actor`, state['optimizer_actor'], actor, (weights) =>
      prefixed('actor.', actorTensors(weights, this.subject.stochastic)),
    )
    readMoments(readings, to, `${what} critic`, state['optimizer_critic'], critic, (weights) =>
      prefixed('critic.', criticTensors(weights)),
    )
    readMoments(readings, to, `${what} alpha`, entropy['optimizer'], log_ent_coef, (weights) =>
      Object.fromEntries(Object.values(weights).map((value) => ['log_alpha', matrix(value)])),
    )
  }
}

/** Tensors of weights and statistics moved by an ulp; counts stay. */
function movedTensors(tensors: Tensors, moved: RandomStream): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      name.endsWith('.steps') ? tensor : movedTensor(tensor, moved),
    ]),
  )
}

/** Alpha now, in policies that have one. */
function alphaOf(learn: LearnMode): number | undefined {
  const entropy = learn.state_dict()['entropy'] as StateTree | undefined
  if (typeof entropy?.['alpha'] === 'number') return entropy['alpha']
  const log_alpha = (entropy?.['value'] as HostTensor | undefined)?.data[0]
  return log_alpha === undefined ? undefined : Math.exp(log_alpha)
}

function modelTensors({ actor, critic }: Pick<Networks, 'actor' | 'critic'>, stochastic: boolean): Tensors {
  return {
    ...prefixed('actor.', actorTensors(actor, stochastic)),
    ...prefixed('critic.', criticTensors(critic)),
  }
}

function targetTensors(
  { critic_target, actor_target }: Networks,
  { targetsActor, stochastic }: ActorCriticCase,
): Tensors | undefined {
  if (critic_target === undefined) return undefined
  if (!targetsActor) return criticTensors(critic_target)
  if (actor_target === undefined)
    throw new Error('The recording has a target of the critics and none of the actor.')
  return modelTensors({ actor: actor_target, critic: critic_target }, stochastic)
}

interface Answer {
  readonly action: unknown
  readonly q_value: unknown
  readonly mu?: unknown
  readonly log_sigma?: unknown
}

/** Asks the model for actions and values. */
function probing(compute: Compute, model: ActorCriticModel) {
  const program = compute.program('probe', ({ obs, action }: { obs: Tensor; action: Tensor }) => {
    model.eval()
    return { actor: model.actor.forward(obs), critic: model.critic.forward({ obs, action }) }
  })
  return async (input: { obs: number[][]; actions: number[][] }): Promise<Answer> => {
    const { actor, critic } = (await program.run({
      obs: matrix(input.obs),
      action: matrix(input.actions),
    })) as unknown as { actor: Record<string, unknown>; critic: Record<string, unknown> }
    const { mu, log_sigma } = (actor['logit'] ?? {}) as Record<string, unknown>
    return { action: actor['action'], q_value: critic['q_value'], mu, log_sigma }
  }
}

/** [rows][critics] -> [critics][rows]. */
function transposed(values: number[][]): number[][] {
  return (values[0] ?? []).map((_, critic) => values.map((row) => row[critic] as number))
}
