import type { CompiledConfig } from '../../config/index.js'
import type { RunLimits } from '../../pipeline/index.js'
import type { Exchange } from '../exchange/index.js'
import { runCollector } from '../roles/collector.js'
import { runEvaluator } from '../roles/evaluator.js'
import { runLearner } from '../roles/learner.js'

/** One role of a run, and which start of it. */
export interface RoleSpec {
  readonly role: 'learner' | 'collector' | 'evaluator'
  /** Its name in the run: 'learner', 'evaluator', 'collector0', ... */
  readonly id: string
  readonly incarnation: number
}

/** What all roles of a run are told. */
export interface RunSpec {
  readonly exp_dir: string
  readonly limits: RunLimits
  readonly resume: boolean
  /** The version of the parameters that an earlier start of the run left, 0 where there are none: its learner publishes newer ones. */
  readonly after_version: number
}

/** Runs a role to its end. A role that was started before goes on from what the run has saved. */
export function runRole(
  exchange: Exchange,
  config: CompiledConfig,
  { role, id, incarnation }: RoleSpec,
  { exp_dir, limits, resume, after_version }: RunSpec,
  signal: AbortSignal,
): Promise<unknown> {
  const common = { signal, incarnation, exp_dir }
  if (role === 'collector') return runCollector(exchange, config, id, { ...common, after_version })
  if (role === 'evaluator') return runEvaluator(exchange, config, common)
  return runLearner(exchange, config, {
    ...common,
    limits,
    resume: resume || incarnation > 0,
    evaluator_comes: true,
  })
}
