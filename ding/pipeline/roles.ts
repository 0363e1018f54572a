import type { ServiceIdentifier } from 'inversify'
import type { Compute, RandomTree } from '../compute/index.js'
import type { CompiledConfig } from '../config/index.js'
import type { OfflineDataset, ReplayBuffer } from '../data/index.js'
import type { EnvManager } from '../envs/index.js'
import type { RunLogger } from '../logger/index.js'
import type { Policy } from '../policy/index.js'
import type { BaseCollector, BaseLearner, InteractionSerialEvaluator } from '../worker/index.js'

/** The parts that a run is put together from. Any of them can be rebound by a test or a user. */
export const ROLES = {
  config: Symbol.for('ding.role.config') as ServiceIdentifier<CompiledConfig>,
  random: Symbol.for('ding.role.random') as ServiceIdentifier<RandomTree>,
  logger: Symbol.for('ding.role.logger') as ServiceIdentifier<RunLogger>,
  compute: Symbol.for('ding.role.compute') as ServiceIdentifier<Compute>,
  policy: Symbol.for('ding.role.policy') as ServiceIdentifier<Policy>,
  collector_env: Symbol.for('ding.role.collector_env') as ServiceIdentifier<EnvManager>,
  evaluator_env: Symbol.for('ding.role.evaluator_env') as ServiceIdentifier<EnvManager>,
  dataset: Symbol.for('ding.role.dataset') as ServiceIdentifier<OfflineDataset>,
  buffer: Symbol.for('ding.role.buffer') as ServiceIdentifier<ReplayBuffer>,
  learner: Symbol.for('ding.role.learner') as ServiceIdentifier<BaseLearner>,
  collector: Symbol.for('ding.role.collector') as ServiceIdentifier<BaseCollector>,
  evaluator: Symbol.for('ding.role.evaluator') as ServiceIdentifier<InteractionSerialEvaluator>,
} as const
