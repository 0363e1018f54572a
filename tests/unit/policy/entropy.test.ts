import type { Tensor } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  ConstantEntropyCoef,
  EntropyCoef,
  type EntropyCoefficient,
  type EntropySettings,
  ent_coef,
  entropyCoefOf,
  target_entropy,
} from '../../../ding/policy/index.js'
import { f32, sharedCompute } from './support.js'

const SETTINGS: EntropySettings = {
  ent_coef: null,
  auto_alpha: true,
  alpha: 0.2,
  log_space: true,
  target_entropy: null,
  learning_rate_alpha: 0.1,
}

/** Loss and value inside a program, then a step on the host. */
async function adjust(entropy: EntropyCoefficient, log_prob: number[], rate = 0.1) {
  const compute = await sharedCompute()
  const program = compute.program('alpha', (inputs: { log_prob: Tensor }) => ({
    value: entropy.value(),
    loss: entropy.loss(inputs.log_prob),
  }))
  const out = await program.run({ log_prob: f32(log_prob) })
  entropy.step(rate, out.loss.data[0] as number)
  return { value: out.value.data[0] as number, loss: out.loss.data[0] as number }
}

describe('an adjusted alpha', () => {
  test('has the loss -log alpha (mean log pi + target), and the value of before the step', async () => {
    const entropy = entropyCoefOf(SETTINGS, 3)
    const { value, loss } = await adjust(entropy, [1, 2])
    expect(value).toBeCloseTo(0.2, 6)
    expect(loss).toBeCloseTo(-Math.log(0.2) * (1.5 - 3), 5)
  })

  test('grows when the entropy is too low, shrinks when it is too high', async () => {
    const alphaAfter = async (log_prob: number) => {
      const entropy = entropyCoefOf({ ...SETTINGS, target_entropy: -1 }, 3)
      await adjust(entropy, [log_prob])
      return entropy.alpha
    }
    // Adam's first step is one learning rate.
    expect(await alphaAfter(2)).toBeCloseTo(0.2 * Math.exp(0.1), 5)
    expect(await alphaAfter(0)).toBeCloseTo(0.2 * Math.exp(-0.1), 5)
  })

  test('without log space is itself adjusted, and never below 0', async () => {
    const entropy = entropyCoefOf({ ...SETTINGS, log_space: false, alpha: 0.05 }, 1)
    const { value, loss } = await adjust(entropy, [3])
    expect(value).toBeCloseTo(0.05, 6)
    expect(loss).toBeCloseTo(-0.05 * 2, 6)
    expect(entropy.alpha).toBeCloseTo(0.15, 5)
    await adjust(entropy, [-30], 1)
    expect(entropy.alpha).toBe(0)
  })

  test('is saved with its optimizer', async () => {
    const [a, b] = [entropyCoefOf(SETTINGS, 2), entropyCoefOf(SETTINGS, 2)]
    await adjust(a, [5])
    await adjust(a, [1])
    b.load_state_dict(structuredClone(a.state_dict()))
    expect(b.alpha).toBe(a.alpha)
    await adjust(a, [0])
    await adjust(b, [0])
    expect(b.state_dict()).toEqual(a.state_dict())
    expect(() => b.load_state_dict(new ConstantEntropyCoef(1).state_dict())).toThrow(/constant alpha/)
  })

  test('cannot start at 0 in log space', () => {
    expect(() => entropyCoefOf({ ...SETTINGS, alpha: 0 }, 1)).toThrow(/policy\.learn\.alpha/)
  })
})

describe('the config', () => {
  test.each([
    [{}, EntropyCoef, 0.2],
    [{ auto_alpha: false }, ConstantEntropyCoef, 0.2],
    [{ ent_coef: 'auto' }, EntropyCoef, 1],
    [{ ent_coef: 'auto_0.1', auto_alpha: false }, EntropyCoef, 0.1],
    [{ ent_coef: 0.7 }, ConstantEntropyCoef, 0.7],
    [{ ent_coef: '0.7' }, ConstantEntropyCoef, 0.7],
  ] as const)('%j', (given, kind, alpha) => {
    const entropy = entropyCoefOf({ ...SETTINGS, ...given }, 4)
    expect(entropy).toBeInstanceOf(kind)
    expect(entropy.alpha).toBeCloseTo(alpha, 6)
  })

  test('target_entropy says what it takes', () => {
    expect([target_entropy(-3), target_entropy('auto')]).toEqual([true, true])
    expect(() => target_entropy('none')).toThrow(/minus the number of action dimensions/)
  })

  test('target_entropy: null and auto are minus the action dimensions', () => {
    const target = (target_entropy: number | 'auto' | null) =>
      (entropyCoefOf({ ...SETTINGS, target_entropy }, 4) as EntropyCoef).target_entropy
    expect([target(null), target('auto'), target(-1.5)]).toEqual([-4, -4, -1.5])
  })

  test('ent_coef takes numbers, as text too, auto and auto_x', () => {
    for (const good of [0, 1.5, '0.3', 'auto', 'auto_0.1', 'auto_1e-2']) expect(ent_coef(good)).toBe(true)
    for (const bad of [-1, '-1', '', 'auto_', 'auto_0', 'always', Number.NaN, true])
      expect(() => ent_coef(bad)).toThrow()
    expect(() => entropyCoefOf({ ...SETTINGS, ent_coef: 'always' }, 1)).toThrow(/policy\.learn\.ent_coef/)
  })

  test('a constant has no loss and no gradient', async () => {
    const entropy = new ConstantEntropyCoef(0.3)
    const { value, loss } = await adjust(entropy, [4])
    expect([value, loss, entropy.alpha]).toEqual([Math.fround(0.3), 0, 0.3])
  })
})
