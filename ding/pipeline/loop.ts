import { join } from 'node:path'
import { encodeExact, writeFileAtomic } from '../utils/index.js'
import type { RunResult } from './result.js'
import type { Run } from './run.js'
import { loadRunState, saveRunState } from './run_state.js'
import { evaluateNow, type Stage, warmup } from './stages.js'

function reachedLimit(run: Run): void {
  const { env_step, train_iter } = run.progress
  if (run.stop_reason !== undefined) return
  if (run.interrupt.requested !== undefined) run.stop_reason = 'interrupted'
  else if (train_iter >= run.limits.max_train_iter) run.stop_reason = 'max_train_iter'
  else if (env_step >= run.limits.max_env_step) run.stop_reason = 'max_env_step'
}

/**
 * The one loop of all pipelines: warm-up once, then rounds of `stages` until the stop value, a limit or an interruption.
 * Limits and interruptions are looked at between rounds, where the run state is whole. With `resume` it starts from the
 * run state in the experiment folder.
 */
export async function runLoop(run: Run, stages: readonly Stage[], options: { resume?: boolean } = {}): Promise<RunResult> {
  await run.learner.call_hook('before_run')
  if (options.resume === true) await loadRunState(run)
  await warmup.run(run)
  reachedLimit(run)
  while (run.stop_reason === undefined) {
    for (const stage of stages) {
      await stage.run(run)
      if (run.stop_reason !== undefined) break
    }
    reachedLimit(run)
  }
  await finish(run)
  return run.result
}

async function finish(run: Run): Promise<void> {
  if (run.learner.cfg.hook.save_run_state) await saveRunState(run)
  const stoppedByLimit = run.stop_reason === 'max_train_iter' || run.stop_reason === 'max_env_step'
  if (stoppedByLimit && run.last_eval?.iter !== run.learner.train_iter) {
    await evaluateNow(run)
  }
  await run.learner.call_hook('after_run')
  const { policy: _policy, ...rest } = run.result
  writeFileAtomic(join(run.exp_dir, 'result.json'), `${JSON.stringify(encodeExact(rest), null, 2)}\n`)
}
