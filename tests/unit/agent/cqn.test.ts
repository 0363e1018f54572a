import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { CQN, type CQNOptions } from '../../../ding/agent/index.js'
import { RandomStream } from '../../../ding/compute/index.js'
import { defaultsOf } from '../../../ding/config/index.js'
import type { Batch } from '../../../ding/data/index.js'
import { BaseEnvManager, Box, Dict, Discrete, type Obs, type Space, Tuple } from '../../../ding/envs/index.js'
import { createModel } from '../../../ding/model/index.js'
import { CQNPolicy, cqnPolicyConfig, type LearnOutput } from '../../../ding/policy/index.js'
import { CheckpointError, ConfigError, UsageError } from '../../../ding/utils/index.js'
import { f32, i32, policyOptions } from '../policy/support.js'
import { Bandit, observations } from './bandit.js'

const actions = new Discrete(3)
const small: CQNOptions = {
  lr: 0.01,
  net_config: { latent_dim: 8, encoder_config: { hidden_size: [16] }, head_config: { hidden_size: [16] } },
}
const random = RandomStream.fromSeed(3)
const B = 16
const batch: Batch = {
  obs: f32([...random.normal(B * 4)], [B, 4]),
  next_obs: f32([...random.normal(B * 4)], [B, 4]),
  action: i32([...random.integers(B, 0, 3)], [B, 1]),
  reward: f32([...random.normal(B)], [B, 1]),
  done: f32(
    [...random.uniform(B)].map((u) => Number(u < 0.2)),
    [B, 1],
  ),
}
const rows = [0, 1, 2, 3].map((i) => (batch['obs'] as { data: Float32Array }).data.slice(4 * i, 4 * i + 4))

const made: CQN[] = []
const agent = (options: CQNOptions = small) => keep(new CQN(observations, actions, options))
function keep(one: CQN): CQN {
  made.push(one)
  return one
}
afterEach(async () => {
  for (const one of made.splice(0)) await one.clean_up()
})

const folder = mkdtempSync(join(tmpdir(), 'ding-cqn-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('CQN', () => {
  it("takes AgileRL's arguments, with its defaults, into one config", async () => {
    const plain = keep(new CQN(observations, actions))
    expect(plain).toMatchObject({
      index: 0,
      batch_size: 64,
      lr: 1e-4,
      learn_step: 5,
      gamma: 0.99,
      tau: 1e-3,
      double: false,
      mut: null,
      net_config: null,
      steps: [0],
      scores: [],
      fitness: [],
    })
    const given = agent({
      ...small,
      batch_size: 7,
      learn_step: 2,
      gamma: 0.5,
      tau: 0.1,
      double: true,
      index: 3,
      mut: 'None',
    })
    expect(given).toMatchObject({
      index: 3,
      batch_size: 7,
      lr: 0.01,
      learn_step: 2,
      gamma: 0.5,
      tau: 0.1,
      double: true,
      mut: 'None',
    })
    expect(given.get_policy().parameterCount()).toBeLessThan(plain.get_policy().parameterCount())
    const further = agent({
      ...small,
      lr: 0.5,
      config: { learn: { learning_rate: 0.25, ignore_done: true } },
    })
    expect(further.lr).toBe(0.25)
    expect(() => agent({ gamma: 2 })).toThrow(ConfigError)
    expect(() => agent({ net_config: { hidden: 3 } })).toThrow(ConfigError)
    expect(() => new CQN(observations, new Box(-1, 1, [2]))).toThrow(UsageError)
  })

  it('learns as the policy of a pipeline does', async () => {
    const defaults = defaultsOf(cqnPolicyConfig)
    const one = agent({ ...small, double: true, conservative_term: 'mean', cql_alpha: 0.5, td_weight: 2 })
    const cfg = {
      ...defaults,
      double: true,
      model: { obs_shape: 4, action_shape: 3, net_config: small.net_config },
      learn: {
        ...defaults.learn,
        learning_rate: 0.01,
        conservative_term: 'mean' as const,
        cql_alpha: 0.5,
        td_weight: 2,
      },
    }
    const twin = one.get_policy().copy()
    const policy = new CQNPolicy(cfg, await policyOptions(twin))
    for (let i = 0; i < 3; i++) {
      const loss = await one.learn(batch)
      expect(loss).toBe(((await policy.learn_mode.forward(batch)) as LearnOutput)['total_loss'])
    }
    expect(one.get_policy().stateDict()).toEqual(twin.stateDict())
  })

  it('acts greedily or at random, for one observation or a batch, among legal actions', async () => {
    const one = agent()
    const greedy = await one.getAction(rows)
    expect(greedy).toBeInstanceOf(Int32Array)
    expect(greedy).toHaveLength(4)
    expect(await one.getAction(rows[1]!)).toBe(greedy[1])
    expect(await one.getAction([...rows[1]!] as never)).toBe(greedy[1])
    expect(await one.getAction({ ...f32([...rows[0]!, ...rows[1]!], [2, 4]) })).toEqual(greedy.slice(0, 2))
    const others = [...greedy].map((a) => [0, 1, 2].map((b) => Number(b !== a)))
    const second = await one.getAction(rows, 0, others)
    for (const [i, a] of second.entries()) expect(a).not.toBe(greedy[i])
    expect(await one.getAction(rows[0]!, 0, others[0])).toBe(second[0])
    const only = {
      dtype: 'uint8' as const,
      shape: [4, 3],
      data: Uint8Array.from([0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0]),
    }
    expect([...(await one.getAction(rows, 1, only))]).toEqual([1, 2, 0, 0])
    const seen = new Set<number>()
    for (let i = 0; i < 15; i++) for (const a of await one.getAction(rows, 1)) seen.add(a)
    expect([...seen].sort()).toEqual([0, 1, 2])
  })

  it('names what is wrong with masks and epsilon', async () => {
    const one = agent()
    await expect(one.getAction(rows, 2)).rejects.toThrow(/probability/)
    await expect(one.getAction(rows, 0, [[1, 1, 1]])).rejects.toThrow(/1 action masks for 4/)
    await expect(one.getAction(rows[0]!, 0, [1, 1])).rejects.toThrow(/2 entries/)
    await expect(one.getAction(rows[0]!, 0, [0, 0, 0])).rejects.toThrow(/allows no action/)
  })

  it('takes Dict, Tuple, discrete and image observations, masked too', async () => {
    const dict = new Dict({ a: observations, b: new Discrete(5) })
    const one = keep(new CQN(dict, actions))
    const row = { a: rows[0]!, b: 3 }
    const chosen = await one.getAction(row)
    expect(await one.getAction([row, row])).toEqual(Int32Array.of(chosen, chosen))
    expect(
      await one.getAction(
        row,
        0,
        [0, 1, 2].map((a) => Number(a !== chosen)),
      ),
    ).not.toBe(chosen)
    const tuple = keep(new CQN(new Tuple([observations, new Discrete(5)]), actions))
    expect([0, 1, 2]).toContain(await tuple.getAction({ 0: rows[0]!, 1: 2 }))
    const discrete = keep(new CQN(new Discrete(6), actions))
    expect(await discrete.getAction([5, 0])).toHaveLength(2)
    expect([0, 1, 2]).toContain(await discrete.getAction(4))
    const pixels = new Box(0, 255, [1, 8, 8], 'uint8')
    const image = keep(
      new CQN(pixels, actions, {
        net_config: { encoder_config: { channel_size: [4], kernel_size: [3], stride_size: [1] } },
      }),
    )
    const picture = Uint8Array.from({ length: 64 }, (_, i) => 4 * i)
    expect([0, 1, 2]).toContain(await image.getAction(picture, 0, [1, 1, 0]))
  })

  it('scores the greedy policy over environments and rounds, into fitness', async () => {
    const one = agent()
    const bias = new Map(one.get_policy().namedParameters()).get(
      'head_net.model.value_linear_layer_output.bias',
    )!
    bias.data.set([100, 0, 0])
    expect(await one.test([new Bandit(4), new Bandit(8)], { loop: 2 })).toBe(6)
    expect(await one.test(new Bandit(10), { max_steps: 3, loop: 1 })).toBe(3)
    expect(one.fitness).toEqual([6, 3])
    const manager = new BaseEnvManager([() => new Bandit(4), () => new Bandit(8)], {})
    expect(await one.test(manager, { loop: 1 })).toBe(6)
    await manager.close()
    const masked = new Bandit(5, Uint8Array.of(0, 1, 1))
    const blind = keep(new CQN(masked.observation_space, actions, small))
    new Map(blind.get_policy().namedParameters())
      .get('head_net.model.value_linear_layer_output.bias')!
      .data.set([100, 0, 0])
    expect(await blind.test(masked, { loop: 1 })).toBe(0)
  })

  it('takes no action that the info of the last step forbids, each environment its own', async () => {
    /** Forbids action 0 from its first step on, where it says anything, and keeps what was done. */
    class Strict extends Bandit {
      readonly taken: number[] = []

      constructor(
        length: number,
        private readonly allowed: unknown,
        mask?: Uint8Array,
      ) {
        super(length, mask)
      }

      override step(action: Obs) {
        this.taken.push(Number(action))
        return { ...super.step(action), info: { action_mask: this.allowed } }
      }
    }
    const one = agent()
    const preferring = (agent: CQN) =>
      new Map(agent.get_policy().namedParameters())
        .get('head_net.model.value_linear_layer_output.bias')!
        .data.set([100, 50, 0])
    preferring(one)
    const [long, free, short] = [
      new Strict(4, [0, 1, 1]),
      new Strict(3, null),
      new Strict(2, [false, false, true]),
    ]
    expect(await one.test([long, free, short], { loop: 1 })).toBe(5 / 3)
    expect([long.taken, free.taken, short.taken]).toEqual([
      [0, 1, 1, 1],
      [0, 0, 0],
      [0, 2],
    ])
    const managed = new BaseEnvManager([() => new Strict(4, [0, 1, 1])], {})
    expect(await one.test(managed, { loop: 2 })).toBe(1)
    await managed.close()
    // One that the observation has holds where the info has none.
    const [seen, both] = [
      new Strict(3, null, Uint8Array.of(0, 1, 1)),
      new Strict(3, [0, 0, 1], Uint8Array.of(0, 1, 1)),
    ]
    const masked = keep(new CQN(seen.observation_space, actions, small))
    preferring(masked)
    await masked.test([seen, both], { loop: 1 })
    expect([seen.taken, both.taken]).toEqual([
      [1, 1, 1],
      [1, 2, 2],
    ])
    await expect(one.test(new Strict(3, [0, 0, 0]))).rejects.toThrow(/allows no action/)
    await expect(one.test(new Strict(3, [1, 1]))).rejects.toThrow(/2 entries/)
  })

  it('refuses images whose channels come last, alone and in records', () => {
    const images = (...shape: number[]) => new Box(0, 255, shape, 'uint8')
    const net_config = { encoder_config: { channel_size: [4], kernel_size: [3], stride_size: [1] } }
    const build = (space: Space, options: CQNOptions = { net_config }) => new CQN(space, actions, options)
    for (const space of [images(84, 84, 3), new Tuple([observations, images(10, 9, 6)])]) {
      expect(() => build(space)).toThrow(UsageError)
      expect(() => build(space)).toThrow(/\[height, width, channels\].*obs_transpose/)
    }
    for (const space of [images(3, 20, 20), images(10, 10, 10), images(16, 8, 8)]) {
      const first = build(space).get_policy().namedParameters()[0]?.[1]
      expect(first?.shape).toEqual([4, space.shape[0], 3, 3])
    }
    const mine = createModel(
      { type: 'dqn', obs_shape: 8 * 8 * 3, action_shape: 3 },
      { random: RandomStream.fromSeed(9) },
    )
    expect(build(images(8, 8, 3), { actor_network: mine }).has_own_network).toBe(true)
  })

  it('says what is wrong with its options', async () => {
    expect(() => agent({ learning_rate: 1e-2 } as never)).toThrow(/no option "learning_rate".*lr/)
    expect(() => agent({ net_confg: {} } as never)).toThrow(/"net_config"/)
    expect(() => CQN.population(2, observations, actions, { gama: 1 } as never)).toThrow(/"gamma"/)
    const one = agent()
    await expect(one.test(new Bandit(2), { loop: 0 })).rejects.toThrow(/loop is 0/)
    await expect(one.test(new Bandit(2), { max_steps: 0 })).rejects.toThrow(/max_steps is 0/)
    await expect(one.test(new Bandit(2), { max_step: 2 } as never)).rejects.toThrow(/"max_steps"/)
    expect(one.fitness).toEqual([])
  })

  it('clones bit for bit, and the clone goes its own way', async () => {
    const one = agent()
    await one.learn(batch)
    one.scores.push(3)
    one.steps[0] = 99
    const twin = keep(await one.clone(7))
    expect(twin).toMatchObject({ index: 7, scores: [3], steps: [99] })
    expect((await twin.state_dict())['policy']).toEqual((await one.state_dict())['policy'])
    const before = one.get_policy().stateDict()
    const [a, b] = [await twin.learn(batch), await twin.learn(batch)]
    expect(one.get_policy().stateDict()).toEqual(before)
    expect([await one.learn(batch), await one.learn(batch)]).toEqual([a, b])
    expect(await one.getAction(rows, 0.5)).toEqual(await twin.getAction(rows, 0.5))
    expect(one.scores).not.toBe(twin.scores)
  })

  it('saves, loads and makes itself anew from a checkpoint, bit for bit', async () => {
    const one = agent({ ...small, index: 2, double: true })
    for (let i = 0; i < 3; i++) await one.learn(batch)
    one.fitness.push(12.5)
    const path = join(folder, 'agent.safetensors')
    await one.save_checkpoint(path)
    const anew = keep(await CQN.load(path))
    expect(anew).toMatchObject({ index: 2, fitness: [12.5], lr: 0.01, double: true })
    const next = await one.learn(batch)
    expect(await anew.learn(batch)).toBe(next)
    expect(await anew.state_dict()).toEqual(await one.state_dict())
    await expect(CQN.load(join(folder, 'nothing'))).rejects.toThrow(CheckpointError)
  })

  it('becomes the agent of a checkpoint, whatever it was', async () => {
    const hp_config = { gamma: { min: 0.1, max: 0.9 } }
    const one = agent({ ...small, index: 2, double: true, gamma: 0.5, tau: 0.1, batch_size: 8, hp_config })
    await one.learn(batch)
    const path = join(folder, 'become.safetensors')
    await one.save_checkpoint(path)
    const other = agent({ seed: 5 })
    await other.learn(batch)
    await other.load_checkpoint(path)
    expect(other).toMatchObject({ index: 2, lr: 0.01, double: true, gamma: 0.5, tau: 0.1, batch_size: 8 })
    expect(other.hp_config.names()).toEqual(['gamma'])
    expect(other.get_policy().stateDict()).toEqual(one.get_policy().stateDict())
    expect(await other.learn(batch)).toBe(await one.learn(batch))
    expect(await other.state_dict()).toEqual(await one.state_dict())
    expect(keep(await other.clone()).net_config).toEqual(small.net_config)
    const elsewhere = keep(new CQN(observations, new Discrete(2), small))
    const before = elsewhere.get_policy().stateDict()
    await expect(elsewhere.load_checkpoint(path)).rejects.toThrow(/its agent has .*Discrete\(3\)/)
    await expect(agent().load_checkpoint(join(folder, 'nothing'))).rejects.toThrow(CheckpointError)
    expect(elsewhere.get_policy().stateDict()).toEqual(before)
  })

  it('with a network of its own becomes one of a like network, and without any none', async () => {
    const mine = createModel(
      { type: 'dqn', obs_shape: 4, action_shape: 3, encoder_hidden_size_list: [8] },
      { random: RandomStream.fromSeed(9) },
    )
    const one = agent({ actor_network: mine, lr: 0.1 })
    await one.learn(batch)
    const path = join(folder, 'own.safetensors')
    await one.save_checkpoint(path)
    const other = agent({ actor_network: mine })
    await other.load_checkpoint(path)
    expect(other.lr).toBe(0.1)
    expect(await other.learn(batch)).toBe(await one.learn(batch))
    await expect(agent().load_checkpoint(path)).rejects.toThrow(/actor_network/)
  })

  it('copies a network of the user, and asks for it when loading', async () => {
    const mine = createModel(
      { type: 'dqn', obs_shape: 4, action_shape: 3, encoder_hidden_size_list: [8] },
      { random: RandomStream.fromSeed(9) },
    )
    const one = agent({ actor_network: mine })
    expect(one.get_policy()).not.toBe(mine)
    await one.learn(batch)
    const path = join(folder, 'custom.safetensors')
    await one.save_checkpoint(path)
    await expect(CQN.load(path)).rejects.toThrow(/actor_network/)
    const anew = keep(await CQN.load(path, { actor_network: mine }))
    expect(await anew.learn(batch)).toBe(await one.learn(batch))
  })

  it('makes populations with weights of their own', async () => {
    const population = CQN.population(3, observations, actions, { ...small, seed: 4 })
    population.forEach(keep)
    expect(population.map(({ index }) => index)).toEqual([0, 1, 2])
    const weights = population.map((one) => one.get_policy().parameters()[0]!.data.slice())
    expect(weights[0]).not.toEqual(weights[1])
    const losses = await Promise.all(population.map((one) => one.learn(batch)))
    expect(new Set(losses).size).toBe(3)
    expect(() => CQN.population(0, observations, actions)).toThrow(UsageError)
  })
})
