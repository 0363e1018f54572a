import { ConfigError, didYouMean, type StateTree } from '../../utils/index.js'
import { BaseEnv } from '../base_env.js'
import { baseEnvConfig, copiesOf, resolveConfig } from '../env_config.js'
import { stateNumbers } from '../env_state.js'
import { type ConfigOf, extendSchema, type Schema } from '../light_imports.js'
import type { Action } from '../types.js'

/** What belongs to an env id of the classic tasks. */
export interface ClassicSpec {
  readonly max_episode_steps: number
  /** Default of `stop_value`. */
  readonly stop_value: number
}

export type BaseEnvConfig = ConfigOf<typeof baseEnvConfig>

/** Schema of a classic task whose default id is `env_id`. */
export function classicConfig(env_id: string, spec: ClassicSpec) {
  return extendSchema(baseEnvConfig, {
    env_id: { default: env_id },
    stop_value: { default: spec.stop_value },
  })
}

/** The collector's and the evaluator's envs: independent copies of the whole config. */
export abstract class ClassicControlEnv<A extends Action> extends BaseEnv<Float32Array, A> {
  /** State of the dynamics in float64, as Gymnasium's `env.unwrapped.state`. */
  protected state: Float64Array

  /**
   * @param cfg the keys of the class's config that differ from its defaults
   * @param source the class's schema
   * @param specs what belongs to each env id that the class serves
   */
  protected constructor(
    cfg: Readonly<Record<string, unknown>>,
    source: Schema<BaseEnvConfig>,
    specs: Readonly<Record<string, ClassicSpec>>,
    stateSize: number,
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
    this.state = new Float64Array(stateSize)
  }

  static create_collector_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['collector_env_num'] ?? 8))
  }

  static create_evaluator_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['evaluator_env_num'] ?? 5))
  }

  /** A copy of the state of the dynamics. */
  getState(): Float64Array {
    return this.state.slice()
  }

  /** Starts an episode at a state of one's own choice and returns its observation. */
  setState(state: ArrayLike<number>): Float32Array {
    this.state.set(Float64Array.from(state))
    this.startEpisode()
    return this.observe()
  }

  protected abstract observe(): Float32Array

  protected override saveState(): StateTree {
    return { state: Array.from(this.state) }
  }

  protected override restoreState(state: StateTree): void {
    this.state.set(stateNumbers(state, 'state', this.name, this.state.length))
  }
}

/** `value` cut to [low, high]. */
export function clip(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
