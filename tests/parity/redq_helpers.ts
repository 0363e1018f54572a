import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { defaultsOf } from '../../ding/config/index.js'
import { scaleAction, unscaleAction } from '../../ding/envs/act_scale.js'
import { normalLogit } from '../../ding/model/index.js'
import { REDQPolicy } from '../../ding/policy/index.js'
import { tanh_normal_sample } from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { checkEntries } from './adam_rounding.js'
import { Comparison } from './compare.js'
import { decode, type GoldenTensor } from './golden.js'
import { RecordedDraws, withDraws } from './recorded_draws.js'
import { modelOf, named, type Tensors } from './redq_networks.js'
import { densityRoundings } from './redq_rounding.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult } from './types.js'

/** Recorded results of the parts. */
export interface GoldenHelpers {
  readonly actor: Tensors
  readonly obs: GoldenTensor
  readonly eps: GoldenTensor
  readonly train?: Record<'act' | 'log_prob' | 'mu' | 'sigma', GoldenTensor>
  readonly eval_deterministic?: Record<'act' | 'log_prob', GoldenTensor>
  readonly map_action?: Record<
    'in' | 'out' | 'policy_act_mapped' | 'inverse(map_action(act))',
    GoldenTensor
  > & {
    readonly bound?: string | null
    readonly low: number[]
    readonly high: number[]
  }
}

/** Tianshou's parts: the actor's samples and their densities, its mode, and the mapping of actions to a space. */
export async function redqHelpers(golden: GoldenHelpers): Promise<FileResult> {
  const eps = defaultsOf(REDQPolicy.config).learn.log_prob_eps
  const train = new Comparison('train')
  const mode = new Comparison('eval_deterministic')
  for (const { name, compute } of await runtimes()) {
    const model = modelOf(golden.actor, undefined)
    const own = new Map(model.actor.namedParameters())
    for (const [key, tensor] of named(golden.actor)) own.get(key)!.set(decode(tensor).data)
    const draws = new RecordedDraws()
    draws.push(golden.eps)
    const program = withDraws(compute, draws).program('sample', ({ obs }: { obs: Tensor }) => {
      const output = model.actor.forward(obs)
      const logit = normalLogit(output)
      const ofMode = tanh_normal_sample({ ...logit, noise: tf.zerosLike(logit.mu) }, eps)
      return {
        mu: logit.mu,
        sigma: logit.sigma,
        sample: tanh_normal_sample(logit, eps),
        ofMode,
        action: output['action'] as Tensor,
      }
    })
    const out = await program.run({ obs: decode(golden.obs) })
    // What float32 alone does to the density, row by row: far more than its digits near the bounds.
    const density = (to: Comparison, log_prob: HostTensor, expected: GoldenTensor, eps: GoldenTensor) =>
      checkEntries(
        to,
        `${name} log_prob`,
        log_prob.data,
        expected,
        Float64Array.from(densityRoundings(out, eps)),
      )
    if (golden.train) {
      train.check(`${name} mu`, out.mu, golden.train.mu)
      train.check(`${name} sigma`, out.sigma, golden.train.sigma)
      train.check(`${name} act`, out.sample.action, golden.train.act)
      density(train, out.sample.log_prob, golden.train.log_prob, golden.eps)
    }
    if (golden.eval_deterministic) {
      mode.check(`${name} act`, out.action, golden.eval_deterministic.act)
      density(mode, out.ofMode.log_prob, golden.eval_deterministic.log_prob, {
        ...golden.eps,
        data: golden.eps.data.map(() => 0),
      })
    }
    program.dispose()
  }
  return {
    cases: [
      ...(golden.train ? [train.result()] : []),
      ...(golden.eval_deterministic ? [mode.result()] : []),
      ...(golden.map_action ? [mapping(golden.map_action, golden.train?.act)] : []),
    ],
  }
}

function mapping(
  { low, high, bound = 'clip', ...golden }: NonNullable<GoldenHelpers['map_action']>,
  act: GoldenTensor | undefined,
): CaseResult {
  // Without a bound the mapping is the same for actions in [-1, 1], where a squashed actor's are.
  const inside = golden.in.data.every((value) => Math.abs(value) <= 1)
  if (bound !== 'clip' && !(bound === null && inside))
    throw new Error(`Our actions are clipped to their bounds; the case has "${bound}".`)
  const comparison = new Comparison('map_action')
  const [from, to] = [Float32Array.from(low), Float32Array.from(high)]
  const rows = ({ data, shape }: GoldenTensor) =>
    Array.from({ length: shape[0]! }, (_, i) => data.slice(i * shape[1]!, (i + 1) * shape[1]!))
  comparison.check(
    'given actions',
    rows(golden.in).map((action) => scaleAction(action, from, to)),
    golden.out,
  )
  if (act !== undefined) {
    const mapped = rows(act).map((action) => scaleAction(action, from, to))
    comparison.check("the policy's actions", mapped, golden.policy_act_mapped)
    comparison.check(
      'and back',
      mapped.map((action) => unscaleAction(action, from, to)),
      golden['inverse(map_action(act))'],
    )
  }
  return comparison.result()
}
