import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, backwardOfSum, Parameter, type Program, random } from '../compute/index.js'
import type { Batch } from '../data/index.js'
import { type ActorModel, type ModelOutput, normalLogit } from '../model/index.js'
import type { NormalLogit, ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { type SquashedSample, tanh_normal_log_prob, tanh_normal_sample } from '../rl_utils/index.js'
import { ConfigError, type HostTensor, type StateTree } from '../utils/index.js'
import {
  type ActorCriticBatch,
  type ActorOutput,
  type CriticOutput,
  column,
  leastOf,
} from './actor_critic_update.js'
import { scalarOf, stepChecked } from './common.js'
import { type CQLConfig, cqlPolicyConfig } from './cql_config.js'
import { clip_gap, tempered_log_sum_exp } from './cql_gap.js'
import { CQLLagrange } from './cql_lagrange.js'
import { CQL_METRICS, eachCritic, valueMetrics } from './cql_metrics.js'
import { type CriticRows, cachedStates, partsOf, repeatRows } from './cql_rows.js'
import { MaxEntropyPolicy } from './max_entropy.js'
import { replayWeight } from './replay.js'
import { partOf } from './saved_state.js'
import type { LearnOutput } from './types.js'

/** What comes of rows, by critic and row: values [N, B, k], the others [N, B]. */
interface RowLosses {
  readonly values: Tensor
  readonly gap: Tensor
  readonly squared: Tensor
  readonly distance: Tensor
}

/** What the actor's loss reads; the data's actions where it follows them. */
interface ActorInput {
  readonly obs: ObsTensor
  readonly action?: ObsTensor
}

/**
 * Conservative Q-learning for continuous actions (Kumar et al. 2020), with the semantics of CORL (algorithms/offline/cql.py, finetune/cql.py):
 * all losses are built from the networks as they are before the update; then the multiplier, alpha, the actor, the critics and the targets
 * move. Out-of-distribution actions of the next state are valued at the state itself, as in every published result.
 *
 * {@link startOnline} marks the switch to online learning: from then on the conservative term has the weight `learn.cql_alpha_online`.
 */
@POLICY_REGISTRY.register('cql')
export class CQLPolicy extends MaxEntropyPolicy<CQLConfig> {
  static override readonly config = cqlPolicyConfig

  /** The weight of the conservative term, which may change from update to update, [1]. */
  private readonly weight = new Parameter([1], false, undefined, 'min_q_weight')
  private lagrange: CQLLagrange | undefined
  /** The whole update in one program: while the actor follows the critics' values, or the data. */
  private learnPrograms!: Record<'values' | 'data', Program<ActorCriticBatch, CriticOutput>>
  private courses!: Record<'critic' | 'actor', (step: number) => number>
  private isOnline = false

  protected override get policyName(): string {
    return 'cql'
  }

  override defaultModel(): [string, string[]] {
    return ['cql', ['ding/model/cql']]
  }

  protected override checkConfig(): void {
    super.checkConfig()
    const { cql_clip_diff_min: min, cql_clip_diff_max: max } = this.cfg.learn
    if (min > max) {
      throw new ConfigError(
        `policy.learn.cql_clip_diff_min is ${min}, above cql_clip_diff_max, ${max}: no gap could count.`,
        { path: 'policy.learn.cql_clip_diff_min' },
      )
    }
    if (this.cfg.model['use_sde'] === true) {
      throw new ConfigError(
        'policy.model.use_sde is true, but cql draws many actions of one state, which gSDE has no noise for. Set it to false.',
        { path: 'policy.model.use_sde' },
      )
    }
  }

  override get actionBound(): number {
    const max = this.cfg.model['max_action']
    return typeof max === 'number' ? max : 1
  }

  // ---- the switch to online learning ----

  /** Whether {@link startOnline} was called, in this run or in the one that was resumed. */
  get online(): boolean {
    return this.isOnline
  }

  /** From now on learning is online: the conservative term has the weight `learn.cql_alpha_online`. Saved with the state. */
  override startOnline(): void {
    this.isOnline = true
  }

  /** A new run from a checkpoint learns offline until its own switch. */
  override startAnew(): void {
    this.isOnline = false
  }

  /** The weight of the conservative term in the next update. */
  get conservativeWeight(): number {
    const { min_q_weight, cql_alpha_online } = this.cfg.learn
    return this.isOnline ? (cql_alpha_online ?? min_q_weight) : min_q_weight
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { learn } = this.cfg
    this.follow(this.nets.critic, learn.target_theta)
    super.initLearn()
    if (learn.with_lagrange) {
      const [beta1, beta2] = learn.optimizer_betas as [number, number]
      const { learning_rate_q: lr, optimizer_eps: eps } = learn
      this.lagrange = new CQLLagrange(learn.log_alpha_prime, { lr, eps, betas: [beta1, beta2] })
    }
    const { critic, actor } = this.learningRates
    this.courses = { critic: this.rateOf(critic), actor: this.rateOf(actor) }
    const stream = this.random.stream('learn')
    const program = (name: string, followsData: boolean): Program<ActorCriticBatch, CriticOutput> =>
      this.compute.program(
        name,
        (batch: ActorCriticBatch) => ({
          ...this.actorFunction(batch, followsData),
          ...this.criticFunction(batch),
        }),
        { random: stream },
      )
    this.learnPrograms = { values: program('cql_learn', false), data: program('cql_learn_bc', true) }
  }

  /** Inside a program: the weight of the entropy, without gradient. */
  private alphaNow(): Tensor {
    return tf.mul(this.entropy.value(), this.cfg.learn.alpha_multiplier)
  }

  /** Inside a program: actions of a distribution before the tanh, with their log-densities (those of [-1, 1], whatever max_action is). */
  private squash(logit: NormalLogit): SquashedSample {
    const { action, log_prob } = tanh_normal_sample(logit, this.cfg.learn.log_prob_eps)
    return { action: this.scaled(action), log_prob }
  }

  private scaled(action: Tensor): Tensor {
    return this.actionBound === 1 ? action : tf.mul(action, this.actionBound)
  }

  protected override sample(obs: ObsTensor, actor: ActorModel = this.nets.actor): SquashedSample {
    return this.squash(normalLogit(actor.forward(obs)))
  }

  /** Inside a program: `count` actions for each row, [B, count, A], with log-densities [B, count]. */
  private squashMany({ mu, sigma, log_sigma }: NormalLogit, count: number): SquashedSample {
    const many = (x: Tensor) => tf.tile(tf.expandDims(x, 1), [1, count, 1])
    return this.squash({ mu: many(mu), sigma: many(sigma), log_sigma: many(log_sigma) })
  }

  /** Mean of alpha log pi(a | s) minus what the actor is to raise: the critics' least value, or the density of the data's actions. */
  protected override actorFunction(batch: ActorInput, followsData = false): ActorOutput {
    const { actor } = this.nets
    const obs = this.shaped(batch.obs)
    const alpha = this.alphaNow()
    let log_prob!: Tensor
    const policy_loss = backward(actor.parameters(), () => {
      const logit = normalLogit(actor.forward(obs))
      const sample = this.squash(logit)
      log_prob = sample.log_prob
      const raised = followsData
        ? this.dataLogProb(logit, batch['action'] as Tensor)
        : this.actorValue(obs, sample.action)
      return tf.mean(tf.sub(tf.mul(alpha, log_prob), raised))
    })
    return { policy_loss, alpha_loss: this.entropy.loss(log_prob), alpha, log_pi: tf.mean(log_prob) }
  }

  /** Log-density of the data's actions, [B]. */
  private dataLogProb(logit: NormalLogit, action: Tensor): Tensor {
    if (this.cfg.learn.corl_bc_log_prob) return this.squash(logit).log_prob
    return tanh_normal_log_prob(logit.mu, logit.sigma, tf.div(action, this.actionBound))
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic, actor } = this.nets
    const { lagrange, weight } = this
    const { num_actions, lagrange_thresh } = this.cfg.learn
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    const next = normalLogit(actor.forward(next_obs))
    const target_q = this.targetValue(next_obs, next)
    const action = tf.cast(batch.action, 'float32')
    const [count, width] = action.shape as [number, number]
    // Drawn in CORL's order: uniform, at the state, at the next state.
    const unit = tf.sub(tf.mul(random.uniform([count, num_actions, width]), 2), 1)
    const uniform = this.cfg.learn.corl_uniform_actions ? unit : this.scaled(unit)
    const current = this.squashMany(normalLogit(actor.forward(obs)), num_actions)
    const later = this.squashMany(next, num_actions)
    const density = tf.fill([count, num_actions], -width * Math.LN2)
    const rows: CriticRows = {
      obs,
      actions: tf.concat([uniform, later.action, current.action, tf.expandDims(action, 1)], 1),
      log_density: tf.concat([density, later.log_prob, current.log_prob], 1),
      target: this.bootstrap(batch, target_q),
      ...(batch.weight && { weight: column(batch.weight) }),
    }
    const multiplier = lagrange?.value()
    const scale = multiplier === undefined ? weight.value : tf.mul(multiplier, weight.value)
    const seen: RowLosses[] = []
    backwardOfSum(
      critic.parameters(),
      partsOf(rows, cachedStates(critic, 3 * num_actions + 1)).map((part) => () => {
        const losses = this.rowLosses(part)
        seen.push(losses)
        return tf.mul(tf.sum(tf.add(losses.squared, tf.mul(losses.gap, scale))), 1 / count)
      }),
    )
    const all = (name: keyof RowLosses) => {
      const parts = seen.map((losses) => losses[name])
      return parts.length === 1 ? (parts[0] as Tensor) : tf.concat(parts, 1)
    }
    const td = tf.mean(all('squared'), 1)
    const diff = tf.mean(all('gap'), 1)
    const excess = tf.mul(lagrange === undefined ? diff : tf.sub(diff, lagrange_thresh), weight.value)
    const min_q = multiplier === undefined ? excess : tf.mul(excess, multiplier)
    return {
      critic_loss: tf.sum(tf.add(td, min_q)),
      average_target_q: tf.mean(target_q),
      alpha_prime_loss: lagrange?.loss(excess) ?? tf.scalar(0),
      alpha_prime: multiplier ?? tf.scalar(0),
      ...eachCritic('qf#_loss', td),
      ...eachCritic('cql_min_qf#_loss', min_q),
      ...eachCritic('cql_qf#_diff', diff),
      ...valueMetrics(all('values'), num_actions),
      priority: tf.mean(all('distance'), 0),
    }
  }

  /** Inside a program: all actions of the rows through the critics at once, and what comes of it, a critic and a row. */
  private rowLosses({ obs, actions, log_density, target, weight }: CriticRows): RowLosses {
    const { cql_temp, cql_clip_diff_min, cql_clip_diff_max } = this.cfg.learn
    const [rows, count, width] = actions.shape as [number, number, number]
    const action = tf.reshape(actions, [rows * count, width])
    const q_value = this.nets.critic.forward({ obs: repeatRows(obs, count), action })['q_value'] as Tensor
    const critics = q_value.shape[0] as number
    const values = tf.reshape(q_value, [critics, rows, count])
    const q = tf.squeeze(tf.slice(values, [0, 0, count - 1], [critics, rows, 1]), [2])
    const compared = this.importanceSampled
      ? tf.sub(tf.slice(values, [0, 0, 0], [critics, rows, count - 1]), log_density)
      : values
    const gap = tf.sub(tempered_log_sum_exp(compared, cql_temp), q)
    const error = tf.sub(q, target)
    return {
      values,
      gap: clip_gap(gap, cql_clip_diff_min, cql_clip_diff_max),
      squared: weight === undefined ? tf.square(error) : tf.mul(tf.square(error), weight),
      distance: tf.abs(error),
    }
  }

  private get importanceSampled(): boolean {
    const { cql_importance_sample, min_q_version } = this.cfg.learn
    return cql_importance_sample ?? min_q_version === 3
  }

  /** What the target critics make of the next state, [B]: of one action there, or of the best of num_actions. */
  private targetValue(next_obs: ObsTensor, next: NormalLogit): Tensor {
    const { cql_max_target_backup, backup_entropy, num_actions } = this.cfg.learn
    let { action, log_prob } = cql_max_target_backup ? this.squashMany(next, num_actions) : this.squash(next)
    const rows = action.shape[0] as number
    const width = action.shape.at(-1) as number
    const obs = cql_max_target_backup ? repeatRows(next_obs, num_actions) : next_obs
    const flat = tf.reshape(action, [-1, width])
    let value = leastOf(this.followed?.target.forward({ obs, action: flat })['q_value'] as Tensor)
    if (cql_max_target_backup) {
      const of_all = tf.reshape(value, [rows, num_actions])
      const best = tf.add(tf.range(0, rows * num_actions, num_actions, 'int32'), tf.argMax(of_all, 1))
      log_prob = tf.gather(tf.reshape(log_prob, [-1]), best as tf.Tensor1D)
      value = tf.max(of_all, 1)
    }
    return backup_entropy ? tf.sub(value, tf.mul(this.alphaNow(), log_prob)) : value
  }

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const { obs, next_obs, action, reward, done, value_gamma } = data
    const { updates, courses, learnPrograms, lagrange } = this
    this.weight.set([this.conservativeWeight])
    const program = updates < this.cfg.learn.bc_steps ? learnPrograms.data : learnPrograms.values
    const weight = replayWeight(this.cfg, data)
    const { priority, ...out } = await program.run({
      obs,
      next_obs,
      action,
      reward,
      done,
      weight,
      value_gamma,
    })
    const logged: Record<string, number> = {}
    for (const [name, tensor] of Object.entries(out)) logged[name] = scalarOf(tensor as HostTensor)
    const { policy_loss, critic_loss, alpha_prime_loss } = logged as Record<string, number>
    this.actorOptimizer.lr = courses.actor(updates)
    this.criticOptimizer.lr = courses.critic(updates)
    lagrange?.step(this.criticOptimizer.lr, alpha_prime_loss as number)
    const rates = this.afterActor(logged)
    stepChecked(this.actorOptimizer, { policy_loss: policy_loss as number })
    stepChecked(this.criticOptimizer, { critic_loss: critic_loss as number })
    this.updates++
    if (this.updates % this.cfg.learn.target_update_period === 0)
      this.followed?.target.update(this.followed.source)
    return {
      ...logged,
      ...rates,
      cur_lr_q: this.criticOptimizer.lr,
      cur_lr_p: this.actorOptimizer.lr,
      min_q_weight: this.conservativeWeight,
      priority: (priority as HostTensor).data as Float32Array,
    }
  }

  protected override monitorVarsLearn(): string[] {
    return [...CQL_METRICS]
  }

  protected override stateDictLearn(): StateTree {
    return {
      ...super.stateDictLearn(),
      ...(this.lagrange && { lagrange: this.lagrange.state_dict() }),
      online: this.isOnline,
    }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    super.loadStateDictLearn(state)
    this.lagrange?.load_state_dict(partOf(state, 'lagrange'))
    this.isOnline = state['online'] === true
  }

  // ---- collect ----

  protected override collectFunction(input: ObsTensor): ModelOutput {
    const logit = normalLogit(this.nets.actor.forward(this.shaped(input)))
    const action = this.scaled(tanh_normal_sample(logit, null).action)
    const { mu, sigma } = logit
    return this.cfg.collect.collector_logit ? { action, logit: { mu, sigma } } : { action }
  }
}
