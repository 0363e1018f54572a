import {
  OFFLINE_STAGES,
  type OfflineRun,
  type Run,
  runLoop,
  type Stage,
  tellLimits,
} from '../pipeline/index.js'
import { UsageError } from '../utils/index.js'
import type { AgentState } from './agent_file.js'
import { BaseAgent } from './base_agent.js'
import type { BaseCallback } from './callbacks/index.js'
import { checkCount, checkOptions, type LearnOptions } from './options.js'

export interface OfflineLearnOptions extends LearnOptions {
  /** Updates, beyond those done before. */
  readonly train_iterations: number
}

const OPTIONS = ['train_iterations', 'callback', 'log_interval', 'tb_log_name', 'progress_bar', 'signal']

/** An agent that learns from a dataset and collects nothing: the updates of the offline pipeline. */
export class OfflineAgent extends BaseAgent {
  protected readonly offline = true

  protected countOf(run: Run): number {
    return run.train_iter
  }

  protected bufferOf(): undefined {
    return undefined
  }

  protected restoreCounters(run: Run, { n_updates }: AgentState): void {
    run.learner.load_state_dict({ ...run.learner.state_dict(), last_iter: n_updates })
  }

  /** Does so many updates from the dataset; each is a step for callbacks. Called again it goes on. */
  async learn(options: OfflineLearnOptions): Promise<this> {
    checkOptions('learn', options, OPTIONS)
    checkCount('learn', 'train_iterations', options.train_iterations)
    const { collect } = (await this.config()).main_config.policy as { collect: { data_path?: unknown } }
    if (!collect.data_path)
      throw new UsageError(
        `This ${this.table.name} agent has no dataset to learn from: give one to its constructor, or to load.`,
      )
    let limit = options.train_iterations
    const prepare = async (run: OfflineRun) => {
      limit = run.train_iter + options.train_iterations
      Object.assign(run.limits, { max_train_iter: limit })
      tellLimits(run.policy, run.limits)
    }
    const body = async (run: OfflineRun, callback: BaseCallback) => {
      await runLoop(run, [update(callback, this)], { result_file: false })
    }
    await this.train<OfflineRun>(options, () => limit, body, prepare)
    return this
  }
}

function update(callback: BaseCallback, self: OfflineAgent): Stage<OfflineRun> {
  const learn = OFFLINE_STAGES.filter(({ name }) => name === 'learn')
  return {
    name: 'learn',
    async run(run) {
      for (const stage of learn) await stage.run(run)
      if (!(await callback.step({ self }))) run.stop_reason = 'callback'
    },
  }
}
