import { afterEach, describe, expect, test } from 'vitest'
import {
  type BaseLearner,
  Commander,
  type EvaluationJob,
  type EvaluationResult,
  type Exchange,
  TOPICS,
} from '../../../ding/index.js'
import { SILENT } from './fixtures.js'

const EVAL_FREQ = 10
const never = new AbortController().signal
const open: Commander[] = []
afterEach(() => {
  for (const commander of open.splice(0)) commander.close()
})

/** A commander, the jobs that it asks to be done, and how it is told of results. */
function commanderOf(options: { evaluator_comes?: boolean; evaluator?: boolean } = {}) {
  const { evaluator_comes = false, evaluator = true } = options
  const jobs: EvaluationJob[] = []
  let answer: (result: unknown) => Promise<unknown> = () => Promise.resolve()
  const exchange = {
    control: {
      serve: (topic: string, handler: typeof answer) => {
        expect(topic).toBe(TOPICS.evaluation_result)
        answer = handler
        return () => undefined
      },
      subscribe: () => () => undefined,
      request: async (_topic: string, job: unknown) => {
        if (!evaluator) throw new Error('nobody answers')
        jobs.push(job as EvaluationJob)
        return 'evaluator0'
      },
    },
    store: { put: async () => undefined, delete: async () => undefined },
  }
  const learner = { save_checkpoint: () => undefined, promote_checkpoint: () => true }
  const commander = new Commander({
    exchange: exchange as unknown as Exchange,
    learner: learner as unknown as BaseLearner,
    logger: SILENT,
    eval_freq: EVAL_FREQ,
    heartbeat_seconds: 1000,
    missed_heartbeats: 3,
    parameters: () => new Uint8Array(1),
    session: () => 0,
    evaluator_comes,
  })
  open.push(commander)
  const finish = (job: EvaluationJob, mean: number) =>
    answer({ ...job, returns: [mean], mean, stop: false } satisfies EvaluationResult)
  return { commander, jobs, finish }
}

describe('the commander', () => {
  test('takes the result of the job that is under way, once, and of no other', async () => {
    const { commander, jobs, finish } = commanderOf()
    await commander.start(0, 0, never)
    expect(await finish(jobs[0]!, 1)).toBe(true)
    await commander.start(10, 40, never)
    expect(await finish(jobs[0]!, 7)).toBe(false)
    expect(commander.last).toEqual({ iter: 0, mean: 1, raw: [1] })
    expect(commander.due(20)).toBe(false)
    expect(await finish(jobs[1]!, 2)).toBe(true)
    expect(await finish(jobs[1]!, 3)).toBe(false)
    expect([commander.last, commander.best]).toEqual([{ iter: 10, mean: 2, raw: [2] }, 2])
  })

  test('asks anew, after a resume, for an evaluation that was under way, and for no other', async () => {
    const { commander, jobs, finish } = commanderOf()
    const dueAfterResume = (train_iter: number) => {
      const resumed = commanderOf().commander
      resumed.load_state_dict(JSON.parse(JSON.stringify(commander.state_dict())))
      return resumed.due(train_iter)
    }
    await commander.start(0, 0, never)
    expect(dueAfterResume(0)).toBe(true)
    await finish(jobs[0]!, 1)
    expect([dueAfterResume(9), dueAfterResume(10)]).toEqual([false, true])
    await commander.start(10, 40, never)
    expect(dueAfterResume(12)).toBe(true)
    await finish(jobs[1]!, 1)
    expect([dueAfterResume(12), dueAfterResume(20)]).toEqual([false, true])
  })

  test.each([
    [{ evaluator: false }, false],
    [{ evaluator: true }, true],
    [{ evaluator: false, evaluator_comes: true }, true],
  ])('with %j the next evaluation waits for the last one: %j', async (options, waits) => {
    const { commander } = commanderOf(options)
    expect(commander.behind(EVAL_FREQ)).toBe(false)
    await commander.start(0, 0, never)
    expect(commander.behind(EVAL_FREQ - 1)).toBe(false)
    expect(commander.behind(EVAL_FREQ)).toBe(waits)
  })
})
