import { describe, expect, test } from 'vitest'
import { createTimestep } from '../../../ding/envs/index.js'
import { SuccessWatch } from '../../../ding/worker/index.js'

const step = (reward: number, info: Record<string, unknown> = {}) =>
  createTimestep(Float32Array.of(0), reward, false, false, info)

/** What is said of an episode with these steps. */
function judged(watch: SuccessWatch, steps: readonly ReturnType<typeof step>[]): boolean | undefined {
  for (const one of steps) watch.step(0, one)
  return watch.end(0, steps.at(-1)!)
}

describe('SuccessWatch', () => {
  test('by_reward: any positive reward is success, where the environment tells neither way', () => {
    const watch = new SuccessWatch(true)
    expect(judged(watch, [step(0), step(0.5), step(-1)])).toBe(true)
    expect(judged(watch, [step(0), step(-1)])).toBe(false)
    const told = [step(1, { goal_achieved: false }), step(1, { goal_achieved: false })]
    expect(judged(watch, told)).toBe(false)
    expect(judged(watch, [step(1), step(1, { is_success: false })])).toBe(false)
    expect(judged(new SuccessWatch(), [step(1)])).toBeUndefined()
  })

  test('goal_achieved of any step counts, is_success of the last', () => {
    const watch = new SuccessWatch()
    const [on, off] = [step(0, { goal_achieved: true }), step(0, { goal_achieved: false })]
    expect(judged(watch, [off, on, off])).toBe(true)
    expect(judged(watch, [off, off])).toBe(false)
    expect(judged(watch, [step(0, { is_success: 1 }), step(0, { is_success: 0 })])).toBe(false)
    expect(judged(watch, [off, step(0, { is_success: true })])).toBe(true)
  })

  test('environments are apart, an episode can be dropped, and the state goes on', () => {
    const watch = new SuccessWatch(true)
    watch.step(0, step(1))
    watch.step(1, step(1))
    watch.step(2, step(0))
    watch.drop(1)
    const twin = new SuccessWatch(true)
    twin.load_state_dict(watch.state_dict())
    for (const one of [watch, twin])
      expect([0, 1, 2].map((id) => one.end(id, step(0)))).toEqual([true, undefined, false])
  })
})
