import type { Container } from 'inversify'
import type { RandomTree } from '../compute/index.js'
import type { CompiledConfig } from '../config/index.js'
import type { RunLogger } from '../logger/index.js'
import type { Policy } from '../policy/index.js'
import { CheckpointError, isHostTensor, type StateTree } from '../utils/index.js'
import type { BaseLearner, EpisodeInfo, InteractionSerialEvaluator } from '../worker/index.js'
import { tellLimits } from './check.js'
import type { Interrupt } from './interrupt.js'
import type { RunResult, StopReason } from './result.js'
import { ROLES } from './roles.js'

/** When a run ends at the latest. */
export interface RunLimits {
  readonly max_train_iter: number
  readonly max_env_step: number
}

/** Where a run is, how long it may go on, and who may stop it. */
export interface RunSetting {
  /** The experiment folder. */
  readonly exp_dir: string
  readonly limits: RunLimits
  readonly interrupt: Interrupt
}

/** The parts that every kind of run has. */
export interface RunParts extends RunSetting {
  readonly config: CompiledConfig
  readonly random: RandomTree
  readonly logger: RunLogger
  readonly policy: Policy
  readonly learner: BaseLearner
  readonly evaluator: InteractionSerialEvaluator
}

/** Resolves the parts that every kind of run has. */
export async function composeParts(container: Container, setting: RunSetting): Promise<RunParts> {
  const config = await container.getAsync(ROLES.config)
  const random = await container.getAsync(ROLES.random)
  const logger = await container.getAsync(ROLES.logger)
  const policy = await container.getAsync(ROLES.policy)
  tellLimits(policy, setting.limits)
  const learner = await container.getAsync(ROLES.learner)
  const evaluator = await container.getAsync(ROLES.evaluator)
  return { ...setting, config, random, logger, policy, learner, evaluator }
}

/** What the stages of a run share: its parts, its limits, and where it stands. */
export abstract class Run {
  readonly exp_dir: string
  readonly limits: RunLimits
  readonly interrupt: Interrupt
  readonly config: CompiledConfig
  readonly random: RandomTree
  readonly logger: RunLogger
  readonly policy: Policy
  readonly learner: BaseLearner
  readonly evaluator: InteractionSerialEvaluator
  stop_reason: StopReason | undefined
  /** Training iteration at which the run state was last saved. */
  saved_at = 0
  last_eval: { iter: number; mean: number; raw: readonly number[] } | undefined

  constructor(parts: RunParts) {
    this.exp_dir = parts.exp_dir
    this.limits = parts.limits
    this.interrupt = parts.interrupt
    this.config = parts.config
    this.random = parts.random
    this.logger = parts.logger
    this.policy = parts.policy
    this.learner = parts.learner
    this.evaluator = parts.evaluator
  }

  /** What the saved state says it is of. */
  abstract readonly kind: string

  /** Env steps taken for training; 0 where nothing is collected. */
  abstract readonly env_step: number

  /** The env step that curves are drawn over; -1 where the training iteration is the only x axis. */
  get curve_step(): number {
    return this.env_step
  }

  /** Whether the run takes env steps, which it then counts beside its updates. */
  get collects(): boolean {
    return true
  }

  /** Whether an evaluation at the stop value ends it now. */
  get stops_at_value(): boolean {
    return true
  }

  /** What the run shows its progress by. */
  abstract readonly progress_unit: 'env_step' | 'train_iter'

  /** Parts that only this kind of run has and that must be saved, by name. */
  protected abstract ownState(): Promise<StateTree>
  protected abstract loadOwnState(state: StateTree): Promise<void>

  get train_iter(): number {
    return this.learner.train_iter
  }

  get progress(): { env_step: number; train_iter: number } {
    return { env_step: this.env_step, train_iter: this.train_iter }
  }

  /** The limit that the run has come to, if any. Looked at between rounds. */
  limitReached(): StopReason | undefined {
    if (this.interrupt.requested !== undefined) return 'interrupted'
    if (this.train_iter >= this.limits.max_train_iter) return 'max_train_iter'
    return this.env_step >= this.limits.max_env_step ? 'max_env_step' : undefined
  }

  /** A return on the scale that the field compares by, where there is one. */
  normalisedScore(_mean: number): number | undefined {
    return undefined
  }

  /** Told of each evaluation. */
  evaluated(_info: EpisodeInfo): void {}

  /** Tells the progress display where the run stands. */
  showProgress(): void {
    const done = this.progress_unit === 'env_step' ? this.env_step : this.train_iter
    const evaluated =
      this.last_eval === undefined
        ? {}
        : { eval_return: this.last_eval.mean, best_return: this.evaluator.max_episode_return }
    this.logger.progress.update(done, evaluated)
  }

  get result(): RunResult {
    const score = this.last_eval === undefined ? undefined : this.normalisedScore(this.last_eval.mean)
    return {
      policy: this.policy,
      stop: this.stop_reason === 'stop_value',
      stop_reason: this.stop_reason ?? 'done',
      env_step: this.env_step,
      train_iter: this.train_iter,
      eval_value: this.last_eval?.mean ?? Number.NaN,
      eval_value_raw: this.last_eval?.raw ?? [],
      ...(score === undefined ? {} : { normalised_score: score }),
      exp_name: this.exp_dir,
    }
  }

  /** Everything that the rest of the run depends on. Taken between two rounds of the loop. */
  async state_dict(): Promise<StateTree> {
    return {
      last_eval: this.last_eval === undefined ? null : { ...this.last_eval, raw: [...this.last_eval.raw] },
      random: this.random.state_dict(),
      learner: this.learner.state_dict(),
      evaluator: this.evaluator.state_dict(),
      evaluator_envs: await this.evaluator.envs_state(),
      ...(await this.ownState()),
    }
  }

  /** Puts the run back to where `state_dict` was taken. */
  async load_state_dict(state: StateTree): Promise<void> {
    await this.loadOwnState(state)
    await loadParts(state, { learner: this.learner, evaluator: this.evaluator, random: this.random })
    // States of older versions have no evaluator environments; without any there is null.
    if (state['evaluator_envs'] !== undefined && state['evaluator_envs'] !== null) {
      const load_state_dict = (own: StateTree) => this.evaluator.load_envs_state(own)
      await loadParts(state, { evaluator_envs: { load_state_dict } })
    }
    this.last_eval = (state['last_eval'] ?? undefined) as Run['last_eval']
    this.saved_at = this.train_iter
  }
}

/** Hands each part its branch of a state. @throws CheckpointError naming the part that is missing or does not fit */
export async function loadParts(state: StateTree, parts: Readonly<Record<string, Loadable>>): Promise<void> {
  for (const [name, part] of Object.entries(parts)) {
    const own = state[name]
    if (typeof own !== 'object' || own === null || Array.isArray(own) || isHostTensor(own)) {
      throw new CheckpointError(`The saved state has no part "${name}": it is not the whole state of a run.`)
    }
    try {
      await part.load_state_dict(own as StateTree)
    } catch (cause) {
      throw new CheckpointError(
        `The part "${name}" of the saved state does not fit this run: ${(cause as Error).message}`,
        {
          cause,
        },
      )
    }
  }
}

interface Loadable {
  load_state_dict(state: StateTree): void | Promise<void>
}
