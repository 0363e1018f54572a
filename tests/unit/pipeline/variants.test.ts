import { describe, expect, test } from 'vitest'
import {
  type Action,
  BaseEnv,
  Box,
  Dict,
  Discrete,
  MultiDiscrete,
  type Obs,
  type ReplayBuffer,
  ROLES,
  type Space,
} from '../../../ding/index.js'
import { serial_pipeline } from '../../../entry/index.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'

/** Episodes of 10 steps of which `see` makes the observation and `act` judges the action. */
class SmallEnv extends BaseEnv<Obs, Action> {
  private count = 0
  constructor(
    readonly observation_space: Space,
    readonly action_space: Space,
    private readonly see: (step: number) => Obs,
    private readonly act: (action: Action, step: number) => number,
  ) {
    super('small', 10)
  }
  protected override begin(): Obs {
    this.count = 0
    return this.see(0)
  }
  protected override advance(action: Action) {
    const reward = this.act(action, this.count)
    this.count++
    return { obs: this.see(this.count), reward, terminated: false }
  }
}

function run(
  make: () => SmallEnv,
  policy: Record<string, unknown>,
  create: Record<string, unknown> = {},
  more: object = {},
) {
  const [main, base] = smallDqn({
    other: { eps: { start: 1, end: 0.1, decay: 100 }, replay_buffer: { replay_buffer_size: 500 } },
    ...policy,
  })
  return serial_pipeline([main, { ...base, ...create }], 0, {
    console: 'quiet',
    work_dir: temporaryFolder(),
    env_setting: { collector: [make, make], evaluator: [make] },
    max_train_iter: 20,
    ...more,
  })
}

const bit = (step: number) => Float32Array.of(step % 2, 1)

describe('what dqn can be used on', () => {
  test('several discrete actions at once', async () => {
    const actions = new Set<string>()
    const judge = (action: Action) => {
      expect(action).toBeInstanceOf(Int32Array)
      actions.add((action as Int32Array).join())
      return 1
    }
    const make = () => new SmallEnv(new Box(0, 1, [2]), new MultiDiscrete([2, 3]), bit, judge)
    const model = { obs_shape: 2, action_shape: [2, 3], encoder_hidden_size_list: [8] }
    const result = await run(make, { model })
    expect(result.train_iter).toBe(20)
    expect([...actions].sort()).toEqual(['0,0', '0,1', '0,2', '1,0', '1,1', '1,2'])
  })

  test('records of observations, with an action mask that is never broken', async () => {
    const space = new Dict({
      place: new Box(0, 1, [2]),
      level: new Discrete(3),
      action_mask: new Box(0, 1, [3], 'uint8'),
    })
    const allowed = (step: number) => Uint8Array.of(step % 2, 1 - (step % 2), 0)
    const see = (step: number): Obs => ({ place: bit(step), level: step % 3, action_mask: allowed(step) })
    let taken = 0
    const make = () =>
      new SmallEnv(space, new Discrete(3), see, (action, step) => {
        expect(allowed(step)[action as number]).toBe(1)
        taken++
        return 1
      })
    const model = {
      obs_shape: { place: 2, level: { one_hot: 3 } },
      action_shape: 3,
      encoder_hidden_size_list: [8],
    }
    const result = await run(make, { model, nstep: 2, random_collect_size: 20 })
    expect(result.eval_value).toBe(10)
    expect(taken).toBeGreaterThan(50)
  })

  test('one observation beside the mask', async () => {
    const space = new Dict({ obs: new Box(0, 1, [2]), action_mask: new Box(0, 1, [2], 'uint8') })
    const see = (step: number): Obs => ({ obs: bit(step), action_mask: Uint8Array.of(0, 1) })
    const make = () => new SmallEnv(space, new Discrete(2), see, (action) => Number(action === 1))
    const result = await run(make, {
      model: { obs_shape: 2, action_shape: 2, encoder_hidden_size_list: [8] },
    })
    expect(result.eval_value).toBe(10)
  })

  test('images', async () => {
    const see = (step: number) => new Uint8Array(36 * 36).fill(step)
    const make = () => new SmallEnv(new Box(0, 255, [1, 36, 36], 'uint8'), new Discrete(2), see, () => 1)
    const model = {
      obs_shape: [1, 36, 36],
      action_shape: 2,
      encoder_hidden_size_list: [4, 4, 4, 8],
      normalize_images: true,
    }
    const result = await run(
      make,
      { model, learn: { update_per_collect: 2, batch_size: 8 } },
      {},
      { max_train_iter: 4 },
    )
    expect(result).toMatchObject({ train_iter: 4, eval_value: 10 })
  })

  test('numbered observations', async () => {
    const make = () =>
      new SmallEnv(
        new Discrete(11),
        new Discrete(2),
        (step) => step,
        () => 1,
      )
    const result = await run(make, {
      model: { obs_shape: { one_hot: 11 }, action_shape: 2, encoder_hidden_size_list: [8] },
    })
    expect(result.train_iter).toBe(20)
  })

  test.each([true, false])(
    'noisy layers and dueling %s: no noise in evaluation, which draws none',
    async (dueling) => {
      const make = () => new SmallEnv(new Box(0, 1, [2]), new Discrete(2), bit, () => 1)
      const model = { obs_shape: 2, action_shape: 2, encoder_hidden_size_list: [8], noise: true, dueling }
      const { policy } = await run(make, { noisy_net: true, model, priority: false })
      const noise = () => {
        const saved = policy.learn_mode.state_dict()['model'] as Record<string, { data: Float32Array }>
        return Object.entries(saved).flatMap(([name, { data }]) => (name.includes('noise') ? [...data] : []))
      }
      expect(noise().length).toBeGreaterThan(0)
      const before = noise()
      const first = await policy.eval_mode.forward({ 0: bit(0) })
      const again = await policy.eval_mode.forward({ 0: bit(0) })
      expect(again).toEqual(first)
      expect(noise()).toEqual(before)
    },
  )
})

describe('priorities', () => {
  const values = (column: unknown) => Array.from((column as { data: Int32Array }).data)
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length

  /** Runs, and tells what was reported, and how the reported priorities of what was drawn compare to those of all. */
  async function watch(priority: boolean, type: string) {
    const seen = { updates: 0, drawn: [] as number[], all: [] as number[] }
    const known = new Map<number, number>()
    let last: number[] = []
    const [main, create] = smallDqn({ priority, learn: { update_per_collect: 20, batch_size: 8 } })
    await serial_pipeline([main, { ...create, replay_buffer: { type } }], 0, {
      console: 'quiet',
      work_dir: temporaryFolder(),
      max_train_iter: 400,
      rebind: (container) => {
        container.onActivation(ROLES.buffer, (_context, buffer: ReplayBuffer) => {
          const sample = buffer.sample.bind(buffer)
          const update = buffer.update.bind(buffer)
          buffer.sample = (size, iter) => {
            const batch = sample(size, iter)
            if (batch === null) return null
            last = values(batch['replay_unique_id'])
            if (known.size > 100) {
              for (const id of last) if (known.has(id)) seen.drawn.push(known.get(id) as number)
              seen.all.push(mean([...known.values()]))
            }
            return batch
          }
          buffer.update = (info) => {
            seen.updates++
            const ids = Array.from(info.replay_unique_id as Int32Array)
            expect(ids).toEqual(last)
            for (const [i, id] of ids.entries()) known.set(id, (info.priority as Float32Array)[i] as number)
            update(info)
          }
          return buffer
        })
      },
    })
    return { updates: seen.updates, ratio: mean(seen.drawn) / mean(seen.all) }
  }

  test.each(['advanced', 'deque'])(
    'of the learner reach the %s buffer with their ids, and it draws by them',
    async (type) => {
      expect((await watch(false, type)).updates).toBe(0)
      const { updates, ratio } = await watch(true, type)
      expect(updates).toBe(400)
      expect(ratio).toBeGreaterThan(1.2)
    },
  )
})

test('a schedule over the whole run reaches its end there', async () => {
  const make = () => new SmallEnv(new Box(0, 1, [2]), new Discrete(2), bit, () => 1)
  const learn = { update_per_collect: 4, batch_size: 8, learning_rate: 0.5, lr_schedule: { type: 'linear' } }
  const { policy } = await run(make, {
    learn,
    model: { obs_shape: 2, action_shape: 2, encoder_hidden_size_list: [8] },
  })
  const optimizer = policy.learn_mode.state_dict()['optimizer'] as { lr: number }
  // The last of 20 updates.
  expect(optimizer.lr).toBeCloseTo(0.5 / 20, 10)
})
