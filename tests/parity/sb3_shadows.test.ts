import { describe, expect, test } from 'vitest'
import { Comparison } from './compare.js'
import { actorCriticAdam, type OptimizerSettings, unreadOptions } from './sb3_settings.js'
import { type Course, compareRuns, type Reading, type Run } from './sb3_shadows.js'
import { activationOf } from './torch_activation.js'

/** Runs that give `actual` where the recording has `expected`, shadows that give `shadows` in turn. */
async function compared(actual: number[], expected: number[], shadows: (n: number) => number[]) {
  const comparison = new Comparison('numbers')
  const reading = (values: number[]): Reading[] => [{ comparison, what: 'x', actual: values, expected }]
  const courses: Course[] = []
  let made = 0
  const main: Run = async (course) => {
    courses.push(course)
    return reading(actual)
  }
  const shadow: Run = async () => reading(shadows(made++))
  await compareRuns(new Map([['eager', main]]), shadow)
  return { ...comparison.result(), made, courses }
}

describe('comparison with the reach of rounding', () => {
  test('numbers within the tolerance need no shadows, and nothing is taken up', async () => {
    const result = await compared([1, 2.000001], [1, 2], () => [0, 0])
    expect(result).toMatchObject({ pass: true, made: 0, courses: [{ takesUp: false }] })
  })

  test('a number that rounding alone determines is granted twice the spread of the shadows', async () => {
    const sides = (n: number) => [1, n % 2 === 0 ? 2.001 : 1.999]
    expect(await compared([1, 1.997], [1, 2], sides)).toMatchObject({ pass: true, made: 6 })
    expect(await compared([1, 1.995], [1, 2], sides)).toMatchObject({ pass: false, made: 30 })
  })

  test('the grant is of that number only', async () => {
    const sides = (n: number) => [1, n % 2 === 0 ? 2.001 : 1.999]
    expect(await compared([1.001, 2], [1, 2], sides)).toMatchObject({ pass: false })
  })

  test('what is missing or no number fails without shadows', async () => {
    expect(await compared([1], [1, 2], () => [1])).toMatchObject({ pass: false, made: 0 })
    expect(await compared([1, Number.NaN], [1, 2], () => [1, 2])).toMatchObject({ pass: false, made: 0 })
  })
})

describe("SB3's settings", () => {
  const adam: OptimizerSettings = { type: 'Adam', lr: 1e-3, betas: [0.5, 0.999], eps: 1e-8 }

  test('options that nobody reads are named; contradictions are refused', () => {
    expect(unreadOptions({ gamma: 0.9, layer_norm: true, ent_coef: 1 }, ['ent_coef'])).toContain('layer_norm')
    expect(unreadOptions({ gamma: 0.9, log_std_min_max: [-20, 2] }, [])).toBeUndefined()
    expect(() => unreadOptions({ log_std_min_max: [-5, 2] }, [])).toThrow('log_std_min_max')
    expect(() => unreadOptions({ use_sde: true }, [])).toThrow('use_sde')
  })

  test('one set of optimizer keys: other classes and unequal settings are refused', () => {
    const decayed = { ...adam, type: 'AdamW', weight_decay: 0.1 }
    expect(actorCriticAdam({ actor: decayed, critic: decayed })).toMatchObject({
      optimizer_type: 'adamw',
      weight_decay: 0.1,
      optimizer_betas: [0.5, 0.999],
    })
    expect(() => actorCriticAdam({ actor: adam, critic: decayed })).toThrow('different optimizers')
    expect(() => actorCriticAdam({ actor: adam, critic: adam, log_ent_coef: adam })).toThrow('Alpha')
    const rms = { ...adam, type: 'RMSprop' }
    expect(() => actorCriticAdam({ actor: rms, critic: rms })).toThrow('RMSprop')
  })

  test("activations by torch's names", () => {
    expect(['ReLU', 'LeakyReLU', 'CELU', 'Tanh'].map(activationOf)).toEqual([
      'relu',
      'leaky_relu',
      'elu',
      'tanh',
    ])
  })
})
