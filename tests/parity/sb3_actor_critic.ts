import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import type { LearnMode, LearnOutput, Policy, PolicyOptions } from '../../ding/policy/index.js'
import type { StateTree } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { isRecord } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import {
  type AdamState,
  actorTensors,
  compareMoments,
  compareTensors,
  criticTensors,
  prefixed,
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
import type { CaseResult, FileResult } from './types.js'

/** All networks of a policy at one time. */
export interface Networks {
  readonly actor: Weights
  readonly critic: Weights
  readonly actor_target?: Weights
  readonly critic_target?: Weights
  readonly log_ent_coef?: number[]
}

interface AdamSettings {
  readonly type: string
  readonly lr: number
  readonly betas: [number, number]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
}

interface Probe {
  readonly deterministic_action: number[][]
  readonly q_values: number[][]
  readonly mean?: number[][]
  readonly log_std?: number[][]
}

/** One of SB3's runs of a policy with an actor and critics. */
export interface GoldenActorCritic {
  readonly dims: { readonly obs: number; readonly act: number }
  readonly config: Readonly<Record<string, unknown>> & {
    readonly gamma: number
    readonly tau: number
    readonly n_steps: number
    readonly n_critics: number
    readonly net_arch: number[] | { pi: number[]; qf: number[] }
    readonly activation_fn: string
    readonly use_sde: boolean
  }
  readonly optimizers: Readonly<Record<string, AdamSettings>> & {
    readonly actor: AdamSettings
    readonly critic: AdamSettings
    readonly log_ent_coef?: AdamSettings
  }
  readonly initial: Networks
  readonly replay?: Replay
  readonly draws: { readonly draws: readonly RecordedDraw[] }[]
  readonly batches: Columns[]
  readonly steps: Readonly<Record<string, number>>[]
  readonly snapshots: Readonly<Record<string, Networks>>
  readonly probe_input?: { readonly obs: number[][]; readonly actions: number[][] }
  readonly probes?: Readonly<Record<string, Probe>>
  readonly grads?: Readonly<Record<string, Partial<Record<'actor' | 'critic', Weights>>>>
  readonly adam_after_6?: { readonly actor: AdamState; readonly critic: AdamState }
}

/** What differs between the algorithms. */
export interface ActorCriticCase {
  /** Keys of our model. */
  readonly model: Readonly<Record<string, unknown>>
  /** Builds our policy with SB3's settings. */
  build(options: PolicyOptions): Policy
  readonly stochastic: boolean
  /** Whether the target is of the whole model, or of the critics alone. */
  readonly targetsActor: boolean
  /** The recorded draws of an update, in the order in which our programs draw. */
  draws(recorded: readonly RecordedDraw[]): readonly unknown[]
  /** Our names of the recorded scalars of a step. */
  readonly scalars: Readonly<Record<string, string>>
}

const needed = ['config', 'optimizers', 'initial', 'draws', 'batches', 'steps', 'snapshots', 'dims'] as const

/** The file as a run, or why it is none that the policies here have settings for. */
export function readActorCritic(json: unknown): GoldenActorCritic | { readonly skipped: string } {
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key]))) {
    return { skipped: `not a run of an actor and critics: needs ${needed.join(', ')}` }
  }
  const golden = json as unknown as GoldenActorCritic
  for (const [name, { type, weight_decay, amsgrad }] of Object.entries(golden.optimizers)) {
    if (type !== 'Adam' || weight_decay !== 0 || amsgrad)
      return {
        skipped: `the policies have no setting for the optimizer of ${name}: ${JSON.stringify(golden.optimizers[name])}`,
      }
  }
  return golden
}

/** Keys of continuous_qac for the recorded networks. */
export function modelKeys({ config, dims }: GoldenActorCritic): Record<string, unknown> {
  return {
    obs_shape: dims.obs,
    action_shape: dims.act,
    n_critics: config.n_critics,
    net_arch: config.net_arch,
    activation: config.activation_fn.toLowerCase(),
  }
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
  const cases: CaseResult[] = []
  if (golden.replay !== undefined) cases.push(compareBatches(golden, golden.replay))
  const to = new Comparisons()
  for (const { name, compute } of await runtimes()) await replayRun(golden, subject, name, compute, to)
  cases.push(to.losses.result(), to.weights.result())
  if (golden.grads !== undefined) cases.push(to.gradients.result())
  if (golden.probes !== undefined) cases.push(to.answers.result())
  if (golden.adam_after_6 !== undefined) cases.push(to.moments.result())
  return { cases }
}

async function replayRun(
  golden: GoldenActorCritic,
  subject: ActorCriticCase,
  runtime: string,
  compute: Compute,
  to: Comparisons,
): Promise<void> {
  const recorded = new RecordedDraws()
  const model = createModel(subject.model, {
    random: RandomTree.fromSeed(0).stream('model'),
  }) as ActorCriticModel
  const policy = subject.build({
    compute: withDraws(compute, recorded),
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  setNetworks(learn, golden.initial, subject)
  const ask = probing(compute, model)
  for (const [index, step] of golden.steps.entries()) {
    const k = index + 1
    recorded.push(...subject.draws(golden.draws[index]!.draws))
    const output = (await learn.forward(learnBatch(golden, index, false))) as LearnOutput
    if (recorded.left > 0) throw new Error(`Update ${k} left ${recorded.left} recorded draws over.`)
    for (const [theirs, ours] of Object.entries(subject.scalars)) {
      if (step[theirs] !== undefined)
        to.losses.check(`${runtime} ${theirs} ${k}`, output[ours], Math.fround(step[theirs]))
    }
    compareGradients(to.gradients, `${runtime} gradient ${k}`, golden.grads?.[k], model, subject.stochastic)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined) compareNetworks(to.weights, `${runtime} after ${k}`, learn, snapshot, subject)
    const probe = golden.probes?.[k]
    if (probe !== undefined && golden.probe_input !== undefined)
      compareProbe(to.answers, `${runtime} after ${k}`, await ask(golden.probe_input), probe)
  }
  if (golden.adam_after_6 !== undefined) {
    const { actor, critic } = golden.adam_after_6
    const state = learn.state_dict()
    compareMoments(to.moments, `${runtime} actor`, state['optimizer_actor'], actor, (weights) =>
      prefixed('actor.', actorTensors(weights, subject.stochastic)),
    )
    compareMoments(to.moments, `${runtime} critic`, state['optimizer_critic'], critic, (weights) =>
      prefixed('critic.', criticTensors(weights)),
    )
  }
}

function modelTensors({ actor, critic }: Pick<Networks, 'actor' | 'critic'>, stochastic: boolean): Tensors {
  return {
    ...prefixed('actor.', actorTensors(actor, stochastic)),
    ...prefixed('critic.', criticTensors(critic)),
  }
}

function targetTensors(
  networks: Networks,
  { targetsActor, stochastic }: ActorCriticCase,
): Tensors | undefined {
  const { critic_target, actor_target } = networks
  if (critic_target === undefined) return undefined
  if (!targetsActor) return criticTensors(critic_target)
  return modelTensors({ actor: actor_target as Weights, critic: critic_target }, stochastic)
}

function setNetworks(learn: LearnMode, networks: Networks, subject: ActorCriticCase): void {
  const state = learn.state_dict()
  const target = targetTensors(networks, subject)
  const log_alpha = networks.log_ent_coef
  learn.load_state_dict({
    ...state,
    model: replaced(state['model'], modelTensors(networks, subject.stochastic)),
    ...(target && { target_model: replaced(state['target_model'], target) }),
    ...(log_alpha && { entropy: { ...(state['entropy'] as StateTree), value: matrix(log_alpha) } }),
  })
}

function compareNetworks(
  to: Comparison,
  what: string,
  learn: LearnMode,
  snapshot: Networks,
  subject: ActorCriticCase,
): void {
  const state = learn.state_dict()
  compareTensors(to, what, state['model'], modelTensors(snapshot, subject.stochastic))
  const target = targetTensors(snapshot, subject)
  if (target !== undefined) compareTensors(to, `${what} target`, state['target_model'], target)
  if (snapshot.log_ent_coef !== undefined)
    to.check(`${what} log alpha`, (state['entropy'] as StateTree)['value'], matrix(snapshot.log_ent_coef))
}

function compareGradients(
  to: Comparison,
  what: string,
  expected: Partial<Record<'actor' | 'critic', Weights>> | undefined,
  model: ActorCriticModel,
  stochastic: boolean,
): void {
  const gradients = Object.fromEntries(model.namedParameters().map(([name, { grad }]) => [name, grad]))
  const tensors = {
    ...(expected?.actor && prefixed('actor.', actorTensors(expected.actor, stochastic))),
    ...(expected?.critic && prefixed('critic.', criticTensors(expected.critic))),
  }
  for (const [name, tensor] of Object.entries(tensors)) to.check(`${what} ${name}`, gradients[name], tensor)
}

interface Answer {
  readonly action: unknown
  readonly q_value: unknown
  readonly mu?: unknown
  readonly log_sigma?: unknown
}

/** Asks the model for actions and values. */
function probing(compute: Compute, model: ActorCriticModel) {
  const program = compute.program('probe', ({ obs, action }: { obs: Tensor; action: Tensor }) => ({
    actor: model.actor.forward(obs),
    critic: model.critic.forward({ obs, action }),
  }))
  return async (input: { obs: number[][]; actions: number[][] }): Promise<Answer> => {
    const { actor, critic } = (await program.run({
      obs: matrix(input.obs),
      action: matrix(input.actions),
    })) as unknown as { actor: Record<string, unknown>; critic: Record<string, unknown> }
    const { mu, log_sigma } = (actor['logit'] ?? {}) as Record<string, unknown>
    return { action: actor['action'], q_value: critic['q_value'], mu, log_sigma }
  }
}

function compareProbe(to: Comparison, what: string, answer: Answer, probe: Probe): void {
  to.check(`${what} action`, answer.action, probe.deterministic_action)
  to.check(`${what} q_values`, answer.q_value, transposed(probe.q_values))
  if (probe.mean !== undefined) to.check(`${what} mean`, answer.mu, probe.mean)
  // With gSDE the recorded log_std is the weights', which the networks' comparison covers.
  if (probe.log_std !== undefined && probe.log_std.length === probe.mean?.length)
    to.check(`${what} log_std`, answer.log_sigma, probe.log_std)
}

/** [rows][critics] -> [critics][rows]. */
function transposed(values: number[][]): number[][] {
  return (values[0] ?? []).map((_, critic) => values.map((row) => row[critic] as number))
}
