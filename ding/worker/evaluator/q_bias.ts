/** One step of an episode that a stochastic policy played. */
export interface ValuedStep {
  readonly reward: number
  /** Log-density of the action. */
  readonly log_prob: number
  /** What the critics make of observation and action. */
  readonly value: number
}

/** How far critics are from the returns that they stand for. */
export interface QBias {
  /** Pairs of observation and action that were compared. */
  readonly q_bias_samples: number
  /** Mean discounted return behind a pair. */
  readonly mc_return_mean: number
  /** Mean discounted return with the entropy bonus of the steps behind a pair: what the value should be. */
  readonly mc_return_entropy_mean: number
  readonly q_prediction_mean: number
  /** Value less return with entropy: positive where critics overestimate. */
  readonly q_bias_mean: number
  readonly q_bias_std: number
  readonly q_bias_abs_mean: number
  /** The same in proportion to the size of the return with entropy, or to 10 where that is less. */
  readonly norm_q_bias_mean: number
  readonly norm_q_bias_std: number
}

export interface QBiasOptions {
  /** Weight of the entropy. */
  readonly alpha: number
  readonly discount_factor: number
  /** Only the first pairs of an episode count: behind later ones, a time limit cuts returns short. */
  readonly cutoff: number
}

/** Returns smaller than this are taken for this in the normalised bias. */
const LEAST_RETURN = 10

/** Discounted returns from each step of an episode on, plain and with the entropy bonus of the actions that follow. */
export function softReturns(
  episode: readonly ValuedStep[],
  { alpha, discount_factor }: Pick<QBiasOptions, 'alpha' | 'discount_factor'>,
): { plain: number[]; soft: number[] } {
  const plain = new Array<number>(episode.length)
  const soft = new Array<number>(episode.length)
  let [plainNext, softNext] = [0, 0]
  for (let i = episode.length - 1; i >= 0; i--) {
    const { reward, log_prob } = episode[i] as ValuedStep
    plain[i] = reward + discount_factor * plainNext
    soft[i] = reward + discount_factor * softNext
    plainNext = plain[i] as number
    // A value has no bonus for its own action, but for all behind it.
    softNext = (soft[i] as number) - alpha * log_prob
  }
  return { plain, soft }
}

/**
 * The bias of critics on whole episodes of their own policy, as the authors of REDQ measure it (Chen et al. 2021, section 3.2;
 * watchernyu/REDQ, redq/utils/bias_utils.py). @throws Error without a step
 */
export function qBias(episodes: readonly (readonly ValuedStep[])[], options: QBiasOptions): QBias {
  const counted = episodes.flatMap((episode) => {
    const { plain, soft } = softReturns(episode, options)
    return episode
      .slice(0, options.cutoff)
      .map(({ value }, i) => ({ value, plain: plain[i] as number, soft: soft[i] as number }))
  })
  if (counted.length === 0) throw new Error('There are no steps to compare critics with.')
  const bias = counted.map(({ value, soft }) => value - soft)
  const normalised = counted.map(
    ({ soft }, i) => (bias[i] as number) / Math.max(Math.abs(soft), LEAST_RETURN),
  )
  return {
    q_bias_samples: counted.length,
    mc_return_mean: mean(counted.map(({ plain }) => plain)),
    mc_return_entropy_mean: mean(counted.map(({ soft }) => soft)),
    q_prediction_mean: mean(counted.map(({ value }) => value)),
    q_bias_mean: mean(bias),
    q_bias_std: deviation(bias),
    q_bias_abs_mean: mean(bias.map(Math.abs)),
    norm_q_bias_mean: mean(normalised),
    norm_q_bias_std: deviation(normalised),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** Divided by n, as NumPy does. */
function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)))
}
