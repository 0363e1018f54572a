import { listenForInterrupt, type Run } from '../pipeline/index.js'
import type { BaseAgent } from './base_agent.js'
import { type BaseCallback, CallbackList, callbackOf, ProgressBarCallback } from './callbacks/index.js'
import type { LearnOptions } from './options.js'
import type { Session } from './session.js'

/** What a `learn` is made of. */
export interface Training<R extends Run> {
  /** Sets the run's limits. */
  prepare(run: R): Promise<void>
  /** The limit that is the one to tell. */
  total(run: R): number
  /** The loop, given all callbacks as one. */
  body(run: R, callback: BaseCallback): Promise<void>
  /** Whether it counts on from the last one (true). */
  readonly goes_on?: boolean
}

/**
 * What goes on around the loop of a `learn`: callbacks before and after, interruption, the progress display.
 * @param loop given all callbacks as one
 */
export async function trainWithCallbacks(
  agent: BaseAgent,
  { run, session, options }: { run: Run; session: Session; options: LearnOptions },
  loop: (callback: BaseCallback) => Promise<void>,
): Promise<void> {
  const own = options.progress_bar === true ? [new ProgressBarCallback()] : []
  const callback = new CallbackList([callbackOf(options.callback ?? null), ...own])
  await callback.initCallback(agent)
  run.stop_reason = undefined
  agent.monitor.start(run.logger.now(), agent.num_timesteps)
  session.interrupt = listenForInterrupt(
    (name) => run.logger.info(`${name}: stopping after this round.`),
    options.signal,
  )
  try {
    await callback.trainingStart({ self: agent, total_timesteps: agent.total_timesteps })
    await loop(callback)
    await callback.trainingEnd()
  } finally {
    session.interrupt.release()
    session.interrupt = undefined
    run.logger.progress.stop()
    run.logger.flush()
  }
}
