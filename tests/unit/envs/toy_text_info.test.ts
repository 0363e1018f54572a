import { describe, expect, it } from 'vitest'
import { CliffWalkingEnv, FrozenLakeEnv, TaxiEnv } from '../../../ding/envs/index.js'
import type { StateTree } from '../../../ding/utils/index.js'

describe('info of the toy texts, as Gymnasium gives it', () => {
  it('has prob, the probability of the transition', () => {
    const [lake, cliff] = [new FrozenLakeEnv(), new CliffWalkingEnv()]
    lake.reset()
    expect(lake.step(1).info['prob']).toBeCloseTo(1 / 3, 12)
    cliff.reset()
    expect(cliff.step(0).info).toEqual({ prob: 1 })
  })

  it('has action_mask in Taxi, 1 for the actions that change the state', () => {
    const taxi = new TaxiEnv()
    taxi.reset()
    const maskAfter = (row: number, column: number, passenger: number, action: number) => {
      const state = ((row * 5 + column) * 5 + passenger) * 4 + 1
      taxi.load_state_dict({ ...(taxi.state_dict() as StateTree), running: true, dynamics: { state } })
      return Array.from(taxi.step(action).info['action_mask'] as Uint8Array)
    }
    // South, north, east, west, pick up, drop off; the passenger 0 waits at (0, 0), the destination 1 is (0, 4).
    expect(maskAfter(0, 0, 0, 1)).toEqual([1, 0, 1, 0, 1, 0])
    expect(maskAfter(0, 0, 0, 4)).toEqual([1, 0, 1, 0, 0, 1])
    expect(maskAfter(0, 0, 4, 2)).toEqual([1, 0, 0, 1, 0, 0])
    expect(maskAfter(4, 4, 4, 0)).toEqual([0, 1, 0, 1, 0, 0])
  })
})
