import { RandomStream } from '../../compute/index.js'
import { type JsonValue, type Resumable, type StateTree, UsageError } from '../../utils/index.js'

/** What selection needs of an agent. */
export interface Individual<T> {
  index: number
  readonly fitness: readonly number[]
  clone(index?: number): Promise<T>
}

/** Tournament selection of a population by its latest fitness (agilerl/hpo/tournament.py). */
export class TournamentSelection implements Resumable {
  private readonly random: RandomStream

  /**
   * @param tournament_size agents that are drawn, with replacement, for each place
   * @param elitism whether the best one goes over unchanged, in the first place
   * @param population_size agents of the next population
   * @throws UsageError for sizes that are not whole numbers > 0
   */
  constructor(
    readonly tournament_size: number,
    readonly elitism: boolean,
    readonly population_size: number,
    rand_seed = 0,
  ) {
    for (const [name, value] of Object.entries({ tournament_size, population_size })) {
      if (!Number.isInteger(value) || value < 1)
        throw new UsageError(`TournamentSelection: ${name} is ${value}, expected a whole number > 0.`)
    }
    this.random = RandomStream.fromSeed(rand_seed).child('tournament')
  }

  /**
   * The next population: clones, whose numbers go on from the greatest. The agents that were given are left as they are. Of equal scores the later
   * agent's ranks higher.
   * @returns a copy of the best agent, and the population @throws UsageError when an agent was never tested
   */
  async select<T extends Individual<T>>(population: readonly T[]): Promise<[elite: T, next: T[]]> {
    const fitness = population.map((agent) => {
      const last = agent.fitness.at(-1)
      if (last === undefined)
        throw new UsageError(
          `TournamentSelection: agent ${agent.index} has no fitness. Test each agent before the selection.`,
        )
      return last
    })
    if (population.length === 0) throw new UsageError('TournamentSelection: the population is empty.')
    const ranks = ranksOf(fitness)
    const best = population[indexOfGreatest(ranks)] as T
    const next: T[] = this.elitism ? [await best.clone()] : []
    let number = Math.max(...population.map(({ index }) => index))
    while (next.length < this.population_size) {
      const drawn = [...this.random.integers(this.tournament_size, 0, population.length)]
      const winner = drawn[indexOfGreatest(drawn.map((i) => ranks[i] as number))] as number
      next.push(await (population[winner] as T).clone(++number))
    }
    return [await best.clone(), next]
  }

  state_dict(): StateTree {
    return { random: this.random.state() }
  }

  load_state_dict(state: StateTree): void {
    this.random.restore(state['random'] as JsonValue)
  }
}

/** Place of each value in ascending order. Of equal ones the first stands first. */
function ranksOf(values: readonly number[]): number[] {
  const ranks = new Array<number>(values.length)
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number) || a - b)
  for (const [rank, i] of order.entries()) ranks[i] = rank
  return ranks
}

function indexOfGreatest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values))
}
