import { describe, expect, test } from 'vitest'
import {
  type ById,
  MemoryLogger,
  type Obs,
  QBiasSerialEvaluator,
  qBias,
  SOFT_VALUES,
  type SoftValues,
  softReturns,
} from '../../../ding/index.js'
import { FakeEnvManager } from '../../fixtures/fake_envs.js'
import { fakeEvalMode } from '../../fixtures/fake_modes.js'

describe('returns with entropy', () => {
  const episode = [
    { reward: 1, log_prob: 100, value: 0 },
    { reward: 2, log_prob: -2, value: 0 },
    { reward: 4, log_prob: 1, value: 0 },
  ]

  test('have the bonus of the actions behind, not of the own one', () => {
    const { plain, soft } = softReturns(episode, { alpha: 0.5, discount_factor: 0.5 })
    expect(plain).toEqual([3, 4, 4])
    // 4; 2 + 0.5 (4 - 0.5); 1 + 0.5 (3.75 + 1).
    expect(soft).toEqual([3.375, 3.75, 4])
  })

  test('bias is value less return, its normalised form in proportion to the return or to 10', () => {
    const long = [{ reward: 40, log_prob: 0, value: 50 }]
    const short = [
      { reward: 1, log_prob: 0, value: 2 },
      { reward: 1, log_prob: 0, value: 9 },
    ]
    const bias = qBias([long, short], { alpha: 0, discount_factor: 1, cutoff: 1 })
    expect(bias).toEqual({
      q_bias_samples: 2,
      mc_return_mean: 21,
      mc_return_entropy_mean: 21,
      q_prediction_mean: 26,
      // 10 of 40, and 0 of 2.
      q_bias_mean: 5,
      q_bias_std: 5,
      q_bias_abs_mean: 5,
      norm_q_bias_mean: 0.125,
      norm_q_bias_std: 0.125,
    })
    const all = qBias([short], { alpha: 0, discount_factor: 1, cutoff: 350 })
    expect(all.norm_q_bias_mean).toBeCloseTo((0 + 8 / 10) / 2)
    expect(() => qBias([], { alpha: 0, discount_factor: 1, cutoff: 1 })).toThrow(/no steps/)
  })
})

/** Episodes of 3 steps in environment 0 (rewards 1, 2, 3) and of 2 in environment 1 (11, 12). */
function build(bias_samples: number, bias_cutoff = 350) {
  const env = new FakeEnvManager([[3], [2]], { auto_reset: false })
  const { mode } = fakeEvalMode()
  const asked: number[][] = []
  const values: SoftValues = {
    alpha: 0.1,
    discount_factor: 0.5,
    sample: async (data: ById<Obs>) => {
      asked.push(Object.keys(data).map(Number))
      return Object.fromEntries(
        Object.keys(data).map((id) => [id, { action: 1, log_prob: 2, value: id === '0' ? 3 : 17 }]),
      )
    },
  }
  mode.set_attribute(SOFT_VALUES, values)
  const logger = new MemoryLogger()
  const cfg = {
    eval_freq: 10,
    n_episode: null,
    stop_value: Number.POSITIVE_INFINITY,
    bias_samples,
    bias_cutoff,
  }
  const evaluator = new QBiasSerialEvaluator(cfg, { env, policy: mode, logger, seed: 7 })
  return { evaluator, env, asked, logger }
}

describe('the evaluator q_bias', () => {
  // Environment 0: 3, 2 + 0.5 (3 - 0.2), 1 + 0.5 (3.4 - 0.2); environment 1: 12, 11 + 0.5 (12 - 0.2).
  const SOFT = [2.6, 3.4, 3, 16.9, 12]
  const BIAS = [0.4, -0.4, 0, 0.1, 5]
  const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length

  test('evaluates as ever, then compares values with returns and logs it', async () => {
    const { evaluator, logger } = build(5)
    const { episode_info } = await evaluator.eval(undefined, 20, 100)
    expect(episode_info.eval_episode_return).toEqual([6, 23])
    const logged = (tag: string) => logger.values.filter((row) => row.tag === tag)
    const [bias] = logged('evaluator_iter/q_bias_mean')
    expect(bias).toMatchObject({ step: 20 })
    expect(bias?.value).toBeCloseTo(average(BIAS), 9)
    expect(logged('evaluator_step/q_bias_mean')).toMatchObject([{ step: 100 }])
    const relative = BIAS.map((value, i) => value / Math.max(10, SOFT[i] as number))
    expect(logged('evaluator_iter/norm_q_bias_mean')[0]?.value).toBeCloseTo(average(relative), 9)
    expect(logged('evaluator_iter/q_bias_samples')[0]?.value).toBe(5)
    expect(logger.tables.map(({ title }) => title)).toEqual(['evaluation', 'q_bias'])
  })

  test('plays whole episodes until there are enough pairs, each round from other seeds', async () => {
    const { evaluator, env, logger } = build(6)
    await evaluator.eval(undefined, 20, 100)
    expect(logger.values.find(({ tag }) => tag === 'evaluator_iter/q_bias_samples')?.value).toBe(10)
    const seeds = env.calls.flatMap((call) => (call.op === 'reset' ? [call.seed] : []))
    expect(seeds).toEqual([7, 8, 100_007, 100_008, 100_009, 100_010])
    // Pairs behind the cutoff do not count.
    const cut = build(4, 2)
    await cut.evaluator.eval(undefined, 20, 100)
    expect(cut.logger.values.find(({ tag }) => tag === 'evaluator_iter/q_bias_samples')?.value).toBe(4)
  })

  test('an environment that is done rests', async () => {
    const { evaluator, asked } = build(5)
    await evaluator.eval()
    expect(asked).toEqual([[0, 1], [0, 1], [0]])
  })

  test('says which policies it is for', async () => {
    const { evaluator } = build(5)
    const { mode } = fakeEvalMode()
    const other = new QBiasSerialEvaluator(evaluator.cfg, {
      env: new FakeEnvManager([[1]], { auto_reset: false }),
      policy: mode,
      logger: new MemoryLogger(),
      seed: 0,
    })
    await expect(other.eval()).rejects.toThrow(/sac, crossq, redq/)
    // One that was loaded to evaluate has no alpha: it is evaluated only.
    mode.set_attribute(SOFT_VALUES, null)
    expect((await other.eval()).episode_info.eval_episode_return).toEqual([1])
  })
})
