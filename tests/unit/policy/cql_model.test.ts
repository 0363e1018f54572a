import { describe, expect, test } from 'vitest'
import { RandomTree } from '../../../ding/compute/index.js'
import { type CQLModel, createModel } from '../../../ding/model/index.js'

const build = (given: Record<string, unknown> = {}) =>
  createModel(
    {
      type: 'cql',
      obs_shape: 5,
      action_shape: 2,
      actor_head_hidden_size: 16,
      critic_head_hidden_size: 16,
      ...given,
    },
    { random: RandomTree.fromSeed(0).stream('model') },
  ) as CQLModel

/** Largest difference between W W^T (or W^T W, whichever is smaller) and gain^2 times the identity. */
function offOrthogonal(shape: readonly number[], w: Float32Array, gain: number): number {
  const [rows, cols] = shape as [number, number]
  const wide = rows <= cols
  const [n, length] = wide ? [rows, cols] : [cols, rows]
  const at = (vector: number, i: number) => w[wide ? vector * cols + i : i * cols + vector] as number
  let worst = 0
  for (let a = 0; a < n; a++)
    for (let b = 0; b < n; b++) {
      let dot = 0
      for (let i = 0; i < length; i++) dot += at(a, i) * at(b, i)
      worst = Math.max(worst, Math.abs(dot - (a === b ? gain * gain : 0)))
    }
  return worst
}

const weight = (model: CQLModel, name: string) => {
  const found = model.namedParameters().find(([own]) => own === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found[1]
}

describe('start values', () => {
  const orthogonal = (model: CQLModel, name: string, gain: number) => {
    const { shape, data } = weight(model, `${name}.weight`)
    return (
      offOrthogonal(shape, data, gain) < 1e-5 &&
      weight(model, `${name}.bias`).data.every((value) => value === 0)
    )
  }

  test('offline: critics orthogonal with a small last layer, the actor not', () => {
    const model = build()
    for (const layer of [0, 2, 4]) expect(orthogonal(model, `critic.q.1.${layer}`, Math.SQRT2)).toBe(true)
    expect(orthogonal(model, 'critic.q.0.6', 0.01)).toBe(true)
    expect(orthogonal(model, 'actor.trunk.0', Math.SQRT2)).toBe(false)
    const bound = 0.01 * Math.sqrt(6 / 20)
    const last = weight(model, 'actor.head.last.weight').data
    expect(Math.max(...last.map(Math.abs))).toBeLessThanOrEqual(bound)
    expect(weight(model, 'actor.head.last.bias').data.every((value) => value === 0)).toBe(true)
  })

  test('finetune: every layer with gain sqrt 2, the actor too', () => {
    const model = build({ init_variant: 'finetune' })
    for (const name of ['critic.q.0.0', 'critic.q.1.6', 'actor.trunk.2', 'actor.head.last'])
      expect(orthogonal(model, name, Math.SQRT2), name).toBe(true)
    const plain = build({ init_variant: 'finetune', orthogonal_init: false })
    expect(orthogonal(plain, 'critic.q.0.0', Math.SQRT2)).toBe(false)
    expect(weight(plain, 'critic.q.0.6.bias').data[0]).not.toBe(0)
  })

  test('actor_orthogonal_init goes before the variant', () => {
    expect(orthogonal(build({ actor_orthogonal_init: true }), 'actor.trunk.0', Math.SQRT2)).toBe(true)
    const finetune = build({ init_variant: 'finetune', actor_orthogonal_init: false })
    expect(orthogonal(finetune, 'actor.trunk.0', Math.SQRT2)).toBe(false)
  })

  test('of scale and offset of the log standard deviation are the given ones', () => {
    const model = build({ policy_log_std_multiplier: 0.5, policy_log_std_offset: -2 })
    expect([...weight(model, 'actor.head.log_std_multiplier').data]).toEqual([0.5])
    expect([...weight(model, 'actor.head.log_std_offset').data]).toEqual([-2])
  })
})

describe('sizes', () => {
  const depth = (model: CQLModel, critic: number) =>
    model.namedParameters().filter(([name]) => name.startsWith(`critic.q.${critic}.`)).length / 2 - 1

  test('q_n_hidden_layers is of both critics, unless the second has its own', () => {
    const both = build({ q_n_hidden_layers: 5 })
    expect([depth(both, 0), depth(both, 1)]).toEqual([5, 5])
    const corl = build({ q_n_hidden_layers: 5, q2_n_hidden_layers: 3 })
    expect([depth(corl, 0), depth(corl, 1)]).toEqual([5, 3])
    expect(build({ twin_critic: false }).critic.q).toHaveLength(1)
  })

  test('Dict observations are joined', () => {
    const model = build({ obs_shape: { a: 2, b: [2, 2] } })
    expect(weight(model, 'actor.trunk.0.weight').shape).toEqual([16, 6])
    expect(weight(model, 'critic.q.0.0.weight').shape).toEqual([16, 8])
  })
})
