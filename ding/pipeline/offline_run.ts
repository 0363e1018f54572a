import type { Container } from 'inversify'
import { D4RL_REFERENCE_SCORES, normalised_score, type OfflineDataset } from '../data/index.js'
import type { StateTree } from '../utils/index.js'
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

  private constructor(
    parts: RunParts,
    readonly dataset: OfflineDataset,
  ) {
    super(parts)
  }

  static async compose(container: Container, setting: RunSetting): Promise<OfflineRun> {
    const dataset = await container.getAsync(ROLES.dataset)
    return new OfflineRun(await composeParts(container, setting), dataset)
  }

  /** `policy.learn.train_epoch` passes over the data end the run. */
  override limitReached(): StopReason | undefined {
    const { train_epoch } = this.policy.cfg.learn as { train_epoch?: number | null }
    const over = typeof train_epoch === 'number' && this.dataset.epoch >= train_epoch
    return over ? 'max_epoch' : super.limitReached()
  }

  /** D4RL's score of a return (0: random, 100: expert), where the data's environment has reference returns. */
  override normalisedScore(mean: number): number | undefined {
    const { env_id } = this.dataset
    return env_id !== undefined && D4RL_REFERENCE_SCORES.has(env_id)
      ? normalised_score(env_id, mean)
      : undefined
  }

  protected async ownState(): Promise<StateTree> {
    return { dataset: this.dataset.state_dict() }
  }

  protected async loadOwnState(state: StateTree): Promise<void> {
    await loadParts(state, { dataset: this.dataset })
  }
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
