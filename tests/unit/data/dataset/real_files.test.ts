import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { describeDataset } from '../../../../ding/data/index.js'
import { ENV_REGISTRY } from '../../../../ding/registry/index.js'
import '../../../../ding/envs/index.js'
import { column, load, values } from './fixtures.js'

/** AgileRL's data folder: `DING_DATA`, else beside the checkout. */
const folder = join(
  process.env['DING_DATA'] ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url)),
  'agilerl',
)
const file = (name: string): string => join(folder, `${name}_v1.1.0.h5`)

interface CartPole {
  setState(state: ArrayLike<number>): unknown
  step(action: number): { obs: Float32Array; terminated: boolean }
}

describe.skipIf(!existsSync(folder))("AgileRL's files", () => {
  test('cartpole_random: each row is a step of CartPole, and done says what the environment says', async () => {
    const { dataset } = await load(file('cartpole_random'))
    expect(dataset.count).toBe(99998)
    expect(dataset.statistics).toMatchObject({ terminations: 4511, timeouts: 1, episodes: 4512 })
    expect(dataset.statistics.returns.mean).toBeCloseTo(22.2, 1)
    const env = new (ENV_REGISTRY.get('cartpole') as unknown as new (cfg: object) => CartPole)({
      env_id: 'CartPole-v1',
    })
    const { obs, next_obs, action, done } = dataset.batch_columns
    const columns = [obs, next_obs, action, done].map((value) => column({ value: value! }, 'value').data)
    const [states, successors, actions, dones] = columns as [
      Float32Array,
      Float32Array,
      Int32Array,
      Uint8Array,
    ]
    let worst = 0
    let wrongFlags = 0
    for (let row = 0; row < 20000; row++) {
      env.setState(states.subarray(4 * row, 4 * row + 4))
      const { obs: after, terminated } = env.step(actions[row]!)
      if (terminated !== (dones[row] === 1)) wrongFlags++
      if (dones[row] === 1) continue
      for (let k = 0; k < 4; k++) worst = Math.max(worst, Math.abs(after[k]! - successors[4 * row + k]!))
    }
    expect(wrongFlags).toBe(0)
    expect(worst).toBeLessThan(1e-6)
  })

  test('cartpole: time-outs are left out and are no terminations', async () => {
    const { dataset } = await load(file('cartpole'))
    expect(dataset.statistics).toMatchObject({ terminations: 1448, timeouts: 134, episodes: 1582 })
    // The file's last row is one of the time-outs.
    expect(dataset.count).toBe(99866 - 134)
    expect(values(dataset.batch_columns, 'done').reduce((a, b) => a + b, 0)).toBe(1448)
  })

  test('agilerl_compat reproduces its example: every row but the last, both flags', async () => {
    const { dataset } = await load(file('cartpole_random'), { agilerl_compat: true })
    expect(dataset.count).toBe(99998)
    expect(values(dataset.batch_columns, 'done').reduce((a, b) => a + b, 0)).toBe(9022)
    const { dataset: ring } = await load(file('cartpole_random'), {
      agilerl_compat: true,
      max_transitions: 10000,
    })
    const all = column(dataset.batch_columns, 'obs').data
    expect(ring.count).toBe(10000)
    expect(column(ring.batch_columns, 'obs').data).toEqual(all.slice(4 * 89998))
  })

  test.each([
    ['pendulum_random', -1223.6],
    ['pendulum', -180.5],
  ])('%s: continuous actions, no terminations', async (name, mean) => {
    const { dataset } = await load(file(name))
    expect(dataset.count).toBe(99000)
    expect(dataset.statistics).toMatchObject({ terminations: 0, timeouts: 500, episodes: 500 })
    expect(dataset.statistics.returns.mean).toBeCloseTo(mean, 1)
    const { action, obs, reward, next_obs } = dataset.sample(256)
    expect(action).toMatchObject({ dtype: 'float32', shape: [256, 1] })
    // The angular velocity follows the torque (Gymnasium's Pendulum): no row goes across an episode's end.
    const [s, a, r, t] = [obs, action, reward, next_obs].map(
      (value) => column({ value: value! }, 'value').data,
    )
    for (let i = 0; i < 256; i++) {
      const [cos, sin, speed] = [s![3 * i]!, s![3 * i + 1]!, s![3 * i + 2]!]
      const after = Math.max(-8, Math.min(8, speed + (15 * sin + 3 * a![i]!) * 0.05))
      expect(t![3 * i + 2]).toBeCloseTo(after, 4)
      const angle = Math.atan2(sin, cos)
      expect(r![i]).toBeCloseTo(-(angle ** 2 + 0.1 * speed ** 2 + 0.001 * a![i]! ** 2), 3)
    }
  })

  test('ding dataset info names the double terminal flags', async () => {
    const text = await describeDataset(file('cartpole_random'))
    expect(text).toMatch(/layout +d3rlpy/)
    expect(text).toMatch(/observations +\[99999, 4\] +float32/)
    expect(text).toMatch(/4511 rows .*double terminal flags/)
  })
})
