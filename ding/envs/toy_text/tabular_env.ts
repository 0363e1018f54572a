import { ConfigError, didYouMean, type StateTree } from '../../utils/index.js'
import { BaseEnv, type StepOutcome } from '../base_env.js'
import { baseEnvConfig, copiesOf, resolveConfig } from '../env_config.js'
import { stateNumber } from '../env_state.js'
import type { RandomStream } from '../light_imports.js'
import { type ConfigOf, extendSchema, type Schema } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box, Discrete, type Space } from '../spaces/index.js'

/** One outcome of an action: probability, next state, reward, and 1 if the episode ends there. */
export type Outcome = readonly [probability: number, next: number, reward: number, terminated: 0 | 1]

/** A finite Markov decision process: `P[state][action]` lists the outcomes, `initial` the starting probabilities. */
export interface TransitionTable {
  readonly P: readonly (readonly (readonly Outcome[])[])[]
  readonly initial: readonly number[]
}

/** What belongs to an env id of the toy texts. */
export interface TabularSpec {
  readonly max_episode_steps: number
  readonly stop_value: number
  readonly table: () => TransitionTable
  /** Whether `info.action_mask` tells which actions change the state, as Gymnasium's taxi does. */
  readonly action_mask?: boolean
  /** What a state looks like; left out, the env does not draw itself. */
  readonly scene?: (state: number) => Scene2D
}

/** Schema of a tabular env whose default id is `env_id`. */
export function tabularConfig(env_id: string, spec: TabularSpec) {
  return extendSchema(baseEnvConfig, {
    env_id: { default: env_id },
    stop_value: { default: spec.stop_value },
    one_hot: {
      doc: 'True: observations are one-hot vectors. False: the number of the state.',
      format: 'boolean',
      default: true,
    },
  })
}

type TabularConfig = ConfigOf<ReturnType<typeof tabularConfig>>

/** An env given by its transition table. */
export abstract class TabularEnv extends BaseEnv<Float32Array | number, number> {
  readonly observation_space: Space
  readonly action_space: Discrete
  /** The dynamics. */
  readonly table: TransitionTable
  override readonly render_fps = 4
  private readonly oneHot: boolean
  private readonly sceneOf: TabularSpec['scene']
  private readonly masked: boolean
  private state = 0

  protected constructor(
    cfg: Readonly<Record<string, unknown>>,
    source: Schema<TabularConfig>,
    specs: Readonly<Record<string, TabularSpec>>,
    own: Partial<TabularSpec> = {},
  ) {
    const settings = resolveConfig(source, cfg, 'The env config')
    const spec = Object.hasOwn(specs, settings.env_id) ? specs[settings.env_id] : undefined
    if (spec === undefined) {
      const known = Object.keys(specs)
      throw new ConfigError(
        `env_id is "${settings.env_id}", but this env serves ${known.join(', ')}.${didYouMean(settings.env_id, known)}`,
        { path: 'env.env_id' },
      )
    }
    super(settings.env_id, settings.max_episode_steps ?? spec.max_episode_steps)
    this.table = (own.table ?? spec.table)()
    this.sceneOf = own.scene ?? spec.scene
    this.masked = spec.action_mask ?? false
    this.oneHot = settings.one_hot
    const states = this.table.P.length
    this.observation_space = this.oneHot ? new Box(0, 1, [states]) : new Discrete(states)
    this.action_space = new Discrete(this.table.P[0]!.length)
  }

  static create_collector_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['collector_env_num'] ?? 8))
  }

  static create_evaluator_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['evaluator_env_num'] ?? 5))
  }

  protected override begin(random: RandomStream): Float32Array | number {
    this.state = drawIndex(this.table.initial, random)
    this.started(random)
    return this.observe()
  }

  protected override advance(action: number, random: RandomStream): StepOutcome<Float32Array | number> {
    const outcomes = this.table.P[this.state]![action]!
    const chosen =
      outcomes.length === 1
        ? 0
        : drawIndex(
            outcomes.map(([probability]) => probability),
            random,
          )
    const [prob, next, reward, terminated] = outcomes[chosen]!
    this.state = this.arrival(this.state, next, random)
    const info = this.masked ? { prob, action_mask: this.actionMask() } : { prob }
    return { obs: this.observe(), reward, terminated: terminated === 1, info }
  }

  /** Draws what else an episode starts with. */
  protected started(_random: RandomStream): void {}

  /** The state that a move comes to, where the table does not say all. */
  protected arrival(_from: number, to: number, _random: RandomStream): number {
    return to
  }

  override scene(): Scene2D | null {
    return this.sceneOf?.(this.state) ?? null
  }

  protected override saveState(): StateTree {
    return { state: this.state }
  }

  protected override restoreState(saved: StateTree): void {
    this.state = stateNumber(saved, 'state', this.name)
  }

  /** 1 for each action that may lead to another state, else 0. */
  private actionMask(): Uint8Array {
    const actions = this.table.P[this.state]!
    return Uint8Array.from(actions, (outcomes) => Number(outcomes.some(([, next]) => next !== this.state)))
  }

  private observe(): Float32Array | number {
    if (!this.oneHot) return this.state
    const obs = new Float32Array(this.table.P.length)
    obs[this.state] = 1
    return obs
  }
}

/** An index drawn with the given probabilities. */
function drawIndex(probabilities: readonly number[], random: RandomStream): number {
  let left = random.nextFloat()
  let last = 0
  for (const [i, probability] of probabilities.entries()) {
    if (probability === 0) continue
    last = i
    left -= probability
    if (left < 0) return i
  }
  return last
}
