import { expect, it } from 'vitest'
import { type Individual, TournamentSelection } from '../../../../ding/agent/index.js'

class Plain implements Individual<Plain> {
  constructor(
    public index: number,
    readonly fitness: readonly number[],
    readonly parent = index,
  ) {}

  clone(index: number = this.index): Promise<Plain> {
    return Promise.resolve(new Plain(index, this.fitness, this.index))
  }
}

const population = [1, 9, 5, 9].map((last, i) => new Plain(i + 3, [100, last]))

it('keeps the best by its last fitness and fills the places with clones under new numbers', async () => {
  const [elite, next] = await new TournamentSelection(2, true, 5).select(population)
  // Of the two with 9 the later one.
  expect([elite.index, elite.parent]).toEqual([6, 6])
  expect(population).not.toContain(elite)
  expect(next.map(({ index }) => index)).toEqual([6, 7, 8, 9, 10])
  expect(population).not.toContain(next[0])
  const [, plain] = await new TournamentSelection(2, false, 2).select(population)
  expect(plain.map(({ index }) => index)).toEqual([7, 8])
})

it('prefers the better of those that it draws', async () => {
  const parents = async (size: number) => {
    const [, next] = await new TournamentSelection(size, false, 4000, 1).select(population)
    return [3, 4, 5, 6].map((index) => next.filter(({ parent }) => parent === index).length / 4000)
  }
  // Of two equal scores the later one ranks higher: the shares of the four are (r^k - (r - 1)^k) / 4^k for ranks r = 1, 3, 2, 4.
  const near = (shares: number[], expected: number[]) =>
    expected.forEach((share, i) => {
      expect(Math.abs((shares[i] as number) - share)).toBeLessThan(4 * Math.sqrt(0.25 / 4000))
    })
  near(await parents(1), [1 / 4, 1 / 4, 1 / 4, 1 / 4])
  near(await parents(2), [1 / 16, 5 / 16, 3 / 16, 7 / 16])
  near(await parents(3), [1 / 64, 19 / 64, 7 / 64, 37 / 64])
})

it('goes on from a saved state, and tells what it cannot use', async () => {
  const [one, other] = [new TournamentSelection(2, true, 6, 1), new TournamentSelection(2, true, 6, 2)]
  await one.select(population)
  other.load_state_dict(one.state_dict())
  const parents = async (selection: TournamentSelection) =>
    (await selection.select(population))[1].map(({ parent }) => parent)
  expect(await parents(other)).toEqual(await parents(one))
  await expect(one.select([new Plain(5, [])])).rejects.toThrow(/agent 5 has no fitness/)
  await expect(one.select([])).rejects.toThrow(/empty/)
  expect(() => new TournamentSelection(0, true, 4)).toThrow(/tournament_size is 0/)
  expect(() => new TournamentSelection(2, true, 1.5)).toThrow(/population_size is 1.5/)
})
