import { hostname } from 'node:os'
import { type Exchange, UsageError } from '../ding/index.js'

/** Whoever learns serves this topic, so that a second learner finds out that there is one. */
const LEARNER_IS_HERE = 'learner_is_here'
const LOOK_FOR_LEARNER_MS = 1_500

/** Tells those who ask that the run has a learner. @returns a function that ends it */
export function sayLearnerIsHere(exchange: Exchange): () => void {
  return exchange.control.serve(LEARNER_IS_HERE, async () => hostname())
}

/**
 * Looks for what an exchange that outlives its runs has of this one.
 * @param resume whether the run goes on from its run state
 * @returns the version of the parameters that the run left, 0 where there are none
 * @throws UsageError when somebody learns already, or the run on the server is not the one in the folder
 */
export async function refuseOtherRun(exchange: Exchange, exp_dir: string, resume: boolean): Promise<number> {
  const other = await exchange.control
    .request(LEARNER_IS_HERE, null, LOOK_FOR_LEARNER_MS)
    .catch(() => undefined)
  if (other !== undefined) {
    throw new UsageError(
      `The run has a learner already, on ${String(other)}; there can be one. Collectors and evaluators may be many.`,
    )
  }
  const left = await exchange.parameters.newest()
  if (left !== undefined && !resume) {
    throw new UsageError(
      `The server holds a run of this name (parameters of version ${left.version}), but ${exp_dir} has no run state to go on from. ` +
        'Go on with that run in its folder (-m parallel: --resume), remove what it left with `ding nats clean`, or give the new run a name ' +
        '(exp_name, or exchange.run).',
    )
  }
  return left?.version ?? 0
}
