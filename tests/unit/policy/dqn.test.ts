import { describe, expect, test } from 'vitest'
import {
  CheckpointError,
  ConfigError,
  createTimestep,
  NumericError,
  type StateTree,
  type Transition,
} from '../../../ding/index.js'
import { buildDqn, oneHot, QTable, setTarget, tableBatch, tableOf } from '../../fixtures/q_table.js'

const ONLINE = [
  [1, 2],
  [5, 3],
  [0, 4],
]
const TARGET = [
  [0, 0],
  [10, 20],
  [7, -1],
]

async function withTarget(given: Record<string, unknown> = {}, max_train_iter?: number) {
  const policy = await buildDqn(
    { discount_factor: 0.5, ...given },
    { model: new QTable(ONLINE), max_train_iter },
  )
  setTarget(policy, TARGET)
  return policy
}

const STEP = { s: 0, a: 1, r: 1, s2: 1 }

describe('targets, by hand', () => {
  test('double: the online network chooses, the target values', async () => {
    const policy = await withTarget()
    // Online prefers action 0 in state 1, which the target values 10: y = 1 + 0.5 * 10 = 6, q = 2.
    const out = [await policy.learn_mode.forward(tableBatch([STEP], 3))].flat()[0]
    expect(out?.['total_loss']).toBeCloseTo(16, 5)
    expect(Array.from(out?.['priority'] as Float32Array)).toEqual([16])
    expect(out?.['q_value']).toBeCloseTo(1.5, 6)
    expect(out?.['target_q_value']).toBeCloseTo(15, 6)
  })

  test.each([-1, 2])('an action that there is not (%i) is refused, not valued as 0', async (a) => {
    const policy = await withTarget({ model: { action_shape: 2 } })
    const learning = policy.learn_mode.forward(tableBatch([STEP, { ...STEP, a }], 3))
    await expect(learning).rejects.toThrow(`has the action ${a}, but policy.model.action_shape is 2`)
    expect(policy.learn_mode.state_dict()['updates']).toBe(0)
  })

  test('plain: the target chooses and values', async () => {
    const policy = await withTarget({ double: false })
    // y = 1 + 0.5 * 20 = 11.
    const out = [await policy.learn_mode.forward(tableBatch([STEP], 3))].flat()[0]
    expect(out?.['total_loss']).toBeCloseTo(81, 4)
  })

  test('a terminal step does not bootstrap, with ignore_done it does', async () => {
    const batch = () => tableBatch([{ ...STEP, done: true }], 3)
    const loss = async (given: Record<string, unknown>) =>
      [await (await withTarget(given)).learn_mode.forward(batch())].flat()[0]?.['total_loss']
    expect(await loss({})).toBeCloseTo(1, 6)
    expect(await loss({ learn: { ignore_done: true } })).toBeCloseTo(16, 5)
  })

  test('n-step: discounted rewards, and value_gamma on the value behind them', async () => {
    const policy = await withTarget({ nstep: 3 })
    const rows = [
      { s: 0, a: 1, r: [1, 2, 4], s2: 1 },
      { s: 0, a: 1, r: [1, 2, 0], s2: 1 },
    ]
    const batch = tableBatch(rows, 3, { value_gamma: [0.125, 0.25] })
    // 1 + 1 + 1 + 0.125 * 10 = 4.25, and 1 + 1 + 0.25 * 10 = 4.5; q = 2.
    const out = [await policy.learn_mode.forward(batch)].flat()[0]
    expect(Array.from(out?.['priority'] as Float32Array)).toEqual([5.0625, 6.25])
    expect(out?.['total_loss']).toBeCloseTo((5.0625 + 6.25) / 2, 5)
  })

  test('smooth_l1 is Huber with threshold 1', async () => {
    const policy = await withTarget({ learn: { criterion: 'smooth_l1' } })
    const out = [await policy.learn_mode.forward(tableBatch([STEP], 3))].flat()[0]
    expect(out?.['total_loss']).toBeCloseTo(3.5, 5)
  })

  test('importance weights of prioritised replay weigh the loss, not the priorities', async () => {
    const policy = await withTarget({ priority: true, priority_IS_weight: true })
    const extra = { IS: [0.5, 0], weight: [9, 9], replay_unique_id: [0, 1], replay_buffer_idx: [0, 1] }
    const out = [await policy.learn_mode.forward(tableBatch([STEP, STEP], 3, extra))].flat()[0]
    expect(out?.['total_loss']).toBeCloseTo((0.5 * 16 + 0) / 2, 5)
    expect(Array.from(out?.['priority'] as Float32Array)).toEqual([16, 16])
  })

  test('priority with a buffer that keeps none is an error with the path', async () => {
    const policy = await withTarget({ priority: true })
    await expect(policy.learn_mode.forward(tableBatch([STEP], 3))).rejects.toThrow(
      /policy\.priority is true.* A dataset never does: set policy\.priority and/,
    )
  })

  test('a masked action is never the next one', async () => {
    const policy = await withTarget()
    const { obs, next_obs, ...rest } = tableBatch([STEP], 3)
    const mask = (bits: number[]) => ({ dtype: 'uint8' as const, shape: [1, 2], data: Uint8Array.from(bits) })
    const out = [
      await policy.learn_mode.forward({
        ...rest,
        obs: { state: obs as never, action_mask: mask([1, 1]) },
        next_obs: { state: next_obs as never, action_mask: mask([0, 1]) },
      }),
    ].flat()[0]
    // Action 0 is best and forbidden; action 1 is worth 20 to the target: y = 11.
    expect(out?.['total_loss']).toBeCloseTo(81, 4)
  })
})

describe('the update', () => {
  test('touches the entry that was taken only, by at most the learning rate', async () => {
    const policy = await withTarget({ learn: { learning_rate: 0.25 } })
    const before = tableOf(policy.learn_mode.state_dict())
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    const after = tableOf(policy.learn_mode.state_dict())
    expect(after.map((v, i) => Math.round((v - (before[i] as number)) * 1e4) / 1e4)).toEqual([
      0, 0.25, 0, 0, 0, 0,
    ])
  })

  test('assign copies to the target every target_update_freq updates', async () => {
    const policy = await withTarget({ learn: { target_update_freq: 2 } })
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    expect(tableOf(policy.learn_mode.state_dict(), 'target_model')).toEqual(TARGET.flat())
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    const state = policy.learn_mode.state_dict()
    expect(tableOf(state, 'target_model')).toEqual(tableOf(state))
  })

  test('target_update_freq null moves the target by target_theta after each update', async () => {
    const policy = await withTarget({ learn: { target_update_freq: null, target_theta: 0.25 } })
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    const state = policy.learn_mode.state_dict()
    const online = tableOf(state)
    tableOf(state, 'target_model').forEach((value, i) => {
      expect(value).toBeCloseTo(0.75 * (TARGET.flat()[i] as number) + 0.25 * (online[i] as number), 5)
    })
  })

  test('gradient clipping changes what reaches the moments', async () => {
    const moment = async (learn: Record<string, unknown>) => {
      const policy = await withTarget({ learn })
      await policy.learn_mode.forward(tableBatch([STEP], 3))
      const state = (policy.learn_mode.state_dict()['optimizer'] as StateTree)['state'] as StateTree
      return ((state['table'] as StateTree)['exp_avg'] as { data: Float32Array }).data[1]
    }
    // The gradient of (2 - 6)^2 is -8; Adam's first moment takes a tenth of it.
    expect(await moment({})).toBeCloseTo(-0.8, 5)
    expect(await moment({ grad_clip_type: 'clip_value', grad_clip_value: 3 })).toBeCloseTo(-0.3, 5)
    expect(await moment({ grad_clip_type: 'clip_norm', grad_clip_value: 2 })).toBeCloseTo(-0.2, 4)
  })

  test('the learning rate follows lr_schedule, over steps or over the run', async () => {
    const rates = async (lr_schedule: Record<string, unknown>, max_train_iter?: number) => {
      const policy = await withTarget({ learn: { learning_rate: 1, lr_schedule } }, max_train_iter)
      const found: unknown[] = []
      for (let i = 0; i < 3; i++)
        found.push([await policy.learn_mode.forward(tableBatch([STEP], 3))].flat()[0]?.['cur_lr'])
      return found
    }
    expect(await rates({ type: 'linear', steps: 4 })).toEqual([1, 0.75, 0.5])
    expect(await rates({ type: 'linear' }, 8)).toEqual([1, 0.875, 0.75])
    expect(await rates({ type: 'exponential', gamma: 0.5 })).toEqual([1, 0.5, 0.25])
    await expect(rates({ type: 'linear' })).rejects.toThrow(/policy\.learn\.lr_schedule.*max_train_iter/)
    await expect(rates({ type: 'linea' })).rejects.toThrow(
      /policy\.learn\.lr_schedule.*Did you mean "linear"/s,
    )
  })

  test('a loss that is not finite changes nothing and says so', async () => {
    const policy = await withTarget()
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    const before = policy.learn_mode.state_dict()
    const broken = tableBatch([{ ...STEP, r: Number.NaN }], 3)
    await expect(policy.learn_mode.forward(broken)).rejects.toThrow(NumericError)
    await expect(policy.learn_mode.forward(broken)).rejects.toThrow(/total_loss became NaN/)
    expect(policy.learn_mode.state_dict()).toEqual(before)
  })
})

describe('noisy layers', () => {
  const build = () =>
    buildDqn({
      noisy_net: true,
      learn: { learning_rate: 0 },
      model: { obs_shape: 3, action_shape: 2, encoder_hidden_size_list: [8], noise: true },
    })
  type Built = Awaited<ReturnType<typeof build>>

  test.each(['model', 'target_model'])('get new noise at each update: %s', async (part) => {
    const policy = await build()
    const noise = () => {
      const saved = policy.learn_mode.state_dict()[part] as Record<string, { data: Float32Array }>
      return Object.entries(saved).flatMap(([name, { data }]) => (name.includes('noise') ? [...data] : []))
    }
    const seen = [noise()]
    for (let i = 0; i < 2; i++) {
      await policy.learn_mode.forward(tableBatch([STEP], 3))
      seen.push(noise())
    }
    expect(seen[0]?.length).toBeGreaterThan(0)
    for (const [i, values] of seen[0]?.entries() ?? [])
      expect(new Set([values, seen[1]?.[i], seen[2]?.[i]]).size).toBe(3)
  })

  test('explore: with weights that stay, what is collected changes with the noise, what is evaluated does not', async () => {
    const policy = await build()
    const states = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [i, Float32Array.of(Math.sin(i), Math.cos(i), Math.sin(2 * i))]),
    )
    const actions = async (mode: Built['eval_mode'] | Built['collect_mode']) =>
      Object.values(await mode.forward(states)).map(({ action }) => action)
    const [collected, evaluated] = [await actions(policy.collect_mode), await actions(policy.eval_mode)]
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    expect(await actions(policy.collect_mode)).not.toEqual(collected)
    expect(await actions(policy.eval_mode)).toEqual(evaluated)
  })
})

describe('saved state', () => {
  test('goes on bit for bit', async () => {
    const a = await withTarget({
      learn: { lr_schedule: { type: 'exponential', gamma: 0.9 }, target_update_freq: 3 },
    })
    for (let i = 0; i < 4; i++) await a.learn_mode.forward(tableBatch([STEP], 3))
    const b = await withTarget({
      learn: { lr_schedule: { type: 'exponential', gamma: 0.9 }, target_update_freq: 3 },
    })
    b.learn_mode.load_state_dict(structuredClone(a.learn_mode.state_dict()))
    expect(b.learn_mode.state_dict()).toEqual(a.learn_mode.state_dict())
    for (let i = 0; i < 4; i++) for (const p of [a, b]) await p.learn_mode.forward(tableBatch([STEP], 3))
    expect(b.learn_mode.state_dict()).toEqual(a.learn_mode.state_dict())
  })

  test('one that does not fit leaves weights, target, optimizer and counters as they were', async () => {
    const policy = await withTarget()
    await policy.learn_mode.forward(tableBatch([STEP], 3))
    const before = policy.learn_mode.state_dict()
    const other = await buildDqn({}, { model: new QTable([[1, 2, 3]]) })
    const changed: StateTree = {
      ...before,
      model: { table: { dtype: 'float32', shape: [3, 2], data: new Float32Array(6) } },
    }
    const { optimizer: _o, ...noOptimizer } = changed
    const { target_model: _t, ...noTarget } = changed
    const wrong: StateTree[] = [
      other.learn_mode.state_dict(),
      noOptimizer,
      noTarget,
      { ...changed, optimizer: { optimizer: 'SGD' } },
      { ...changed, target_wrapper: { wrapper: 'x' } },
      { ...changed, target_wrapper: null },
      { ...changed, updates: 'many' },
      { ...changed, target_model: { table: 3 } },
      {},
    ]
    for (const state of wrong) {
      expect(() => policy.learn_mode.load_state_dict(state)).toThrow(CheckpointError)
      expect(policy.learn_mode.state_dict()).toEqual(before)
    }
  })

  test('eval and collect take the model of a checkpoint alone', async () => {
    const trained = await withTarget()
    const acting = await buildDqn(
      {},
      {
        model: new QTable([
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
        enable_field: ['eval'],
      },
    )
    acting.eval_mode.load_state_dict(trained.learn_mode.state_dict())
    expect(tableOf(acting.eval_mode.state_dict())).toEqual(ONLINE.flat())
  })
})

describe('acting', () => {
  const obs = (state: number) => oneHot([state], 3)

  test('eval is greedy, by environment id', async () => {
    const policy = await withTarget()
    const out = await policy.eval_mode.forward({ 7: obs(0), 2: obs(1), 4: obs(2) })
    expect(Object.keys(out)).toEqual(['2', '4', '7'])
    expect([out[7]?.action, out[2]?.action, out[4]?.action]).toEqual([1, 0, 1])
    expect(await policy.eval_mode.forward({})).toEqual({})
    expect((await policy.eval_mode.forward({ 4: obs(2) }))[4]?.action).toBe(1)
  })

  test('collect takes random actions as often as eps says', async () => {
    const policy = await withTarget()
    const all = Object.fromEntries(Array.from({ length: 200 }, (_, id) => [id, obs(1)]))
    const ones = async (eps: number) =>
      Object.values(await policy.collect_mode.forward(all, { eps })).filter(({ action }) => action === 1)
        .length
    expect(await ones(0)).toBe(0)
    expect(await ones(1)).toBeGreaterThan(70)
    expect(await ones(0.2)).toBeLessThan(45)
    expect(await ones(0.2)).toBeGreaterThan(3)
  })

  test('never a masked action, greedy or random', async () => {
    const policy = await withTarget()
    const masked = { state: obs(1), action_mask: Uint8Array.of(0, 1) }
    const all = Object.fromEntries(Array.from({ length: 100 }, (_, id) => [id, masked]))
    for (const out of [
      await policy.collect_mode.forward(all, { eps: 1 }),
      await policy.collect_mode.forward(all, { eps: 0 }),
      await policy.eval_mode.forward(all),
    ]) {
      expect(new Set(Object.values(out).map(({ action }) => action))).toEqual(new Set([1]))
    }
  })

  test('epsilon falls with the env steps', async () => {
    const policy = await buildDqn(
      { other: { eps: { type: 'linear', start: 1, end: 0.5, decay: 100 } } },
      { model: new QTable(ONLINE) },
    )
    const eps = (env_step: number) =>
      policy.command_mode.get_setting_collect({ env_step, train_iter: 0 })['eps']
    expect([eps(0), eps(50), eps(100), eps(1000)]).toEqual([1, 0.75, 0.5, 0.5])
    expect(policy.command_mode.get_setting_learn({ env_step: 0, train_iter: 0 })).toEqual({})
  })

  test('transitions keep termination, not truncation, as done', async () => {
    const policy = await withTarget({ nstep: 2 })
    const { collect_mode } = policy
    const take = (terminated: boolean, truncated: boolean) =>
      collect_mode.process_transition(obs(0), { action: 1 }, createTimestep(obs(1), 2, terminated, truncated))
    expect(take(true, false)).toEqual({ obs: obs(0), next_obs: obs(1), action: 1, reward: 2, done: true })
    expect(take(false, true)['done']).toBe(false)
    const samples: Transition[] = collect_mode.get_train_sample([take(false, false), take(true, false)])
    expect(samples.map((t) => t['reward'])).toEqual([Float32Array.of(2, 2), Float32Array.of(2, 0)])
    expect(samples.map((t) => t['value_gamma'])).toEqual([0.25, 0.5])
  })
})

test.each([
  [{ priority_IS_weight: true }, /policy\.priority_IS_weight/],
  [{ collect: { unroll_len: 2 } }, /policy\.collect\.unroll_len/],
  [{ multi_gpu: true }, /policy\.multi_gpu/],
])('%j is refused with its path', async (given, words) => {
  await expect(buildDqn(given, { model: new QTable(ONLINE) })).rejects.toThrow(ConfigError)
  await expect(buildDqn(given, { model: new QTable(ONLINE) })).rejects.toThrow(words)
})
