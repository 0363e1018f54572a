import { existsSync } from 'node:fs'
import type { RandomTree } from '../../compute/index.js'
import type { CompiledConfig } from '../../config/index.js'
import type { ReplayBuffer } from '../../data/index.js'
import {
  checkConfig,
  NO_LIMIT,
  ROLES,
  type RunLimits,
  runStatePath,
  type StopReason,
  tellLimits,
} from '../../pipeline/index.js'
import type { Policy } from '../../policy/index.js'
import { CheckpointError, type JsonRecord, loadState, type StateTree, saveState } from '../../utils/index.js'
import type { BaseLearner } from '../../worker/index.js'
import { breathe } from '../breathe.js'
import { type Cadence, cadenceOf, commanderConfig } from '../commander_config.js'
import type { Exchange } from '../exchange/index.js'
import { Heartbeat } from '../heartbeat.js'
import { Inbox } from '../inbox.js'
import { Journal } from '../journal.js'
import { encodeState } from '../parameters.js'
import { patiently } from '../patience.js'
import { type RoleLogger, remoteLogger } from '../remote_logger.js'
import { type RoleStatus, TOPICS } from '../topics.js'
import { Commander } from './commander.js'
import { Intake } from './intake.js'
import type { Learn } from './interfaces.js'
import type { LearnerReport, LearnerRoleOptions } from './learner_types.js'
import { composeRole, type ParameterMeta, type RoleContainer } from './parts.js'

/** The blob with the policy's whole state at the end of a run. */
export const FINAL_POLICY = 'final_policy'

/** What kind of run state it is. */
export const PARALLEL = 'parallel'

/** How long a learner that was interrupted takes leave of a server that may be away. */
const GOODBYE_MS = 3_000

/**
 * Learns from what collectors send until a limit, the stop value or `signal`: takes chunks into the replay buffer, learns in the proportion that the config
 * asks for, publishes parameters, has them evaluated, saves. It is the one role that must not be there twice.
 */
export async function runLearner(
  exchange: Exchange,
  config: CompiledConfig,
  options: LearnerRoleOptions = {},
): Promise<LearnerReport> {
  const role = new LearnerRole(exchange, config, options)
  try {
    return await role.run()
  } finally {
    await role.close()
  }
}

class LearnerRole {
  private readonly member: string
  private readonly exp_dir: string
  private readonly limits: RunLimits
  private readonly cadence: Cadence
  private readonly logger: RoleLogger
  private readonly signal: AbortSignal
  private readonly heartbeat: Heartbeat
  private readonly parts: RoleContainer
  private policy!: Policy
  private learner!: BaseLearner & Learn
  private buffer!: ReplayBuffer
  private random!: RandomTree
  private intake!: Intake
  private commander!: Commander
  private inbox: Inbox | undefined
  private journal: Journal | undefined
  private prioritised = false
  private version = 0
  private session = 0
  private publishedAt = -1
  private savedAt = 0
  /** The buffer could not give a batch; it is asked again when something has come in. */
  private starved = false
  private finished = false
  private state: RoleStatus['state'] = 'starting'
  private progress = 0
  private stop_reason: StopReason | undefined

  constructor(
    private readonly exchange: Exchange,
    private readonly config: CompiledConfig,
    private readonly options: LearnerRoleOptions,
  ) {
    this.member = `learner.${options.incarnation ?? 0}`
    this.exp_dir = options.exp_dir ?? config.main_config.exp_name
    this.limits = {
      max_train_iter: options.limits?.max_train_iter ?? NO_LIMIT,
      max_env_step: options.limits?.max_env_step ?? NO_LIMIT,
    }
    checkConfig(config)
    this.cadence = cadenceOf(config)
    this.logger = options.logger ?? remoteLogger(exchange)
    this.signal = options.signal ?? new AbortController().signal
    this.parts = composeRole({ config, exp_dir: this.exp_dir, logger: this.logger }, [
      'learn',
      'collect',
      'eval',
    ])
    const { heartbeat_seconds } = commanderConfig(config)
    this.heartbeat = new Heartbeat(exchange.control, heartbeat_seconds, () => this.status())
  }

  async run(): Promise<LearnerReport> {
    this.heartbeat.start()
    await this.compose()
    await this.restore()
    await this.save()
    await this.publish()
    this.inbox = new Inbox(this.exchange.trajectories)
    this.state = 'working'
    this.stop_reason = this.limitReached()
    while (this.stop_reason === undefined) {
      await this.evaluateWhenDue()
      this.stop_reason = this.commander.stop_reason ?? this.limitReached()
      if (this.stop_reason !== undefined) break
      await this.round()
      this.stop_reason = this.commander.stop_reason ?? this.limitReached()
    }
    return this.finish(this.stop_reason)
  }

  async close(): Promise<void> {
    this.heartbeat.stop()
    await this.inbox?.close()
    this.commander?.close()
    await this.journal?.close()
    await this.logger.flush()
    await this.parts.close()
  }

  private async compose(): Promise<void> {
    const { container } = this.parts
    const settings = commanderConfig(this.config)
    this.random = await container.getAsync(ROLES.random)
    this.policy = await container.getAsync(ROLES.policy)
    tellLimits(this.policy, this.limits)
    this.learner = await container.getAsync(ROLES.learner)
    this.buffer = await container.getAsync(ROLES.buffer)
    const { learn_mode, collect_mode } = this.policy
    this.prioritised = learn_mode.has_attribute('priority') && learn_mode.get_attribute('priority') === true
    if (this.learner.cfg.hook.save_run_state)
      this.journal = new Journal(this.learner.ckpt_dir, this.exchange.kind !== 'thread')
    const { vec_normalize } = this.config.main_config.policy as unknown as {
      vec_normalize?: { norm_obs?: boolean; norm_reward?: boolean }
    }
    this.intake = new Intake({
      buffer: this.buffer,
      journal: this.journal,
      cadence: this.cadence,
      max_staleness: settings.max_staleness,
      logger: this.logger,
      observe: collect_mode,
      normalises: { obs: vec_normalize?.norm_obs === true, reward: vec_normalize?.norm_reward === true },
    })
    this.commander = new Commander({
      exchange: this.exchange,
      learner: this.learner,
      logger: this.logger,
      eval_freq: Number(this.config.main_config.policy.eval.evaluator['eval_freq']),
      heartbeat_seconds: settings.heartbeat_seconds,
      missed_heartbeats: settings.missed_heartbeats,
      parameters: () => encodeState(this.policy.actingState('eval')),
      session: () => this.session,
      evaluator_comes: this.options.evaluator_comes === true,
    })
    this.learner.resumes = this.options.resume === true && existsSync(runStatePath(this.exp_dir))
    await this.learner.call_hook('before_run')
  }

  /** Puts everything back to where the run state was saved, then takes in what the journal has of the time since. */
  private async restore(): Promise<void> {
    const path = runStatePath(this.exp_dir)
    let generation = 0
    if (this.learner.resumes) {
      const { tree, meta } = loadState(path)
      if (meta['kind'] !== PARALLEL) {
        throw new CheckpointError(
          `${path} is not the state of a parallel run, but of kind ${JSON.stringify(meta['kind'] ?? null)}. Resume it with the entry that wrote it.`,
        )
      }
      generation = meta['journal'] as number
      await this.load(tree)
      this.session++
    }
    for (const { kind, bytes } of this.journal?.open(generation) ?? []) this.intake.replay(kind, bytes)
    const newest = await patiently(this.exchange.parameters.newest(), this.signal)
    this.version = Math.max(this.version, newest?.version ?? 0)
  }

  private async load(tree: StateTree): Promise<void> {
    this.learner.load_state_dict(tree['learner'] as StateTree)
    this.buffer.load_state_dict(tree['buffer'] as StateTree)
    this.random.load_state_dict(tree['random'] as StateTree)
    this.intake.load_state_dict(tree['intake'] as StateTree)
    this.commander.load_state_dict(tree['commander'] as JsonRecord)
    this.version = tree['version'] as number
    this.session = tree['session'] as number
    this.learner.last_checkpoint ??= runStatePath(this.exp_dir)
  }

  /** Writes everything that the rest of the run depends on, and begins a new journal. */
  private async save(): Promise<void> {
    const { journal } = this
    this.savedAt = this.learner.train_iter
    if (journal === undefined) return
    await journal.rotate((generation) => {
      const tree: StateTree = {
        learner: this.learner.state_dict(),
        buffer: this.buffer.state_dict(),
        random: this.random.state_dict(),
        intake: this.intake.state_dict(),
        commander: this.commander.state_dict(),
        version: this.version,
        session: this.session,
      }
      saveState(runStatePath(this.exp_dir), tree, { kind: PARALLEL, journal: generation })
    })
  }

  private async saveWhenDue(): Promise<void> {
    const { save_ckpt_after_iter } = this.learner.cfg.hook
    const { train_iter } = this.learner
    const due =
      Math.floor(train_iter / save_ckpt_after_iter) > Math.floor(this.savedAt / save_ckpt_after_iter)
    if (due || (this.journal?.bytes ?? 0) > commanderConfig(this.config).journal_bytes) await this.save()
  }

  private async publish(): Promise<void> {
    const { random_collect_size } = this.policy.cfg
    const meta: ParameterMeta = {
      env_step: this.intake.env_step,
      train_iter: this.learner.train_iter,
      warmup_left: Math.max(0, random_collect_size - this.intake.counts.warmup_transitions),
      session: this.session,
      limits: this.limits,
      finished: this.finished,
    }
    const blob = encodeState(this.policy.actingState('collect'), { ...meta, limits: { ...this.limits } })
    this.publishedAt = this.learner.train_iter
    await patiently(this.exchange.parameters.publish({ version: ++this.version, blob }), this.signal)
  }

  private limitReached(): StopReason | undefined {
    if (this.signal.aborted) return 'interrupted'
    if (this.learner.train_iter >= this.limits.max_train_iter) return 'max_train_iter'
    return this.intake.env_step >= this.limits.max_env_step ? 'max_env_step' : undefined
  }

  private async evaluateWhenDue(): Promise<void> {
    const { commander, learner, signal } = this
    const wait = async (evaluated: Promise<void>) => {
      this.state = 'waiting'
      await evaluated
      this.state = 'working'
    }
    await wait(commander.catchUp(learner.train_iter, signal))
    if (commander.due(learner.train_iter))
      await commander.start(learner.train_iter, this.intake.env_step, signal)
    if (this.cadence.lock_step) await wait(commander.result(signal))
  }

  /** Takes in what may come in, waiting for it when there is nothing to learn, then learns what may be learned. */
  private async round(): Promise<void> {
    const taken = await this.takeIn()
    await this.learn()
    const { train_iter } = this.learner
    const due = train_iter - this.publishedAt >= this.cadence.publish_freq
    if (this.cadence.lock_step ? taken.answer : due) await this.publish()
    this.intake.statistics.show(
      this.logger.component('collector'),
      train_iter,
      Number(this.config.main_config.policy.collect.collector['collect_print_freq'] ?? 100),
    )
    await this.saveWhenDue()
    await breathe()
  }

  private async takeIn(): Promise<{ answer: boolean }> {
    const { batch_size } = this.cadence
    const inbox = this.inbox as Inbox
    let answer = false
    while (this.intake.rate.mayInsert(batch_size) || this.starved) {
      let delivery = inbox.take()
      if (delivery === undefined) {
        if (answer || this.mayLearn()) break
        this.state = 'waiting'
        await inbox.wait(this.signal, 1000)
        this.state = 'working'
        delivery = inbox.take()
        if (delivery === undefined) break
      }
      const outcome = await patiently(this.intake.take(delivery, this.version), this.signal)
      this.progress++
      this.starved = false
      if (outcome !== 'accepted_part') answer = true
      if (this.cadence.lock_step && answer) break
    }
    return { answer }
  }

  private mayLearn(): boolean {
    return !this.starved && this.intake.rate.maySample(this.cadence.batch_size)
  }

  private async learn(): Promise<void> {
    const { batch_size, publish_freq, lock_step } = this.cadence
    const until = lock_step ? Number.POSITIVE_INFINITY : this.publishedAt + publish_freq
    this.policy.setAttribute('env_step', this.intake.env_step)
    while (this.mayLearn()) {
      const batch = this.buffer.sample(batch_size, this.learner.train_iter)
      if (batch === null) {
        this.logger.root.info(
          `The replay buffer holds ${this.buffer.count()} transitions, too few for a batch of ${batch_size}. Normal at the start of a run.`,
          { console: this.learner.train_iter > 0 },
        )
        this.starved = true
        this.intake.rate.waive()
        return
      }
      await this.learner.train(batch, this.intake.env_step)
      this.intake.rate.sample(batch_size)
      this.progress++
      const priorities = this.learner.priority_info
      if (priorities !== undefined && this.prioritised) this.buffer.update(priorities)
      await breathe()
      // In lock step a round is whole, as the serial pipeline's: limits are looked at between rounds.
      if (!lock_step && (this.learner.train_iter >= until || this.limitReached() !== undefined)) return
    }
  }

  private async finish(stop_reason: StopReason): Promise<LearnerReport> {
    const { train_iter } = this.learner
    if (stop_reason === 'interrupted' && this.exchange.kind === 'thread') {
      // A queue in memory ends with the process: what it holds is taken in and saved.
      const { messages } = await this.exchange.trajectories.depth()
      await this.inbox?.drain(messages, (delivery) => this.intake.take(delivery, this.version))
    }
    await this.save()
    if (stop_reason !== 'interrupted' && stop_reason !== 'stop_value') {
      await this.commander.result(this.signal)
      if (this.commander.last?.iter !== train_iter) {
        await this.commander.start(train_iter, this.intake.env_step, this.signal)
        await this.commander.result(this.signal)
      }
      await this.save()
    }
    await this.learner.call_hook('after_run')
    await patiently(this.sayGoodbye(stop_reason), this.signal, GOODBYE_MS)
    this.state = 'done'
    this.heartbeat.beat()
    return {
      stop_reason,
      env_step: this.intake.env_step,
      train_iter,
      eval_value: this.commander.last?.mean ?? Number.NaN,
      eval_value_raw: this.commander.last?.raw ?? [],
    }
  }

  /** What others are told and left at the end, when all is saved. */
  private async sayGoodbye(stop_reason: StopReason): Promise<void> {
    await this.intake.settle()
    this.finished = stop_reason !== 'interrupted' || this.options.comes_back !== true
    await this.exchange.store.put(FINAL_POLICY, encodeState(this.policy.learn_mode.state_dict()))
    await this.publish()
    if (this.finished) this.exchange.control.announce(TOPICS.stop, { stop_reason })
  }

  private status(): RoleStatus {
    const { intake } = this
    return {
      role: 'learner',
      member: this.member,
      state: this.state,
      progress: this.progress,
      version: this.version,
      details: {
        train_iter: this.learner?.train_iter ?? 0,
        env_step: intake?.env_step ?? 0,
        buffer: this.buffer?.count() ?? 0,
        samples_per_insert: intake?.samplesPerInsert ?? 0,
        staleness: intake?.staleness ?? 0,
        eval_value: this.commander?.last?.mean ?? null,
        best_value: this.commander?.last === undefined ? null : this.commander.best,
        ...intake?.counts,
      },
    }
  }
}
