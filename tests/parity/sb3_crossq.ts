import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { type ActorCriticModel, createModel } from '../../ding/model/index.js'
import type { Module } from '../../ding/nn/index.js'
import { CrossQPolicy, type LearnMode, type LearnOutput } from '../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { Comparison, FLOAT32_TOLERANCE, relativeError } from './compare.js'
import { isRecord, numbersOf } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { runtimes } from './runtimes.js'
import {
  actorTensors,
  criticTensors,
  type GoldenCrossQ,
  joined,
  modelConfig,
  type Networks,
  policyConfig,
} from './sb3_crossq_golden.js'
import { EXACT, programsOf, type Rounding, roundingOf } from './sb3_crossq_rounding.js'
import { compareBatches, learnBatch, matrix } from './sb3_replay.js'
import type { FileResult } from './types.js'

const needed = ['config', 'dims', 'optimizers', 'initial', 'draws', 'batches', 'steps', 'snapshots'] as const

/**
 * SB3-contrib's CrossQ: its recorded batches and draws through our `crossq` policy, from the same weights. Losses, gradients, networks
 * with their running statistics, alpha and the networks' answers to probes must come out the same.
 */
export async function sb3CrossQ(json: unknown): Promise<FileResult> {
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key]))) {
    return { skipped: `not a CrossQ run: needs ${needed.join(', ')}` }
  }
  const golden = json as unknown as GoldenCrossQ
  const comparisons = {
    losses: new Comparison('losses'),
    gradients: new Comparison('gradients'),
    networks: new Comparison('networks after updates'),
    noise: new Comparison('parameters with float32 noise alone', 1),
    answers: new Comparison('answers to probes'),
  }
  for (const { name, compute } of await runtimes()) await replay(golden, name, compute, comparisons)
  const { losses, gradients, networks, noise, answers } = comparisons
  const parts = [losses, gradients, networks, answers]
  if (Object.values(golden.float32_noise_tensors ?? {}).some((k) => Object.keys(k).length > 0))
    parts.push(noise)
  const batches = golden.replay === undefined ? [] : [compareBatches(golden, golden.replay)]
  return { cases: [...batches, ...parts.map((part) => part.result())] }
}

type Comparisons = Record<'losses' | 'gradients' | 'networks' | 'noise' | 'answers', Comparison>

async function replay(
  golden: GoldenCrossQ,
  runtime: string,
  compute: Compute,
  to: Comparisons,
): Promise<void> {
  const model = createModel(modelConfig(golden), {
    random: RandomTree.fromSeed(0).stream('model'),
  }) as ActorCriticModel
  const draws = new RecordedDraws()
  const policy = new CrossQPolicy(policyConfig(golden), {
    compute: withDraws(compute, draws),
    random: RandomTree.fromSeed(0).branch('policy'),
    model,
    enable_field: ['learn'],
  })
  const learn = policy.learn_mode
  setNetworks(learn, golden.initial)
  const programs = programsOf(compute, model)
  const noiseSteps: NoiseSteps = new Map()
  for (const index of golden.steps.keys()) {
    const k = index + 1
    const drawn = golden.draws[index]!.draws.filter(({ op }) => op.includes('normal')).map(
      ({ values }) => values,
    )
    // gSDE draws weights for learning, then weights for acting, which learning has no use for.
    draws.push(...(golden.config.use_sde ? drawn.slice(0, 1) : drawn))
    const rounding = golden.config.use_sde ? EXACT : await roundingOf(golden, index, drawn, model, programs)
    const out = (await learn.forward(learnBatch(golden, index, false))) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    compareLosses(golden, k, runtime, out, rounding, to.losses)
    compareGradients(golden, k, runtime, model, rounding, to.gradients)
    countNoise(model, out['policy_loss'] !== undefined, noiseSteps)
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined) compareNetworks(golden, k, runtime, learn, snapshot, noiseSteps, to)
    const expected = golden.probes?.[k]
    if (expected !== undefined) {
      const { obs, actions } = golden.probe_input
      const answers = await programs.probe.run({ obs: matrix(obs), action: matrix(actions) })
      const byCritic = expected.q_values[0]!.map((_, n) => expected.q_values.map((row) => row[n]!))
      // Each parameter may be off by `granted`, which the layers add up.
      const slack = 10 * granted(golden, k)
      const check = (what: string, actual: unknown, values: unknown) =>
        to.answers.record(`${runtime} ${what} after ${k}`, errorBeyond(slack, 0, actual, values))
      check('q_values', answers.q_values, byCritic)
      check('action', answers.action, expected.deterministic_action)
      if (expected.mean !== undefined) check('mean', answers.mean, expected.mean)
      // With gSDE the recorded log_std is the weights', which the networks' comparison covers.
      if (expected.log_std !== undefined && !golden.config.use_sde)
        check('log_std', answers.log_std, expected.log_std)
    }
  }
  for (const program of Object.values(programs)) program.dispose()
}

/** The error as {@link Comparison} counts it, after an absolute difference of `slack` is granted. */
function errorBeyond(slack: number, scale: number, actual: unknown, expected: unknown): number {
  const own = Math.max(0.01, ...numbersOf(expected).map(Math.abs))
  const difference = relativeError(actual, expected) * own
  return difference / (Math.max(own, scale) + slack / FLOAT32_TOLERANCE)
}

/**
 * What a loss may be off by, relative to its size, for the float32 noise that updates since the last snapshot have brought into the
 * networks (see {@link compareNetworks}): half the size of that noise. In the recorded files a loss of the reference's float32 run is off a
 * float64 re-computation by at most 0.37 of it (crossq_renorm_warmup, critic loss 6: 5.6e-5 of noise of 1.55e-4).
 */
function noiseSince(golden: GoldenCrossQ, k: number): number {
  if (k === 1 || golden.snapshots[k - 1] !== undefined) return 0
  const following = Object.keys(golden.snapshots)
    .map(Number)
    .filter((at) => at >= k)
  const measured = Object.values(golden.float32_noise_tensors?.[Math.min(...following)] ?? {})
  return 0.5 * Math.max(0, ...measured)
}

function compareLosses(
  golden: GoldenCrossQ,
  k: number,
  runtime: string,
  out: LearnOutput,
  rounding: Rounding,
  to: Comparison,
): void {
  const { critic_loss, actor_loss, ent_coef, ent_coef_loss } = golden.steps[k - 1]!
  const { gamma, n_critics } = golden.config
  const noise = noiseSince(golden, k)
  const check = (what: string, actual: unknown, value: number | undefined, slack: number) => {
    if (value === undefined) return
    const expected = Math.fround(value)
    to.record(
      `${runtime} ${what} ${k}`,
      errorBeyond(slack + noise * Math.max(1, Math.abs(expected)), 0, actual, expected),
    )
  }
  const byTarget = Math.sqrt(n_critics * 2 * critic_loss) * gamma * ent_coef * rounding.next
  check('critic loss', out['critic_loss'], critic_loss, byTarget)
  check('actor loss', out['policy_loss'], actor_loss, ent_coef * rounding.policy)
  check('alpha loss', out['alpha_loss'], ent_coef_loss, Math.abs(Math.log(ent_coef)) * rounding.policy)
  if (actor_loss !== undefined) check('alpha', out['alpha'], ent_coef, 0)
}

type Network = Record<string, HostTensor>

function setNetworks(learn: LearnMode, { actor, critic, log_ent_coef }: Networks): void {
  const state = learn.state_dict()
  const model = { ...(state['model'] as Network) }
  const given = new Map<string, number[]>()
  for (const [name, { values }] of actorTensors(actor)) given.set(`actor.${name}`, values)
  for (const [name, members] of criticTensors(critic)) given.set(`critic.${name}`, joined(name, members))
  for (const [name, tensor] of Object.entries(model)) {
    const values = given.get(name)
    // gSDE's present noise is drawn anew by the first update.
    if (values === undefined && name === 'actor.head.noise') continue
    if (values?.length !== tensor.data.length)
      throw new Error(
        `The recording has ${values?.length ?? 'no'} values for ${name}, the model ${tensor.data.length}.`,
      )
    model[name] = { ...tensor, data: Float32Array.from(values) } as HostTensor
    given.delete(name)
  }
  if (given.size > 0) throw new Error(`The model has no ${[...given.keys()].join(', ')}.`)
  const entropy = state['entropy'] as StateTree
  learn.load_state_dict({
    ...state,
    model,
    ...(log_ent_coef !== undefined && {
      entropy: {
        ...entropy,
        value: { ...(entropy['value'] as HostTensor), data: Float32Array.from(numbersOf(log_ent_coef)) },
      },
    }),
  })
}

/** The files list tensors whose float32 and float64 runs differ by more than this; what they do not list differs by less. */
const LISTED_FROM = 2e-6

/** What tensors that are not listed as noise may differ by after update `k`, where others are. */
function granted(golden: GoldenCrossQ, k: number): number {
  const listed = Object.keys(golden.float32_noise_tensors?.[k] ?? {})
  return listed.length === 0 ? 0 : LISTED_FROM
}

/**
 * Tensors that the file lists as noise are compared as noise is ({@link noiseError}), and then set to the recorded values, so that what
 * follows can be compared strictly. Where a file lists any, the others differ by up to {@link LISTED_FROM} between the reference's own float32
 * and float64 runs, and are granted that.
 */
function compareNetworks(
  golden: GoldenCrossQ,
  k: number,
  runtime: string,
  learn: LearnMode,
  snapshot: Networks,
  noiseSteps: NoiseSteps,
  to: Comparisons,
): void {
  const state = learn.state_dict()
  const model = state['model'] as Network
  const noisy = golden.float32_noise_tensors?.[k] ?? {}
  const slack = granted(golden, k)
  const compare = (
    theirs: string,
    actual: Float32Array,
    values: readonly number[],
    steps: ArrayLike<number> | undefined,
  ) => {
    const what = `${runtime} ${theirs} after ${k}`
    const measured = noisy[theirs]
    if (measured === undefined) to.networks.record(what, errorBeyond(slack, 0, actual, values))
    else {
      to.noise.record(what, noiseError(golden, measured, actual, values, steps))
      actual.set(values)
    }
  }
  for (const [name, { theirs, values }] of actorTensors(snapshot.actor)) {
    const { data } = model[`actor.${name}`] as HostTensor<Float32Array>
    compare(theirs, data, values, noiseSteps.get(`actor.${name}`))
  }
  for (const [name, members] of criticTensors(snapshot.critic)) {
    const { data } = model[`critic.${name}`] as HostTensor<Float32Array>
    const size = name.endsWith('.steps') ? 0 : data.length / members.length
    members.forEach(({ theirs, values }, n) => {
      const part = (all: Float32Array) => (size === 0 ? all : all.subarray(n * size, (n + 1) * size))
      const steps = noiseSteps.get(`critic.${name}`)
      compare(theirs, part(data), values, steps && part(steps))
    })
  }
  if (snapshot.log_ent_coef !== undefined) {
    const { value } = state['entropy'] as { value: HostTensor }
    const expected = numbersOf(snapshot.log_ent_coef)
    to.networks.record(`${runtime} log_ent_coef after ${k}`, errorBeyond(slack, 0, value.data, expected))
  }
  learn.load_state_dict(state)
}

/** By parameter, for each of its values: in how many updates its gradient was nothing but rounding. */
type NoiseSteps = Map<string, Float32Array>

/** A gradient below this share of its network's largest is a sum that has cancelled to the rounding of its terms. */
const CANCELLED = 2e-6

/** Counts the values whose gradient of this update is rounding. @param learned whether this update moved the network */
function countNoise(model: ActorCriticModel, actorLearned: boolean, counts: NoiseSteps): void {
  for (const [prefix, module, learned] of [
    ['actor', model.actor, actorLearned],
    ['critic', model.critic, true],
  ] as const) {
    if (!learned) continue
    const trained = module.namedParameters().filter(([, parameter]) => parameter.trainable)
    const scale = Math.max(
      ...trained.map(([, { grad }]) => grad.reduce((a, b) => Math.max(a, Math.abs(b)), 0)),
    )
    for (const [name, { grad }] of trained) {
      const own = counts.get(`${prefix}.${name}`) ?? new Float32Array(grad.length)
      counts.set(
        `${prefix}.${name}`,
        own.map((count, i) => count + (Math.abs(grad[i] as number) < CANCELLED * scale ? 1 : 0)),
      )
    }
  }
}

/**
 * The distance to a tensor that is listed as noise, as a share of what each of its values is granted: three times what the reference's
 * own float32 and float64 runs differ by and, for a value whose gradient was rounding alone, twice the learning rate for each such update:
 * Adam makes a full step of any gradient, and either sign is as good.
 */
function noiseError(
  { optimizers }: GoldenCrossQ,
  measured: number,
  actual: ArrayLike<number>,
  expected: readonly number[],
  steps: ArrayLike<number> | undefined,
): number {
  const rate = Math.max(optimizers.actor.lr, optimizers.critic.lr)
  return Math.max(
    ...expected.map(
      (value, i) => Math.abs(value - (actual[i] as number)) / (3 * measured + 2 * rate * (steps?.[i] ?? 0)),
    ),
  )
}

function compareGradients(
  golden: GoldenCrossQ,
  k: number,
  runtime: string,
  model: ActorCriticModel,
  rounding: Rounding,
  to: Comparison,
): void {
  const grads = golden.grads?.[k]
  if (grads === undefined) return
  const { critic_loss, ent_coef } = golden.steps[k - 1]!
  const { n_critics, gamma } = golden.config
  const compare = (
    what: string,
    module: Module,
    tensors: (readonly [string, number[]])[],
    relative: number,
  ) => {
    const own = new Map(module.namedParameters())
    // A gradient in front of a normalisation is a sum that cancels: held to the digits of its network's largest.
    const scale = Math.max(...tensors.flatMap(([, values]) => values.map(Math.abs)))
    for (const [name, values] of tensors) {
      const error = errorBeyond(relative * scale, scale, own.get(name)?.grad ?? [], values)
      to.record(`${runtime} ${what} ${name} of ${k}`, error)
    }
  }
  const critic = criticTensors(grads.critic ?? {})
  const deviation = Math.sqrt((2 * critic_loss) / n_critics)
  if (critic.size > 0)
    compare(
      'critic',
      model.critic,
      [...critic].map(([name, members]) => [name, joined(name, members)]),
      (gamma * ent_coef * rounding.next) / deviation,
    )
  const actor = actorTensors(grads.actor ?? {})
  if (actor.size > 0)
    compare(
      'actor',
      model.actor,
      [...actor].map(([name, { values }]) => [name, values]),
      // The derivative of the log-density is 2 a (1 - a^2) / (1 - a^2 + eps), both factors rounded.
      2 * ent_coef * rounding.policy,
    )
}
