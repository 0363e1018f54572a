import { join } from 'node:path'
import { configToJson, shownConfig } from '../config/index.js'
import { encodeExact, writeFileAtomic } from '../utils/index.js'
import { letEventsIn } from './events.js'
import { startProgress } from './report.js'
import type { RunResult } from './result.js'
import type { Run } from './run.js'
import { loadRunState, saveRunState } from './run_state.js'
import { checkpoint, evaluateNow, type Stage } from './stages.js'

/**
 * The one loop of all pipelines: `opening` once, then rounds of `stages` until the stop value, a limit or an interruption.
 * Limits and interruptions are looked at between rounds, where the run state is whole. With `resume` it starts from the
 * run state in the experiment folder, and calls `on_resumed` when the first round has shown that the run goes on from it, before anything of it is saved. A last evaluation follows where `evaluate` is among the stages. `result_file` (true) writes result.json.
 */
export async function runLoop<R extends Run>(
  run: R,
  stages: readonly Stage<R>[],
  options: {
    opening?: readonly Stage<R>[]
    resume?: boolean
    on_resumed?: () => void
    result_file?: boolean
  } = {},
): Promise<RunResult> {
  run.learner.resumes = options.resume === true
  await run.learner.call_hook('before_run')
  if (options.resume === true) await loadRunState(run)
  startProgress(run)
  run.logger.text('config', `\`\`\`json\n${configToJson(run.config)}\`\`\``, run.train_iter)
  for (const stage of options.opening ?? []) await stage.run(run)
  run.stop_reason ??= run.limitReached()
  let tell = options.resume === true ? options.on_resumed : undefined
  while (run.stop_reason === undefined) {
    for (const stage of stages) {
      if (stage === checkpoint) {
        tell?.()
        tell = undefined
      }
      await stage.run(run)
      await letEventsIn()
      if (run.stop_reason !== undefined) break
    }
    run.stop_reason ??= run.limitReached()
  }
  await finish(run, {
    evaluates: run.evaluator.evaluates && stages.some(({ name }) => name === 'evaluate'),
    result_file: options.result_file !== false,
  })
  return run.result
}

interface Conclusion {
  readonly evaluates: boolean
  readonly result_file: boolean
}

/** Saves the run state first, where a run that goes on further would be; a state that cannot be saved takes nothing else of the run with it. */
async function finish(run: Run, does: Conclusion): Promise<void> {
  let unsaved: { readonly cause: unknown } | undefined
  try {
    if (run.learner.cfg.hook.save_run_state) await saveRunState(run)
  } catch (cause) {
    unsaved = { cause }
  }
  try {
    await conclude(run, does)
  } catch (cause) {
    // The first error is the one to be told of; others follow from it.
    throw unsaved === undefined ? cause : unsaved.cause
  }
  if (unsaved !== undefined) throw unsaved.cause
}

async function conclude(run: Run, does: Conclusion): Promise<void> {
  const stoppedByLimit = run.stop_reason !== 'stop_value' && run.stop_reason !== 'interrupted'
  if (does.evaluates && stoppedByLimit && run.last_eval?.iter !== run.learner.train_iter) {
    await evaluateNow(run)
  }
  await run.learner.call_hook('after_run')
  const { policy: _policy, ...rest } = run.result
  const { eval_value, env_step, train_iter } = rest
  run.logger.hparams(shownConfig(run.config), { eval_value, env_step, train_iter })
  if (does.result_file)
    writeFileAtomic(join(run.exp_dir, 'result.json'), `${JSON.stringify(encodeExact(rest), null, 2)}\n`)
}
