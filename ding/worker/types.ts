import type { BaseCollector, CollectorOptions } from './collector/index.js'
import type { EvaluatorOptions, InteractionSerialEvaluator } from './evaluator/index.js'
import type { BaseLearner, LearnerOptions } from './learner/index.js'

/** What LEARNER_REGISTRY holds. */
export type LearnerClass = new (cfg: never, options: LearnerOptions) => BaseLearner
/** What SERIAL_COLLECTOR_REGISTRY holds. */
export interface CollectorClass {
  new (cfg: never, options: CollectorOptions): BaseCollector
  /** What `collect` counts, hence which of policy.collect.n_sample and n_episode it takes; 'sample' when left out. */
  readonly unit?: 'sample' | 'episode'
}
/** What SERIAL_EVALUATOR_REGISTRY holds. */
export interface EvaluatorClass {
  new (cfg: never, options: EvaluatorOptions): InteractionSerialEvaluator
  /** False for a kind that plays no episodes and is made without environments; true when left out. */
  readonly evaluates?: boolean
}

declare module '../registry/index.js' {
  interface RegistryTypes {
    learner: LearnerClass
    serial_collector: CollectorClass
    serial_evaluator: EvaluatorClass
  }
}
