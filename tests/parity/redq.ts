import type { Tensor } from '@tensorflow/tfjs-core'
import type { Compute } from '../../ding/compute/index.js'
import { type ActorCriticModel, normalLogit } from '../../ding/model/index.js'
import type { LearnOutput } from '../../ding/policy/index.js'
import { nstep_return, to_time_major } from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { checkEntries } from './adam_rounding.js'
import { Comparison, FLOAT32_TOLERANCE } from './compare.js'
import { decode, type GoldenTensor, isRecord } from './golden.js'
import { complete } from './redq_complete.js'
import { type GoldenHelpers, redqHelpers } from './redq_helpers.js'
import { named, type Tensors } from './redq_networks.js'
import { densityRounding, densityRoundings, type Logged, measured, type Roundings } from './redq_rounding.js'
import { alphaOf, batchOf, type GoldenREDQ, policyOf, trainSamples } from './redq_run.js'
import { runtimes } from './runtimes.js'
import { checkTensor } from './summary.js'
import type { FileResult } from './types.js'

const needed = ['config', 'init', 'buffer', 'draws', 'metrics'] as const
/** Tianshou's REDQ: training runs, or its parts alone. */
export async function redq(json: unknown): Promise<FileResult> {
  if (isRecord(json) && 'actor' in json && 'obs' in json) return redqHelpers(json as unknown as GoldenHelpers)
  if (!isRecord(json) || needed.some((key) => !isRecord(json[key]) && !Array.isArray(json[key])))
    return { skipped: `not a REDQ run: needs ${needed.join(', ')}` }
  const golden = complete(json)
  // What the file has nothing of is no case.
  const parts = (of: ReturnType<typeof comparisons>) => [
    ...(golden.updates.some(({ returns, target_q }) => returns && target_q) ? [of.returns] : []),
    of.losses,
    ...(Object.keys(golden.grads).length > 0 ? [of.gradients] : []),
    ...(Object.keys(golden.snapshots).length > 0 ? [of.networks] : []),
  ]
  const to = comparisons()
  for (const { name, compute } of await runtimes()) await replay(golden, name, compute, to)
  if (parts(to).every((part) => part.result().pass)) return { cases: parts(to).map((part) => part.result()) }
  // Entries of nearly no gradient move by what Adam makes of its rounding: measure that, as for CORL's networks.
  const again = comparisons()
  for (const { name, compute } of await runtimes())
    await replay(golden, name, compute, again, {
      actor: await measured(golden, compute, 'actor'),
      critic: await measured(golden, compute, 'critic'),
    })
  const rough = new Set([again.losses, again.gradients, again.networks])
  return {
    cases: parts(again).map((part) =>
      part.result(rough.has(part) ? 'with what rounding does to gradients' : undefined),
    ),
  }
}

function comparisons() {
  return {
    returns: new Comparison('n-step returns'),
    losses: new Comparison('losses, alpha and priorities'),
    gradients: new Comparison('gradients'),
    networks: new Comparison('networks after updates'),
  }
}

async function replay(
  golden: GoldenREDQ,
  runtime: string,
  compute: Compute,
  to: Record<'returns' | 'losses' | 'gradients' | 'networks', Comparison>,
  roundings?: Roundings,
): Promise<void> {
  const { model, draws, learn } = policyOf(golden, compute)
  const { gamma, n_step } = golden.config
  const returns = compute.program(
    'returns',
    ({
      reward,
      done,
      value_gamma,
      next_value,
    }: Record<'reward' | 'done' | 'value_gamma' | 'next_value', Tensor>) => ({
      returns: nstep_return({ reward: to_time_major(reward), done, next_value }, gamma, n_step, value_gamma),
    }),
  )
  const normal = compute.program('normal', ({ obs }: { obs: Tensor }) => {
    const { mu, sigma } = normalLogit(model.actor.forward(obs))
    return { mu, sigma }
  })
  const samples = trainSamples(golden)
  for (const [index, metrics] of golden.metrics.entries()) {
    const k = index + 1
    const drawn = golden.draws[index]!
    draws.push(...drawn.filter(({ name }) => name !== 'batch_indices').map(({ value }) => value))
    const rows = drawn.find(({ name }) => name === 'batch_indices')!.value.data.map((at) => samples[at]!)
    const batch = batchOf(rows)
    const update = golden.updates[index]!
    if (update.target_q && update.returns) {
      const found = await returns.run({
        reward: batch['reward'] as HostTensor,
        done: batch['done'] as HostTensor,
        value_gamma: batch['value_gamma'] as HostTensor,
        next_value: { ...decode(update.target_q), shape: [rows.length] },
      })
      to.returns.check(`${runtime} returns ${k}`, found.returns, update.returns)
    }
    const eps = drawn.find(({ name }) => name === 'pi_eps')?.value
    const rounding =
      eps === undefined
        ? 0
        : alphaOf(learn) * densityRounding(await normal.run({ obs: batch['obs'] as HostTensor }), eps)
    // The target is off by alpha times the rounding of the log-density at the next observation.
    const next_eps = drawn.find(({ name }) => name === 'next_eps')!.value
    const ofRows = densityRoundings(await normal.run({ obs: batch['next_obs'] as HostTensor }), next_eps)
    const ofTarget = ofRows.map((r, i) => {
      const { data } = batch['value_gamma'] as HostTensor
      return alphaOf(learn) * r * (1 - (batch['done'] as HostTensor).data[i]!) * data[i]!
    })
    const meanSquare = ofTarget.reduce((sum, r) => sum + r * r, 0) / ofTarget.length
    const before = alphaOf(learn)
    const out = (await learn.forward(batch)) as LearnOutput
    if (draws.left > 0) throw new Error(`Update ${k} left ${draws.left} recorded draws.`)
    const off = (name: Logged) => (roundings?.critic.logged[index]?.get(name)?.[0] ?? 0) / FLOAT32_TOLERANCE
    const lossScale =
      (2 * Math.sqrt(metrics.critic_loss * meanSquare) + meanSquare) / FLOAT32_TOLERANCE + off('critic_loss')
    to.losses.check(
      `${runtime} critic loss ${k}`,
      [out['critic_loss'], lossScale],
      [Math.fround(metrics.critic_loss), lossScale],
    )
    if (update.td_mean_weight) {
      const weight = decode(update.td_mean_weight)
      const priority = { ...update.td_mean_weight, data: Array.from(weight.data, Math.abs) }
      const ofRounding = roundings?.critic.logged[index]?.get('priority')
      checkEntries(
        to.losses,
        `${runtime} priority ${k}`,
        out['priority'] as Float32Array,
        priority,
        Float64Array.from(ofTarget, (r, i) => r + (ofRounding?.[i] ?? 0)),
      )
    }
    to.losses.check(
      `${runtime} actor steps ${k}`,
      Number(out['policy_loss'] !== undefined),
      Number(metrics.actor_step),
    )
    if (metrics.actor_step) {
      const scale = rounding / FLOAT32_TOLERANCE + off('policy_loss')
      to.losses.check(
        `${runtime} actor loss ${k}`,
        [out['policy_loss'], scale],
        [Math.fround(metrics.actor_loss), scale],
      )
      if (metrics.alpha_loss !== null) {
        const alphaScale =
          (rounding * Math.abs(Math.log(before))) / before / FLOAT32_TOLERANCE + off('alpha_loss')
        to.losses.check(
          `${runtime} alpha loss ${k}`,
          [out['alpha_loss'], alphaScale],
          [Math.fround(metrics.alpha_loss), alphaScale],
        )
      }
    }
    to.losses.check(
      `${runtime} alpha after ${k}, of the state and as logged`,
      [alphaOf(learn), out['alpha'], off('alpha')],
      [metrics.alpha, metrics.alpha, off('alpha')],
    )
    const actorSteps = golden.metrics.slice(0, k).filter((m) => m.actor_step).length
    compareGradients(golden.grads[k], `${runtime} gradient ${k}`, model, to.gradients, {
      actor: roundings?.actor.noises.get(actorSteps - 1),
      critic: roundings?.critic.noises.get(index),
    })
    const snapshot = golden.snapshots[k]
    if (snapshot !== undefined) {
      const state = learn.state_dict()
      const ours = state['model'] as Record<string, HostTensor>
      const target = state['target_model'] as Record<string, HostTensor>
      for (const [name, tensor] of named(snapshot.actor))
        within(
          to.networks,
          `${runtime} actor ${name} after ${k}`,
          ours[`actor.${name}`]!.data,
          tensor,
          roundings?.actor.params[actorSteps - 1]?.get(name),
        )
      for (const [name, tensor] of named(snapshot.critic))
        within(
          to.networks,
          `${runtime} critic ${name} after ${k}`,
          ours[`critic.${name}`]!.data,
          tensor,
          roundings?.critic.params[index]?.get(name),
        )
      for (const [name, tensor] of named(snapshot.critic_old))
        within(
          to.networks,
          `${runtime} target ${name} after ${k}`,
          target[name]!.data,
          tensor,
          roundings?.critic.targets[index]?.get(name),
        )
    }
  }
  returns.dispose()
  normal.dispose()
}
function within(
  to: Comparison,
  what: string,
  actual: ArrayLike<number>,
  expected: GoldenTensor,
  allowed: Float64Array | undefined,
): void {
  if (allowed === undefined) checkTensor(to, what, actual, expected)
  else checkEntries(to, what, actual, expected, allowed)
}

function compareGradients(
  grads: { actor?: Tensors; critic?: Tensors } | undefined,
  what: string,
  model: ActorCriticModel,
  to: Comparison,
  noises: Record<'actor' | 'critic', ReadonlyMap<string, Float64Array> | undefined>,
): void {
  for (const part of ['actor', 'critic'] as const) {
    const own = new Map(model[part].namedParameters())
    for (const [name, tensor] of named(grads?.[part] ?? {}))
      within(to, `${what} ${part} ${name}`, own.get(name)?.grad ?? [], tensor, noises[part]?.get(name))
  }
}
