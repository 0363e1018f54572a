import { SERIAL_EVALUATOR_REGISTRY } from '../../registry/index.js'
import { UsageError } from '../../utils/index.js'
import {
  type EpisodeInfo,
  InteractionSerialEvaluator,
  interactionEvaluatorConfig,
} from './interaction_serial_evaluator.js'

/**
 * Never evaluates and asks for no environment: for data without a simulator (env.type 'none', which chooses it by itself), or where evaluating is
 * done elsewhere. A run with it has no ckpt_best and no stop value; its result is NaN.
 */
@SERIAL_EVALUATOR_REGISTRY.register('none')
export class NoEvaluator extends InteractionSerialEvaluator {
  static override readonly config = interactionEvaluatorConfig
  static override readonly evaluates: boolean = false

  override should_eval(_train_iter: number): boolean {
    return false
  }

  /** @throws UsageError always */
  override async eval(): Promise<{ stop: boolean; episode_info: EpisodeInfo }> {
    throw new UsageError(
      "Nothing can be evaluated: env.type or create_config.evaluator.type is 'none'. Name an environment, and the evaluator 'interaction'.",
    )
  }

  /** There is nothing to close. */
  override async close(): Promise<void> {}
}
