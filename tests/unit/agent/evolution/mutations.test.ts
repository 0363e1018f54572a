import { describe, expect, it } from 'vitest'
import { CQN, Mutations, type MutationsOptions } from '../../../../ding/agent/index.js'
import { Box, Dict } from '../../../../ding/envs/index.js'
import { UsageError } from '../../../../ding/utils/index.js'
import { actions, agent, keep, learned, observations, population, rows, small } from './support.js'

const NONE = { no_mutation: 0, architecture: 0, new_layer_prob: 0.2, parameters: 0, activation: 0, rl_hp: 0 }
const by = (options: Partial<MutationsOptions>) => new Mutations({ ...NONE, ...options })
const batch = rows([0, 1, 2, 3, 4, 5, 6, 7])

async function taught(one: CQN): Promise<CQN> {
  for (let i = 0; i < 3; i++) await one.learn(batch)
  one.fitness.push(5)
  one.steps.push(3)
  return one
}

async function mutated(options: Partial<MutationsOptions>, from: CQN): Promise<CQN> {
  const [next] = await by(options).mutation([from])
  return keep(next as CQN)
}

describe('a mutation', () => {
  it('of the architecture begins with the weights that fit, a target alike and a fresh optimizer', async () => {
    const before = await taught(agent())
    const [old, fresh] = [await learned(before), await learned(agent())]
    const next = await mutated({ architecture: 1, rand_seed: 3 }, before)
    expect(next.mut).toMatch(/^(encoder|head_net)\.|latent_node$/)
    expect(next.net_config).not.toEqual(before.net_config)
    const now = await learned(next)
    expect(now.model).toEqual(now.target_model)
    expect(now.updates).toBe(0)
    const same = Object.keys(now.model).filter(
      (name) => now.model[name]?.data.length === old.model[name]?.data.length,
    )
    expect(same.length).toBeGreaterThan(2)
    for (const name of same) expect(now.model[name]).toEqual(old.model[name])
    expect(same.some((name) => now.model[name]?.data.some((x, i) => x !== fresh.model[name]?.data[i]))).toBe(
      true,
    )
    expect(next).toMatchObject({ index: before.index, fitness: [5], steps: [0, 3] })
    expect(Number.isFinite(await next.learn(batch))).toBe(true)
  })

  it('of the weights changes some, with a target alike and a fresh optimizer', async () => {
    const before = await taught(agent())
    const old = await learned(before)
    const next = await mutated({ parameters: 1 }, before)
    const now = await learned(next)
    expect(next.mut).toBe('param')
    expect(now.model).not.toEqual(old.model)
    expect(now.target_model).toEqual(now.model)
    expect(now.optimizer).toEqual((await learned(agent())).optimizer)
    const values = Object.values(old.model).reduce((sum, { data }) => sum + data.length, 0)
    const changed = Object.entries(now.model).reduce(
      (sum, [name, { data }]) => sum + data.filter((x, i) => x !== old.model[name]?.data[i]).length,
      0,
    )
    expect(changed).toBeGreaterThan(0)
    expect(changed).toBeLessThan(values / 9)
  })

  it('of the activation takes another one and keeps the weights', async () => {
    const before = await taught(agent())
    const old = await learned(before)
    const next = await mutated({ activation: 1, activation_selection: ['ReLU', 'Tanh'] }, before)
    expect(next.mut).toBe('act')
    expect(next.net_config).toMatchObject({
      encoder_config: { activation: 'Tanh' },
      head_config: { activation: 'Tanh' },
    })
    expect((await learned(next)).model).toEqual(old.model)
    const stays = await mutated({ activation: 1, activation_selection: ['Tanh'] }, next)
    expect([stays.mut, stays === next]).toEqual(['None', true])
  })

  it('of the activation is none where the encoder has none of its own: SimBa and several inputs', async () => {
    const several = new Dict({ image: new Box(0, 255, [3, 6, 6], 'uint8'), vector: observations })
    const encoder_config = {
      cnn_config: { channel_size: [4], kernel_size: [3], stride_size: [1] },
      vector_space_mlp: true,
    }
    for (const one of [
      agent({ net_config: { simba: true, encoder_config: { hidden_size: 32, num_blocks: 1 } } }),
      keep(new CQN(several, actions, { net_config: { encoder_config } })),
    ]) {
      const same = await mutated({ activation: 1 }, one)
      expect([same.mut, same === one]).toEqual(['None', true])
    }
  })

  it('of one network among several leaves the weights of the others', async () => {
    const several = new Dict({ a: new Box(0, 1, [1, 6, 6]), b: new Box(0, 1, [1, 6, 6]) })
    const cnn_config = { channel_size: [16], kernel_size: [3], stride_size: [1], max_channel_size: 24 }
    const before = keep(new CQN(several, actions, { net_config: { encoder_config: { cnn_config } } }))
    const old = await learned(before)
    const wanted = 'encoder.feature_net.a.add_channel'
    let next = before
    for (let rand_seed = 0; rand_seed < 200 && next.mut !== wanted; rand_seed++)
      next = await mutated({ architecture: 1, new_layer_prob: 0, rand_seed }, before)
    expect(next.mut).toBe(wanted)
    const now = await learned(next)
    const changed = Object.keys(now.model).filter(
      (name) => now.model[name]?.data.length !== old.model[name]?.data.length,
    )
    expect(changed.length).toBeGreaterThan(0)
    for (const [name, { data }] of Object.entries(now.model)) {
      if (changed.includes(name)) expect(name).toMatch(/^encoder\.feature_net\.a\./)
      else expect(data, name).toEqual(old.model[name]?.data)
    }
  })

  it('of a hyper-parameter keeps networks, target and optimizer, but not the optimizer with another learning rate', async () => {
    const ranges = (name: string, min: number, max: number) => ({ hp_config: { [name]: { min, max } } })
    const before = await taught(agent({ ...small, ...ranges('gamma', 0.1, 0.5) }))
    const old = await learned(before)
    const next = await mutated({ rl_hp: 1 }, before)
    expect([next.mut, next.gamma]).toEqual(['gamma', 0.5])
    expect(await learned(next)).toEqual(old)
    const fast = await taught(agent({ ...small, ...ranges('lr', 0.5, 0.5) }))
    const slow = await learned(fast)
    const now = await mutated({ rl_hp: 1 }, fast)
    expect([now.mut, now.lr]).toEqual(['lr', 0.5])
    const { optimizer, ...rest } = await learned(now)
    const { optimizer: was, ...others } = slow
    expect(rest).toEqual(others)
    expect(optimizer).not.toEqual(was)
  })

  it('of a hyper-parameter wins over the same key in `config`, and over nothing else there', async () => {
    const config = { learn: { learning_rate: 0.003, grad_clip_value: 2 } }
    const before = agent({ ...small, config, hp_config: { lr: { min: 0.02, max: 0.02 } } })
    expect(before.lr).toBe(0.003)
    const next = await mutated({ rl_hp: 1 }, before)
    expect(next.lr).toBe(0.02)
    const { meta } = await next.snapshot()
    expect(meta['options']).toMatchObject({ config: { learn: { grad_clip_value: 2 } } })
  })

  it('is not one where there is nothing to change', async () => {
    const own = agent({ ...small, actor_network: agent().get_policy() })
    for (const kind of ['architecture', 'activation']) {
      const same = await mutated({ [kind]: 1 }, own)
      expect([same.mut, same === own]).toEqual(['None', true])
    }
    const fixed = await mutated({ rl_hp: 1 }, agent({ ...small, hp_config: {} }))
    expect(fixed.mut).toBe('None')
    const weights = await mutated({ parameters: 1 }, own)
    expect(weights.mut).toBe('param')
  })
})

describe('Mutations', () => {
  it('draws each kind as often as its weight says', async () => {
    const pop = population(8)
    const mutations = by({ no_mutation: 3, rl_hp: 1, rand_seed: 2 })
    let none = 0
    let now = pop
    for (let round = 0; round < 25; round++) {
      now = keep(await mutations.mutation(now))
      none += now.filter(({ mut }) => mut === 'None').length
    }
    expect(Math.abs(none / 200 - 0.75)).toBeLessThan(0.12)
  })

  it('leaves the first agent alone without mutate_elite, and none before training', async () => {
    const pop = population(4)
    const some = keep(await by({ parameters: 1, no_mutation: 1e-9, mutate_elite: false }).mutation(pop))
    expect(some.map(({ mut }) => mut)).toEqual(['None', 'param', 'param', 'param'])
    expect(some[0]).toBe(pop[0])
    const all = keep(await by({ no_mutation: 1e9, parameters: 1 }).mutation(some, true))
    expect(all.map(({ mut }) => mut)).toEqual(['param', 'param', 'param', 'param'])
  })

  it('repeats itself from a saved state', async () => {
    const labels = async (mutations: Mutations) =>
      keep(await mutations.mutation(population(6))).map(({ mut, lr }) => [mut, lr])
    const mixed = { no_mutation: 1, architecture: 1, parameters: 1, activation: 1, rl_hp: 1 }
    const [one, other] = [by(mixed), by({ ...mixed, rand_seed: 9 })]
    await labels(one)
    other.load_state_dict(one.state_dict())
    expect(await labels(other)).toEqual(await labels(one))
  })

  it.each([
    [{}, /are all 0/],
    [{ parameters: -1 }, /parameters is -1/],
    [{ parameters: 1, new_layer_prob: 2 }, /new_layer_prob is 2/],
    [{ parameters: 1, mutation_sd: Number.NaN }, /mutation_sd is NaN/],
    [{ parameters: 1, activation_selection: [] }, /activation_selection is empty/],
    [{ parameters: 1, mutation_std: 1 }, /no option "mutation_std".*mutation_sd/],
  ])('refuses %o', (options, message) => {
    expect(() => by(options)).toThrow(UsageError)
    expect(() => by(options)).toThrow(message)
  })
})
