import { describe, expect, test } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import { reachable, rootsOf, traceFunction } from '../../../ding/compute/tracing/index.js'
import { ConfigError, defaultsOf } from '../../../ding/index.js'
import { type REDQConfig, REDQPolicy, subset_size } from '../../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { RecordedDraws, withDraws } from '../../parity/recorded_draws.js'
import { continuousBatch, tensorOf, updates } from './continuous.js'
import { policyOptions } from './support.js'

interface Given {
  readonly model?: Record<string, unknown>
  readonly learn?: Record<string, unknown>
}

function config({ model, learn }: Given = {}): REDQConfig {
  const defaults = defaultsOf(REDQPolicy.config)
  return {
    ...defaults,
    model: {
      action_space: 'reparameterization',
      obs_shape: 3,
      action_shape: 2,
      ensemble_num: 5,
      net_arch: [8, 8],
      ...model,
    },
    learn: { ...defaults.learn, actor_update_freq: 3, ...learn },
  } as REDQConfig
}

const build = async (given?: Given, seed = 0) =>
  new REDQPolicy(config(given), await policyOptions(undefined, seed))

/** A policy whose draws are recorded, and the recording. */
async function recorded(given?: Given) {
  const draws = new RecordedDraws()
  const options = await policyOptions()
  const policy = new REDQPolicy(config(given), { ...options, compute: withDraws(options.compute, draws) })
  return { draws, learn: policy.learn_mode }
}

/** Of the products with a matrix for each of several critics that an update of the critics does: how many there are, by that number. */
async function productsOf(learn: Record<string, unknown>): Promise<Record<number, number>> {
  const options = await policyOptions()
  const counts: Record<number, number> = {}
  const compute: Compute = {
    ...options.compute,
    program: (name, fn, random) => {
      const program = options.compute.program(name, fn, random)
      const run = program.run.bind(program)
      program.run = (inputs, given) => {
        const { nodes } = reachable(rootsOf(traceFunction(name, fn as (inputs: unknown) => unknown, inputs)))
        for (const { kernel, outputs } of nodes) {
          const { shape } = outputs[0]!.spec
          const [members] = shape as [number]
          if (kernel === 'BatchMatMul' && shape.length === 3) counts[members] = (counts[members] ?? 0) + 1
        }
        return run(inputs, given)
      }
      return program
    },
  }
  await new REDQPolicy(config({ learn }), { ...options, compute }).learn_mode.forward(continuousBatch(0))
  return counts
}

/** Makes target critic e say value(e), whatever the state. */
function constantTargets(state: StateTree, value: (e: number) => number): StateTree {
  const target = { ...(state['target_model'] as Record<string, HostTensor<Float32Array>>) }
  for (const [name, tensor] of Object.entries(target)) {
    const data = new Float32Array(tensor.data.length)
    if (name === 'q.4.bias') for (let e = 0; e < 5; e++) data[e] = value(e)
    target[name] = { ...tensor, data }
  }
  return { ...state, target_model: target }
}

describe('targets', () => {
  const targetOf = async (
    learn: Record<string, unknown>,
    value: (e: number) => number,
    drawn: readonly (readonly number[])[] = [[4, 1]],
  ) => {
    const { draws, learn: mode } = await recorded({ learn: { alpha: 0, ...learn } })
    mode.load_state_dict(constantTargets(mode.state_dict(), value))
    draws.push(
      Array.from({ length: 16 }, () => 0.3),
      ...drawn,
    )
    const batch = continuousBatch(0)
    const out = [await mode.forward(batch)].flat()[0]
    expect(draws.left).toBe(0)
    const { data } = batch['reward'] as HostTensor
    const rewards = Array.from(data).reduce((a, b) => a + b, 0) / 8
    // Row 0 is terminal: 7 of 8 rows bootstrap.
    return ((out?.['target_q_value'] as number) - rewards) / (0.99 * (7 / 8))
  }

  test('are the least, or the mean, of the drawn target critics', async () => {
    expect(await targetOf({}, (e) => e)).toBeCloseTo(1, 5)
    expect(await targetOf({ target_mode: 'mean' }, (e) => e)).toBeCloseTo(2.5, 5)
  })

  test("'ave' takes the mean of all, 'rem' a mixture of all by the numbers drawn for each row", async () => {
    expect(await targetOf({ target_mode: 'ave' }, (e) => e * e, [])).toBeCloseTo(6, 5)
    // Rows share their weights here, [count, B]: (1 * 0 + 3 * 4 + 0.5 * 1) / 4.5 with nothing of critics 3 and 4.
    const rows = (u: number) => Array<number>(8).fill(u)
    const weights = [1, 0.5, 3, 0, 0].flatMap(rows)
    expect(await targetOf({ target_mode: 'rem' }, (e) => e * e, [weights])).toBeCloseTo(12.5 / 4.5, 5)
  })

  test("'rem' mixes each row by its own weights", async () => {
    // Row i listens to critic i % 5 alone: rows 1 to 7 bootstrap, from critics 1, 2, 3, 4, 0, 1, 2.
    const weights = [0, 1, 2, 3, 4].flatMap((e) => Array.from({ length: 8 }, (_, i) => Number(i % 5 === e)))
    expect(await targetOf({ target_mode: 'rem' }, (e) => e, [weights])).toBeCloseTo(13 / 7, 5)
  })

  test('a part of a subset size is the chance of one more critic', async () => {
    const one = (u: number, target_mode: string) =>
      targetOf({ subset_size: 1.25, target_mode }, (e) => e, [[4, 1], [u]])
    expect(await one(0.24, 'min')).toBeCloseTo(1, 5)
    expect(await one(0.26, 'min')).toBeCloseTo(4, 5)
    expect(await one(0.24, 'mean')).toBeCloseTo(2.5, 5)
    expect(await one(0.26, 'mean')).toBeCloseTo(4, 5)
  })

  test('multiply by the weights of the drawn critics only', async () => {
    const all = await productsOf({ target_mode: 'ave' })
    expect(Object.keys(all)).toEqual(['5'])
    // Three layers: with the five online critics as before, with the target critics by twos.
    expect(await productsOf({})).toEqual({ 2: 3, 5: all[5]! - 3 })
    expect(await productsOf({ subset_size: 2.5 })).toEqual({ 3: 3, 5: all[5]! - 3 })
  })

  test('come from a subset that is drawn anew for each update', async () => {
    const policy = await build()
    const seen = new Set<number>()
    for (let i = 0; i < 12; i++) {
      policy.learn_mode.load_state_dict(constantTargets(policy.learn_mode.state_dict(), (e) => 100 * e))
      const out = [await policy.learn_mode.forward(continuousBatch(0))].flat()[0]
      seen.add(Math.round((out?.['target_q_value'] as number) / 50))
    }
    expect(seen.size).toBeGreaterThan(2)
  })
})

describe('one update', () => {
  test('actor and alpha learn at every actor_update_freq, critics and targets always', async () => {
    const { learn_mode } = await build({ learn: { auto_alpha: true, alpha: 1 } })
    const before = learn_mode.state_dict()
    const outputs = await updates(learn_mode, 0, 7)
    expect(outputs.map((out) => out['policy_loss'] !== undefined)).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
      false,
    ])
    const state = learn_mode.state_dict()
    expect((state['optimizer_critic'] as StateTree)['step']).toBe(7)
    expect((state['optimizer_actor'] as StateTree)['step']).toBe(2)
    expect(((state['entropy'] as StateTree)['optimizer'] as StateTree)['step']).toBe(2)
    expect(tensorOf(state, 'target_model', 'q.2.weight')).not.toEqual(
      tensorOf(before, 'target_model', 'q.2.weight'),
    )
  })

  test('alpha is logged in every update, as it is after it', async () => {
    const { learn_mode } = await build({ learn: { auto_alpha: true, alpha: 1, learning_rate_alpha: 0.1 } })
    const logged: number[] = []
    for (let k = 0; k < 4; k++) {
      const [out] = await updates(learn_mode, k, k + 1)
      const [log_alpha] = tensorOf(learn_mode.state_dict(), 'entropy', 'value')
      expect(out?.['alpha']).toBe(Math.exp(log_alpha as number))
      logged.push(out?.['alpha'] as number)
    }
    expect(logged.slice(0, 2)).toEqual([1, 1])
    // The actor's update is the third.
    expect(logged[2]).not.toBe(1)
    expect(logged[3]).toBe(logged[2])
    const [constant] = await updates((await build({ learn: { alpha: 0.3 } })).learn_mode, 0, 1)
    expect(constant?.['alpha']).toBe(0.3)
  })

  test('the targets follow by target_theta', async () => {
    const { learn_mode } = await build({ learn: { target_theta: 0.25 } })
    const before = tensorOf(learn_mode.state_dict(), 'target_model', 'q.0.bias')
    await updates(learn_mode, 0, 1)
    const state = learn_mode.state_dict()
    const online = tensorOf(state, 'model', 'critic.q.0.bias')
    tensorOf(state, 'target_model', 'q.0.bias').forEach((value, i) => {
      expect(value).toBeCloseTo(0.75 * (before[i] as number) + 0.25 * (online[i] as number), 6)
    })
  })

  test('the actor follows the mean of all critics', async () => {
    const policy = await build({ learn: { alpha: 0, actor_update_freq: 1, learning_rate_q: 0 } })
    const { learn_mode } = policy
    const state = learn_mode.state_dict()
    const model = { ...(state['model'] as Record<string, HostTensor<Float32Array>>) }
    for (const [name, tensor] of Object.entries(model)) {
      if (!name.startsWith('critic.')) continue
      const data =
        name === 'critic.q.4.bias' ? Float32Array.of(0, 1, 2, 3, 9) : new Float32Array(tensor.data.length)
      model[name] = { ...tensor, data }
    }
    learn_mode.load_state_dict({ ...state, model })
    const [out] = await updates(learn_mode, 0, 1)
    expect(out?.['policy_loss']).toBeCloseTo(-3, 5)
  })

  test("priorities are the size of the critics' mean error", async () => {
    const [out] = await updates((await build()).learn_mode, 0, 1)
    const priority = out?.['priority'] as Float32Array
    expect(priority).toHaveLength(8)
    expect(priority.every((value) => value >= 0)).toBe(true)
    expect(priority.reduce((a, b) => a + b, 0) / 8).toBeLessThanOrEqual((out?.['td_error'] as number) + 1e-6)
  })
})

describe('saved state', () => {
  test('goes on bit for bit, draws included', async () => {
    const options = await policyOptions(undefined, 1)
    const cfg = config({ learn: { auto_alpha: true, alpha: 1 } })
    const whole = new REDQPolicy(cfg, options)
    await updates(whole.learn_mode, 0, 4)
    const other = await policyOptions(undefined, 2)
    other.random.load_state_dict(structuredClone(options.random.state_dict()))
    const resumed = new REDQPolicy(cfg, other)
    resumed.learn_mode.load_state_dict(structuredClone(whole.learn_mode.state_dict()))
    expect(resumed.learn_mode.state_dict()).toEqual(whole.learn_mode.state_dict())
    expect(await updates(resumed.learn_mode, 4, 9)).toEqual(await updates(whole.learn_mode, 4, 9))
    expect(resumed.learn_mode.state_dict()).toEqual(whole.learn_mode.state_dict())
  })
})

describe('settings', () => {
  test("the defaults are Tianshou's", () => {
    const { learn, model, random_collect_size } = defaultsOf(REDQPolicy.config)
    expect([model.ensemble_num, learn.subset_size, learn.target_theta, learn.discount_factor]).toEqual([
      10, 2, 0.005, 0.99,
    ])
    expect([learn.alpha, learn.auto_alpha, learn.target_mode, learn.actor_update_freq]).toEqual([
      0.2,
      false,
      'min',
      20,
    ])
    expect([learn.update_per_collect, random_collect_size]).toEqual([20, 10000])
  })

  test('no more critics can be drawn than there are', async () => {
    await expect(build({ learn: { subset_size: 6 } })).rejects.toThrow(ConfigError)
    await expect(build({ learn: { subset_size: 6 } })).rejects.toThrow(
      /subset_size is 6, but policy\.model\.ensemble_num is 5/,
    )
  })

  test('a subset has one critic at least, and a part needs one more to draw', async () => {
    await expect(build({ learn: { subset_size: 4.5 } })).resolves.toBeInstanceOf(REDQPolicy)
    await expect(build({ learn: { subset_size: 5.5 } })).rejects.toThrow(/no more critics can be drawn/)
    expect(() => subset_size(0.5)).toThrow(/1 or more/)
  })

  test("the authors' initialisation has zero biases", async () => {
    const state = (await build({ model: { init: 'xavier_uniform' } })).learn_mode.state_dict()
    expect(tensorOf(state, 'model', 'critic.q.2.bias').every((value) => value === 0)).toBe(true)
    const bound = Math.sqrt(6 / 16)
    const weights = tensorOf(state, 'model', 'critic.q.2.weight').map(Math.abs)
    expect(Math.max(...weights)).toBeLessThanOrEqual(bound)
    expect(Math.max(...weights)).toBeGreaterThan(0.9 * bound)
  })

  test("the authors' initialisation leaves an encoder's convolutions as they are", async () => {
    const image = {
      obs_shape: [2, 6, 5],
      encoder_hidden_size_list: [3, 4, 7],
      encoder_kernel_size_list: [3, 2],
      encoder_stride_list: [2, 1],
    }
    const weights = async (init: string) => {
      const state = (await build({ model: { ...image, init } })).learn_mode.state_dict()
      return state['model'] as Record<string, HostTensor<Float32Array>>
    }
    const [torch, authors] = [await weights('torch'), await weights('xavier_uniform')]
    const names = Object.keys(torch)
    const convolutions = names.filter((name) => torch[name]!.shape.length === 4)
    expect(convolutions.length).toBeGreaterThan(1)
    for (const name of convolutions) expect(authors[name]).toEqual(torch[name])
    for (const name of names.filter((name) => /critic\.q\.\d\.weight/.test(name))) {
      expect(authors[name]!.data).not.toEqual(torch[name]!.data)
    }
  })

  test('training samples carry n-step returns', async () => {
    const policy = new REDQPolicy({ ...config(), nstep: 2 }, await policyOptions())
    const step = (reward: number) => ({
      obs: Float32Array.of(0, 0, 0),
      next_obs: Float32Array.of(reward, 0, 0),
      action: Float32Array.of(0, 0),
      reward,
      done: false,
    })
    const [first] = policy.collect_mode.get_train_sample([step(1), step(2), step(3)])
    expect(first?.['reward']).toEqual(Float32Array.of(1, 2))
    expect(first?.['value_gamma']).toBeCloseTo(0.99 ** 2, 7)
  })
})
