import { expect, it } from 'vitest'
import { inheritWeights, perturbWeights } from '../../../../ding/agent/evolution/weights.js'
import { RandomStream } from '../../../../ding/compute/index.js'
import { createModel } from '../../../../ding/model/index.js'

const network = (hidden: number[], seed: number, latent_dim = 16) =>
  createModel(
    {
      type: 'agilerl_q',
      obs_shape: 4,
      action_shape: 3,
      net_config: { latent_dim, encoder_config: { hidden_size: hidden }, head_config: { hidden_size: [40] } },
    },
    { random: RandomStream.fromSeed(seed) },
  )
const weights = (model: ReturnType<typeof network>) =>
  new Map(
    model
      .namedParameters()
      .map(([name, { data, shape }]) => [name, { data: Float32Array.from(data), shape }]),
  )

it('what two networks share goes over: whole layers, else the rows and columns that both have', () => {
  const [from, to] = [network([20, 20], 1), network([36, 20], 2)]
  for (const [name, parameter] of from.namedParameters()) if (name.includes('norm')) parameter.data.fill(7)
  const [old, fresh] = [weights(from), weights(to)]
  inheritWeights(from, to)
  const now = weights(to)
  expect([...now.keys()]).toEqual([...old.keys()])
  let [whole, part, kept] = [0, 0, 0]
  for (const [name, { data, shape }] of now) {
    const [source, before] = [old.get(name)!, fresh.get(name)!]
    if (source.shape.join() === shape.join()) {
      whole++
      expect(data, name).toEqual(source.data)
    } else if (name.includes('norm')) {
      kept++
      expect(data, name).toEqual(before.data)
    } else {
      part++
      const [columns, oldColumns] = [shape[1] ?? 1, source.shape[1] ?? 1]
      for (const [i, value] of data.entries()) {
        const [row, column] = [Math.floor(i / columns), i % columns]
        const shared = row < source.shape[0]! && column < oldColumns
        const expected = shared ? source.data[row * oldColumns + column] : before.data[i]
        expect(value, `${name}[${row}, ${column}]`).toBe(expected)
      }
    }
  }
  expect([whole > 0, part, kept]).toEqual([true, 3, 2])
})

it('a perturbation changes at most a tenth of some matrices, most by little, and nothing else', () => {
  const shares: number[] = []
  let [small, changed] = [0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const model = network([32], 1)
    const before = weights(model)
    perturbWeights(model, 0.1, RandomStream.fromSeed(seed))
    let matrices = 0
    for (const [name, { data, shape }] of weights(model)) {
      const old = before.get(name)!.data
      const places = [...data.keys()].filter((i) => data[i] !== old[i])
      if (places.length === 0) continue
      expect(shape.length === 2 && !name.includes('norm'), name).toBe(true)
      expect(places.length).toBeLessThanOrEqual(Math.ceil(data.length / 10))
      matrices++
      changed += places.length
      small += places.filter((i) => Math.abs(data[i]! - old[i]!) < 0.5 * Math.abs(old[i]!)).length
    }
    shares.push(matrices)
  }
  expect(new Set(shares)).toEqual(new Set([1, 2, 3, 4]))
  expect(Math.abs(small / changed - 0.91)).toBeLessThan(0.02)
})
