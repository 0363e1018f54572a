import { type RandomStream, RandomTree } from '../../compute/index.js'
import { type Batch, createDataset, type DatasetConfig, type OfflineDataset } from '../../data/index.js'
import { createRunLogger, type Logger } from '../../logger/index.js'
import { checkOptions, UsageError } from '../../utils/index.js'
import { NO_FILES } from '../agent_logger.js'
import type { CQN } from '../cqn.js'
import { seedTestEnv, type TestEnv } from '../episodes.js'
import { mean } from '../monitor.js'
import type { Mutations } from './mutations.js'
import { Checkpoints, type EvolutionState } from './saving.js'
import type { TournamentSelection } from './tournament.js'

/** Names and defaults are AgileRL's (agilerl/training/train_offline.py), where it has them. */
export interface TrainOfflineOptions {
  /** Where the agents are tested: an environment, several, or a manager. */
  readonly env: TestEnv
  /** The population to begin with. Agents that are replaced are cleaned up. */
  readonly pop: readonly CQN[]
  /**
   * What they learn from: a dataset, or the config of one (`data_path`, `data_type`, ...). Every batch is drawn anew from all of it, with
   * replacement, whatever `sampling` says.
   */
  readonly dataset: OfflineDataset | Partial<DatasetConfig>
  /** Updates of each agent in all (1e6). */
  readonly max_steps?: number
  /** Updates of each agent between two selections (1e4). */
  readonly evo_steps?: number
  /** Longest episode of a test (null: as long as the environment lets it). */
  readonly eval_steps?: number | null
  /** Episodes of a test in each environment (1). */
  readonly eval_loop?: number
  /** Training ends when the last ten scores of every agent are on average above this (null: never). */
  readonly target?: number | null
  /** Selection and mutation between generations (null: none, so that every agent learns by itself). */
  readonly selection_strategy?: TournamentSelection | null
  readonly mutation?: Mutations | null
  /** AgileRL's older name of `selection_strategy`. */
  readonly tournament?: TournamentSelection | null
  /** Save after so many updates, at the end of a generation (null: never). */
  readonly checkpoint?: number | null
  /** Beginning of the files' names, folder included ('evolution'). */
  readonly checkpoint_path?: string
  /** One file an agent, instead of one for each number of updates (false). */
  readonly overwrite_checkpoints?: boolean
  /** Save the best agent of each selection (false), as `elite_path` (checkpoint_path + '_elite'). */
  readonly save_elite?: boolean
  readonly elite_path?: string
  /** Folder for event files and JSON lines (null: none). */
  readonly tensorboard_log_dir?: string | null
  /** Say each generation's scores (true). */
  readonly verbose?: boolean
  /** Seed of the order of the data and of the tests' episodes (0). */
  readonly seed?: number
  /** Go on from the last checkpoint, bit for bit; from the beginning where there is none (false). */
  readonly resume?: boolean
  /** Ends the training after the generation at hand, which is then saved. */
  readonly signal?: AbortSignal
}

export interface EvolutionResult {
  readonly pop: CQN[]
  /** For each generation the score of each agent, before selection. */
  readonly pop_fitnesses: number[][]
  readonly stop_reason: 'max_steps' | 'target' | 'interrupted'
}

/** The names of {@link TrainOfflineOptions}. */
const OPTIONS = Object.keys({
  env: true,
  pop: true,
  dataset: true,
  max_steps: true,
  evo_steps: true,
  eval_steps: true,
  eval_loop: true,
  target: true,
  selection_strategy: true,
  mutation: true,
  tournament: true,
  checkpoint: true,
  checkpoint_path: true,
  overwrite_checkpoints: true,
  save_elite: true,
  elite_path: true,
  tensorboard_log_dir: true,
  verbose: true,
  seed: true,
  resume: true,
  signal: true,
} satisfies Record<keyof TrainOfflineOptions, true>)
/** Scores that the target is held against. */
const LAST = 10

/**
 * Offline training of a population: each agent does `evo_steps` updates from the dataset and is tested; the better ones go over into the next
 * generation and mutate. All agents of a generation are tested on the same episodes.
 * @throws UsageError for options that do not exist or are out of range
 */
export async function train_offline(options: TrainOfflineOptions): Promise<EvolutionResult> {
  checkOptions('train_offline', options, OPTIONS)
  const { max_steps = 1e6, evo_steps = 1e4, eval_loop = 1, seed = 0, target = null, signal } = options
  const { mutation = null } = options
  const tournament = selectionOf(options)
  checkCounts({ max_steps, evo_steps, eval_loop, checkpoint: options.checkpoint ?? 1 }, options.pop)
  const random = RandomTree.fromSeed(seed)
  const dataset = await datasetOf(options.dataset, random)
  const checkpoints = new Checkpoints(options)
  const log_dir = options.tensorboard_log_dir ?? null
  const logger = createRunLogger({
    ...(log_dir === null ? NO_FILES : { exp_name: log_dir }),
    console: options.verbose === false ? 'quiet' : 'plain',
  })
  const state: EvolutionState = { pop: [...options.pop], pop_fitnesses: [], pretrained: false }
  const parts = { random, ...(tournament && { tournament }), ...(mutation && { mutation }) }
  try {
    if (options.resume === true) await checkpoints.restore(state, parts)
    if (!state.pretrained && mutation !== null) state.pop = await mutation.mutation(state.pop, true)
    state.pretrained = true
    for (;;) {
      const done = stepsOf(state.pop)
      if (done >= max_steps) return resultOf(state, 'max_steps')
      const fitness = await generation(state.pop, dataset, random, {
        ...options,
        steps: Math.min(evo_steps, max_steps - done),
        eval_loop,
      })
      state.pop_fitnesses.push(fitness)
      tell(logger, state.pop, fitness)
      const reached = target !== null && state.pop.every((agent) => meanOfLast(agent.fitness) > target)
      if (!reached && tournament !== null) {
        const [elite, next] = await tournament.select(state.pop)
        if (options.save_elite === true) await checkpoints.saveElite(elite)
        for (const agent of [elite, ...state.pop]) await agent.clean_up()
        state.pop = mutation === null ? next : await mutation.mutation(next)
      }
      const over = reached || signal?.aborted === true
      await checkpoints.save(state, parts, stepsOf(state.pop), over)
      if (over) return resultOf(state, reached ? 'target' : 'interrupted')
    }
  } finally {
    logger.close()
  }
}

function resultOf(
  { pop, pop_fitnesses }: EvolutionState,
  stop_reason: EvolutionResult['stop_reason'],
): EvolutionResult {
  return { pop, pop_fitnesses, stop_reason }
}

function selectionOf({
  selection_strategy = null,
  tournament = null,
}: TrainOfflineOptions): TournamentSelection | null {
  if (selection_strategy !== null && tournament !== null && selection_strategy !== tournament)
    throw new UsageError(
      'train_offline: selection_strategy and tournament are two names of one thing, and differ. Give selection_strategy alone.',
    )
  return selection_strategy ?? tournament
}

function datasetOf(given: TrainOfflineOptions['dataset'], random: RandomTree): Promise<OfflineDataset> {
  if ('sample' in given) return Promise.resolve(given as OfflineDataset)
  return createDataset(given as Partial<DatasetConfig>, { random: random.stream('dataset') })
}

interface GenerationOptions {
  readonly env: TestEnv
  readonly steps: number
  readonly eval_steps?: number | null
  readonly eval_loop: number
}

/** Every agent learns and is tested. @returns their scores */
async function generation(
  pop: readonly CQN[],
  dataset: OfflineDataset,
  random: RandomTree,
  { env, steps, eval_steps = null, eval_loop }: GenerationOptions,
): Promise<number[]> {
  const fitness: number[] = []
  const seed = random.stream('test').nextInt(0, 2 ** 31)
  const rows = random.stream('rows')
  for (const agent of pop) {
    for (let step = 0; step < steps; step++) await agent.learn(drawn(dataset, agent.batch_size, rows))
    seedTestEnv(env, seed)
    fitness.push(await agent.test(env, { max_steps: eval_steps, loop: eval_loop }))
    agent.steps.push((agent.steps.at(-1) ?? 0) + steps)
  }
  return fitness
}

function drawn(dataset: OfflineDataset, size: number, rows: RandomStream): Batch {
  return dataset.take(rows.integers(size, 0, dataset.count))
}

/** Updates of the agent that has done most. */
function stepsOf(pop: readonly CQN[]): number {
  return Math.max(...pop.map(({ steps }) => steps.at(-1) ?? 0))
}

function meanOfLast(fitness: readonly number[]): number {
  return mean(fitness.slice(-LAST))
}

function tell(logger: Logger, pop: readonly CQN[], fitness: readonly number[]): void {
  const step = stepsOf(pop)
  const average = mean(fitness)
  logger.scalars({ 'evolution/best': Math.max(...fitness), 'evolution/mean': average }, step)
  const each = pop.map(
    ({ index, mut }, i) => `${index}: ${(fitness[i] as number).toFixed(1)} (${mut ?? 'None'})`,
  )
  logger.info(`${step} updates, mean score ${average.toFixed(1)}. ${each.join(', ')}`)
}

function checkCounts(counts: Readonly<Record<string, number>>, pop: readonly CQN[]): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`train_offline: ${name} is ${value}, expected a whole number > 0.`)
  }
  if (pop.length === 0) throw new UsageError('train_offline: pop is empty. Make one by CQN.population.')
}
