import type { Container } from 'inversify'
import { D4RL_REFERENCE_SCORES, normalised_score, type OfflineDataset } from '../data/index.js'
import type { StateTree } from '../utils/index.js'
import { checkNoRunning } from './check.js'
import type { StopReason } from './result.js'
import { ROLES } from './roles.js'
import { composeParts, loadParts, Run, type RunParts, type RunSetting } from './run.js'
import { checkpoint, evaluate, type Stage } from './stages.js'

/** A run that learns from a dataset and collects nothing. Its x axis is the training iteration. */
export class OfflineRun extends Run {
  readonly kind = 'offline'
  readonly progress_unit = 'train_iter'
  readonly env_step = 0

  override get curve_step(): number {
    return -1
  }

  override get collects(): boolean {
    return false
  }

  private constructor(
    parts: RunParts,
    readonly dataset: OfflineDataset,
  ) {
    super(parts)
  }

  static async compose(container: Container, setting: RunSetting): Promise<OfflineRun> {
    const dataset = await container.getAsync(ROLES.dataset)
    const parts = await composeParts(container, setting)
    const { policy } = parts
    for (const odd of policy.checkData(dataset)) parts.logger.warn(`dataset: ${odd}`)
    if (dataset.obs_norm !== undefined) policy.setObservationNorm(dataset.obs_norm)
    checkNoRunning(policy.cfg)
    const { train_epoch, batch_size } = policy.cfg.learn as {
      train_epoch?: number | null
      batch_size?: number
    }
    if (typeof train_epoch === 'number' && typeof batch_size === 'number') {
      // At least 1: data too few for a batch are refused when the first is drawn.
      const updates = Math.max(1, dataset.batchesIn(train_epoch, batch_size))
      policy.setAttribute('max_train_iter', Math.min(updates, setting.limits.max_train_iter))
    }
    return new OfflineRun(parts, dataset)
  }

  /** `policy.learn.train_epoch` passes over the data end the run. */
  override limitReached(): StopReason | undefined {
    const { train_epoch } = this.policy.cfg.learn as { train_epoch?: number | null }
    const over = typeof train_epoch === 'number' && this.dataset.epoch >= train_epoch
    return over ? 'max_epoch' : super.limitReached()
  }

  /** D4RL's score of a return (0: random, 100: expert), where the data's environment has reference returns. */
  override normalisedScore(mean: number): number | undefined {
    return d4rlScore(this.dataset.env_id, mean)
  }

  protected async ownState(): Promise<StateTree> {
    return { dataset: this.dataset.state_dict() }
  }

  protected async loadOwnState(state: StateTree): Promise<void> {
    await loadParts(state, { dataset: this.dataset })
  }
}

/** Checks the policy against the environments that it is evaluated in, if there are any. @throws ConfigError when it does not fit */
export async function checkEvaluatorSpaces(container: Container): Promise<void> {
  if (!(await container.getAsync(ROLES.evaluator)).evaluates) return
  const policy = await container.getAsync(ROLES.policy)
  const { observation_space, action_space } = await container.getAsync(ROLES.evaluator_env)
  policy.checkSpaces(observation_space, action_space)
}

/** D4RL's score of a return, where the environment has reference returns. */
export function d4rlScore(env_id: string | undefined, mean: number): number | undefined {
  return env_id !== undefined && D4RL_REFERENCE_SCORES.has(env_id)
    ? normalised_score(env_id, mean)
    : undefined
}

/** One update from the dataset. */
const learnFromDataset: Stage<OfflineRun> = {
  name: 'learn',
  async run(run) {
    const { batch_size } = run.policy.cfg.learn as unknown as { batch_size: number }
    await run.learner.train(run.dataset.sample(batch_size), run.curve_step)
    run.showProgress()
  },
}

/** One round of the offline loop. */
export const OFFLINE_STAGES: readonly Stage<OfflineRun>[] = [evaluate, learnFromDataset, checkpoint]
