import { type ConfigOf, extendSchema } from '../../config/index.js'
import type { Action, EnvManager, EnvTimestep, Obs } from '../../envs/index.js'
import type { Logger } from '../../logger/index.js'
import { type ById, type EvalMode, SOFT_VALUES, type SoftValues } from '../../policy/index.js'
import { SERIAL_EVALUATOR_REGISTRY } from '../../registry/index.js'
import { ConfigError, EnvError } from '../../utils/index.js'
import { requireSound } from '../observations.js'
import {
  type EpisodeInfo,
  type EvaluatorOptions,
  InteractionSerialEvaluator,
  interactionEvaluatorConfig,
  type SaveCheckpoint,
} from './interaction_serial_evaluator.js'
import { type QBias, qBias, type ValuedStep } from './q_bias.js'

export const qBiasEvaluatorConfig = extendSchema(interactionEvaluatorConfig, {
  bias_samples: {
    doc: 'Pairs of observation and action that values are compared with returns at, at least: whole episodes are played.',
    format: 'positive_int',
    default: 1000,
  },
  bias_cutoff: {
    doc: 'Only the first so many pairs of an episode count: behind later ones, a time limit cuts returns short.',
    format: 'positive_int',
    default: 350,
  },
})

export type QBiasEvaluatorConfig = ConfigOf<typeof qBiasEvaluatorConfig>

/** Its episodes start from other seeds than those of the evaluation itself. */
const SEED_OFFSET = 100_000
/** Fails a measurement whose environments keep breaking. */
const MAX_ABNORMAL = 100

/**
 * The evaluator that also measures how far the critics are off: after each evaluation the stochastic policy plays episodes, and the mean of
 * the critics' values of what it did is held against the discounted return with entropy that followed. It logs the bias and its deviation,
 * both also in proportion to the returns. For maximum-entropy policies (sac, crossq, redq). Choose it with
 * `create_config.evaluator: { type: 'q_bias' }`. Returns are of the evaluator environments' rewards.
 */
@SERIAL_EVALUATOR_REGISTRY.register('q_bias')
export class QBiasSerialEvaluator extends InteractionSerialEvaluator {
  static override readonly config = qBiasEvaluatorConfig
  private readonly envs: EnvManager
  private readonly mode: EvalMode
  private readonly log: Logger
  private readonly firstSeed: number

  constructor(
    override readonly cfg: QBiasEvaluatorConfig,
    options: EvaluatorOptions,
  ) {
    super(cfg, options)
    this.envs = options.env
    this.mode = options.policy
    this.log = options.logger
    this.firstSeed = options.seed + SEED_OFFSET
  }

  override async eval(
    save_ckpt_fn?: SaveCheckpoint,
    train_iter = -1,
    envstep = -1,
    n_episode?: number,
  ): Promise<{ stop: boolean; episode_info: EpisodeInfo }> {
    const values = this.softValues()
    const result = await super.eval(save_ckpt_fn, train_iter, envstep, n_episode)
    if (values !== null) this.logBias(await this.measure(values), train_iter, envstep)
    return result
  }

  private async measure(values: SoftValues): Promise<QBias> {
    const { alpha, discount_factor } = values
    const { bias_samples, bias_cutoff: cutoff } = this.cfg
    const episodes: ValuedStep[][] = []
    for (let [round, pairs] = [0, 0]; pairs < bias_samples; round++) {
      for (const episode of await this.playRound(values, round)) {
        pairs += Math.min(episode.length, cutoff)
        episodes.push(episode)
      }
    }
    return qBias(episodes, { alpha, discount_factor, cutoff })
  }

  private logBias(bias: QBias, train_iter: number, envstep: number): void {
    const row = { ...bias }
    this.log.table('q_bias', row)
    for (const [name, value] of Object.entries(row)) {
      if (train_iter >= 0) this.log.scalar(`evaluator_iter/${name}`, value, train_iter)
      if (envstep >= 0) this.log.scalar(`evaluator_step/${name}`, value, envstep)
    }
  }

  /** null for a policy that only evaluates. @throws ConfigError for a policy that cannot say what it needs */
  private softValues(): SoftValues | null {
    if (this.mode.has_attribute(SOFT_VALUES)) return this.mode.get_attribute(SOFT_VALUES) as SoftValues | null
    throw new ConfigError(
      "create_config.evaluator.type is 'q_bias', which measures the critics of a maximum-entropy policy (sac, crossq, redq) while it trains, " +
        "with rewards as they are (policy.vec_normalize.norm_reward false). Set the type to 'interaction', or leave it out.",
      { path: 'create_config.evaluator.type' },
    )
  }

  /** One whole episode in each environment; of an environment that broke, none. */
  private async playRound(values: SoftValues, round: number): Promise<ValuedStep[][]> {
    const { envs } = this
    const ids = Array.from({ length: envs.env_num }, (_, id) => id)
    const seedOf = (id: number) => this.firstSeed + id + round * envs.env_num
    await envs.reset(Object.fromEntries(ids.map((id) => [id, { seed: seedOf(id) }])))
    this.mode.reset(ids)
    const episodes: ValuedStep[][] = ids.map(() => [])
    const active = new Set(ids)
    while (active.size > 0) {
      const samples = await values.sample(this.ready(active))
      const actions: ById<Action> = {}
      for (const id in samples) actions[id] = samples[id]?.action as Action
      const timesteps = await envs.step(actions)
      for (const key in timesteps) {
        const id = Number(key)
        const { reward, done, info } = timesteps[id] as EnvTimestep
        const sample = samples[id]
        const broken = info['abnormal'] === true
        if (broken) {
          this.broken.note(id, info)
          episodes[id] = []
        } else if (sample !== undefined) {
          const { log_prob, value } = sample
          episodes[id]?.push({ reward: Number(reward), log_prob, value })
        }
        if (broken || done) active.delete(id)
      }
    }
    const whole = episodes.filter((episode) => episode.length > 0)
    if (whole.length === 0 && round >= MAX_ABNORMAL)
      throw new EnvError(`Measuring the critics' bias gave up: every environment broke in round ${round}.`)
    return whole
  }

  /** Observations of the environments that still play. */
  private ready(active: ReadonlySet<number>): ById<Obs> {
    const ready = this.envs.ready_obs
    const obs: ById<Obs> = {}
    for (const id of active) {
      const own = ready[id]
      if (own === undefined) continue
      requireSound(own, id)
      obs[id] = own
    }
    if (Object.keys(obs).length > 0) return obs
    throw new EnvError(
      `The evaluator waits for environments ${[...active].join(', ')}, but their manager has none of them ready after a reset.`,
    )
  }
}
