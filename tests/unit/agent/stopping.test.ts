import { describe, expect, it } from 'vitest'
import {
  BaseCallback,
  CallbackList,
  type CallbackModel,
  EvalCallback,
  EveryNTimesteps,
  StopTrainingOnNoModelImprovement,
} from '../../../ding/agent/index.js'

/** An agent as far as these callbacks look at it. */
async function attached<C extends BaseCallback>(
  callback: C,
): Promise<{ callback: C; at: (n: number) => void }> {
  const model = { num_timesteps: 0 }
  await callback.initCallback(model as unknown as CallbackModel)
  return {
    callback,
    at: (num_timesteps) => {
      model.num_timesteps = num_timesteps
    },
  }
}

class Answering extends BaseCallback {
  readonly events: string[] = []

  constructor(private readonly answer: boolean) {
    super()
  }

  protected override onTrainingStart() {
    this.events.push(`start of ${this.locals['total_timesteps']}`)
  }
  protected override onStep() {
    this.events.push(`step at ${this.num_timesteps}`)
    return this.answer
  }
  protected override onTrainingEnd() {
    this.events.push('end')
  }
}

describe('StopTrainingOnNoModelImprovement', () => {
  it('counts anew from each new best mean return', async () => {
    const stop = new StopTrainingOnNoModelImprovement({ max_no_improvement_evals: 1 })
    const { callback } = await attached(new EvalCallback('Pendulum-v1', { callback_after_eval: stop }))
    const answers: boolean[] = []
    for (const best of [1, 1, 2, 2, 3, 3, 3]) {
      callback.best_mean_reward = best
      answers.push(await stop.step({}))
    }
    expect(answers).toEqual([true, true, true, true, true, true, false])
  })
})

describe('EveryNTimesteps', () => {
  it('begins to count again where the agent does', async () => {
    const inner = new Answering(true)
    const { callback, at } = await attached(new EveryNTimesteps({ n_steps: 10, callback: inner }))
    for (const run of [
      [5, 10, 15, 20, 25],
      [5, 10, 15, 20],
    ]) {
      at(0)
      await callback.trainingStart({ total_timesteps: run.length })
      for (const num_timesteps of run) {
        at(num_timesteps)
        await callback.step({})
      }
    }
    expect(inner.events).toEqual([
      'start of 5',
      'step at 10',
      'step at 20',
      'start of 4',
      'step at 10',
      'step at 20',
    ])
  })
})

describe('CallbackList', () => {
  it('asks all at each step, whatever the first answers, through lists within lists', async () => {
    const each = [true, false, true, true].map((answer) => new Answering(answer))
    const [a, b, c, d] = each as [Answering, Answering, Answering, Answering]
    const within = new EveryNTimesteps({ n_steps: 1, callback: new CallbackList([d]) })
    const { callback, at } = await attached(new CallbackList([a, new CallbackList([b, c]), within]))
    await callback.trainingStart({ total_timesteps: 7 })
    at(1)
    expect(await callback.step({})).toBe(false)
    await callback.trainingEnd()
    for (const { events } of each) expect(events).toEqual(['start of 7', 'step at 1', 'end'])
  })
})
