import type { Batch, Transition } from '../../data/index.js'
import type { LearnOutput } from '../../policy/index.js'
import type { StateTree } from '../../utils/index.js'
import type { CollectOptions } from '../../worker/index.js'

/**
 * The three interfaces behind which the parts of the serial pipeline work in parallel, unchanged: a collector (`SampleSerialCollector`,
 * `EpisodeSerialCollector` or a user's own), a learner (`BaseLearner`), and a policy's mode.
 */
export interface ActAndObserve {
  collect(count: number, options?: CollectOptions): Promise<Transition[]>
}

export interface Learn {
  readonly train_iter: number
  train(batch: Batch, env_step?: number): Promise<LearnOutput[]>
}

/** Everything that acting depends on: weights and normalisation statistics. Held by `collect_mode` and `eval_mode`. */
export interface GetParameters {
  state_dict(): StateTree
  load_state_dict(state: StateTree): void
}
