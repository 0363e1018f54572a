import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  CQN,
  Mutations,
  TournamentSelection,
  type TrainOfflineOptions,
  train_offline,
} from '../../../../ding/agent/index.js'
import type { OfflineDataset } from '../../../../ding/data/index.js'
import { CheckpointError, UsageError } from '../../../../ding/utils/index.js'
import { agent, Bandit, keep, learned, population, ROW_COUNT, rows, small } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'ding-evolution-'))
afterAll(() => rmSync(folder, { recursive: true }))

const dataset = { count: ROW_COUNT, take: rows, sample: () => rows([0]) } as unknown as OfflineDataset
const mixed = { no_mutation: 1, architecture: 1, new_layer_prob: 0.2, parameters: 1, activation: 1, rl_hp: 1 }

async function evolved(options: Partial<TrainOfflineOptions> = {}) {
  const result = await train_offline({
    env: new Bandit(),
    pop: population(3),
    dataset,
    max_steps: 20,
    evo_steps: 5,
    tournament: new TournamentSelection(2, true, 3, 1),
    mutation: new Mutations({ ...mixed, rand_seed: 1 }),
    verbose: false,
    ...options,
  })
  keep(result.pop)
  return result
}

const standing = async (pop: readonly CQN[]) =>
  Promise.all(pop.map(async (one) => ({ state: await one.state_dict(), lr: one.lr, net: one.net_config })))

describe('train_offline', () => {
  it('teaches, tests, selects and mutates until max_steps', async () => {
    const { pop, pop_fitnesses, stop_reason } = await evolved({ max_steps: 18 })
    expect(stop_reason).toBe('max_steps')
    expect(pop_fitnesses).toHaveLength(4)
    for (const fitness of pop_fitnesses.flat()) expect(fitness >= 0 && fitness <= 10).toBe(true)
    expect(pop.map(({ steps }) => steps)).toEqual([0, 1, 2].map(() => [0, 5, 10, 15, 18]))
    expect(pop.map(({ fitness }) => fitness.length)).toEqual([4, 4, 4])
    expect(Math.max(...pop.map(({ index }) => index))).toBeGreaterThan(2)
  })

  it('goes on from its checkpoint as if it had never stopped', async () => {
    const path = (name: string) => ({ checkpoint: 5, checkpoint_path: join(folder, name, 'run') })
    const whole = await evolved(path('whole'))
    const first = await evolved({ ...path('parts'), max_steps: 10, resume: true })
    expect(first.pop_fitnesses).toEqual(whole.pop_fitnesses.slice(0, 2))
    const rest = await evolved({
      ...path('parts'),
      resume: true,
      pop: population(3, { ...small, seed: 99 }),
      tournament: new TournamentSelection(2, true, 3, 50),
      mutation: new Mutations({ ...mixed, rand_seed: 50 }),
      seed: 50,
    })
    expect(rest.pop_fitnesses).toEqual(whole.pop_fitnesses)
    expect(await standing(rest.pop)).toEqual(await standing(whole.pop))
    const other = evolved({ ...path('parts'), resume: true, mutation: null })
    await expect(other).rejects.toThrow(CheckpointError)
    await expect(other).rejects.toThrow(/Give the same tournament and mutation/)
  })

  it('saves each agent and the best one as files that CQN.load takes', async () => {
    const checkpoint_path = join(folder, 'files')
    const { pop } = await evolved({ checkpoint: 10, checkpoint_path, save_elite: true })
    const loaded = keep(await CQN.load(`${checkpoint_path}_1_20.safetensors`))
    expect(await standing([loaded])).toEqual(await standing([pop[1] as CQN]))
    const elite = keep(await CQN.load(`${checkpoint_path}_elite.safetensors`))
    expect(elite.fitness).toHaveLength(4)
    await evolved({ checkpoint: 10, checkpoint_path, overwrite_checkpoints: true })
    expect(keep(await CQN.load(`${checkpoint_path}_2.safetensors`)).steps.at(-1)).toBe(20)
  })

  it('ends at its target, by every agent’s last ten scores, and on a signal', async () => {
    expect(await evolved({ target: -1 })).toMatchObject({ stop_reason: 'target', pop_fitnesses: [{}] })
    expect((await evolved({ target: 10 })).stop_reason).toBe('max_steps')
    const stopped = await evolved({ signal: AbortSignal.abort() })
    expect([stopped.stop_reason, stopped.pop_fitnesses.length]).toEqual(['interrupted', 1])
  })

  it('without selection and mutation is each agent learning by itself', async () => {
    const pop = population(2)
    const { pop: after } = await evolved({ pop, tournament: null, mutation: null, max_steps: 5 })
    expect(after).toEqual(pop)
    expect((await learned(after[0] as CQN)).updates).toBe(5)
    expect(after[0]?.mut).toBe(null)
  })

  it('takes the selection by either of its names, and not two of them', async () => {
    const by = (names: Partial<TrainOfflineOptions>) =>
      evolved({ tournament: null, ...names, max_steps: 10 }).then(({ pop }) => standing(pop))
    const selection = () => new TournamentSelection(2, true, 3, 1)
    const same = selection()
    const twice = await by({ selection_strategy: same, tournament: same })
    expect(await by({ selection_strategy: selection() })).toEqual(twice)
    expect(await by({ tournament: selection() })).toEqual(twice)
    const two = by({ selection_strategy: selection(), tournament: selection() })
    await expect(two).rejects.toThrow(/two names of one thing/)
  })

  it('tests all agents of a generation on the same episodes', async () => {
    const pop = [agent(small), agent(small)]
    const { pop_fitnesses } = await evolved({
      pop,
      dataset: { ...dataset, take: () => rows([1, 2, 3]) },
      tournament: null,
      mutation: null,
      max_steps: 10,
    })
    for (const [one, other] of pop_fitnesses) expect(one).toBe(other)
  })

  it.each([
    [{ max_steps: 0 }, /max_steps is 0/],
    [{ evo_steps: 1.5 }, /evo_steps is 1.5/],
    [{ pop: [] }, /pop is empty/],
    [{ max_step: 10 }, /no option "max_step".*max_steps/],
  ])('refuses %o', async (options, message) => {
    const training = evolved(options as Partial<TrainOfflineOptions>)
    await expect(training).rejects.toThrow(UsageError)
    await expect(training).rejects.toThrow(message)
  })
})
