import { DatasetError } from '../utils/index.js'
import type { OfflineToOnlineRun } from './offline_to_online_run.js'
import type { OnlineRun } from './online_run.js'
import {
  checkpoint,
  collect,
  evaluate,
  evaluateNow,
  learn,
  learnFromBuffer,
  push,
  type Stage,
} from './stages.js'

/** Puts the dataset into the replay buffer; a resumed run has it there already. */
export const loadDataset: Stage<OfflineToOnlineRun> = {
  name: 'load',
  run: (run) => run.loadData(),
}

/** Goes over to collecting when the updates from the data are done, after an evaluation of what came of them. */
export const switchPhase: Stage<OfflineToOnlineRun> = {
  name: 'switch',
  async run(run) {
    if (run.online || run.train_iter < run.offline_iterations) return
    if (run.evaluator.evaluates && run.last_eval?.iter !== run.train_iter) await evaluateNow(run)
    run.goOnline('ckpt_offline')
  },
}

/** A stage that there is only after the switch. */
function online(stage: Stage<OnlineRun>): Stage<OfflineToOnlineRun> {
  return {
    name: stage.name,
    async run(run) {
      if (run.online) await stage.run(run)
    },
  }
}

/** Before the switch one update, after it as `update_per_collect` says; from the same buffer. */
const learnInPhase: Stage<OfflineToOnlineRun> = {
  name: 'learn',
  async run(run) {
    if (run.online) {
      await learn.run(run)
    } else {
      const before = run.train_iter
      await learnFromBuffer(run, 1)
      if (run.train_iter === before) {
        throw new DatasetError(
          `The replay buffer holds the dataset's ${run.buffer.count()} transitions, but gives no batch of them (its log says why). Lower ` +
            'policy.learn.batch_size, or let the buffer repeat rows (policy.other.replay_buffer.replace).',
        )
      }
    }
    run.showProgress()
  },
}

/** One round of both phases. */
export const OFFLINE_TO_ONLINE_STAGES: readonly Stage<OfflineToOnlineRun>[] = [
  switchPhase,
  evaluate,
  online(collect),
  online(push),
  learnInPhase,
  checkpoint,
]
