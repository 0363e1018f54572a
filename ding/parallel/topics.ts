/** The topics of the control bus that the roles share. */
export const TOPICS = {
  /** Heartbeats: {@link RoleStatus}. */
  status: 'status',
  /** Lines and numbers for the run's one log. */
  log: 'log',
  /** The same, asked for, so that what was announced before has been read when the answer comes. */
  log_flush: 'log_flush',
  /** An evaluation to be done: {@link EvaluationJob}. Answered by the evaluator that does it, at once. */
  evaluate: 'evaluate',
  /** What an evaluation gave: {@link EvaluationResult}. Answered when the learner has it. */
  evaluation_result: 'evaluation_result',
  /** What a supervisor says to itself, to know that the exchange carries what is said. */
  pulse: 'pulse',
  /** The run is over. */
  stop: 'stop',
} as const

/** What a role says of itself. */
export interface RoleStatus {
  readonly role: 'learner' | 'collector' | 'evaluator'
  /** A role that is started again has another. */
  readonly member: string
  /** `working` roles must get further, `waiting` ones need not. */
  readonly state: 'starting' | 'working' | 'waiting' | 'done'
  /** Grows while the role works. */
  readonly progress: number
  /** The version of the parameters that it has. */
  readonly version: number
  /** More numbers, by name. */
  readonly details: Readonly<Record<string, number | null>>
}

export interface EvaluationJob {
  readonly job: string
  readonly train_iter: number
  readonly env_step: number
}

export interface EvaluationResult {
  readonly job: string
  readonly train_iter: number
  readonly env_step: number
  readonly returns: readonly number[]
  readonly mean: number
  readonly stop: boolean
}
