import { EnvError, type StateTree, type TypedArray } from '../../utils/index.js'
import { stateRecord } from '../env_state.js'
import { type ConfigOf, schema } from '../light_imports.js'
import { Box, type Space } from '../spaces/index.js'
import type { Env, EnvTimestep, Obs } from '../types.js'
import { boxOf, EnvWrapper } from './base.js'
import { RunningMeanStd } from './running_mean_std.js'

/**
 * Normalises observations by their running mean and deviation, entry by entry. Unlike DI-engine's, the statistics live
 * through resets and checkpoints. Each env has its own: with several envs prefer `static_obs_norm`.
 */
export class ObsNormWrapper extends EnvWrapper {
  static readonly config = schema({
    clip: {
      doc: 'Normalised entries are cut to [-clip, clip].',
      format: 'positive_number',
      infinity: true,
      default: 10,
    },
    warmup: {
      doc: 'Observations stay as they are until more than this many were seen.',
      format: 'nonnegative_int',
      default: 30,
    },
    update: {
      doc:
        "False: the statistics are used but not updated. Each environment has its own statistics: those of evaluation are not the collector's, " +
        'so that a policy is evaluated on observations normalised otherwise; static_obs_norm is the same everywhere.',
      format: 'boolean',
      default: true,
    },
  })

  override readonly observation_space: Space
  private readonly statistics: RunningMeanStd

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof ObsNormWrapper.config>,
  ) {
    super(env)
    const box = boxOf(env, 'obs_norm')
    this.observation_space = new Box(-Infinity, Infinity, box.shape)
    this.statistics = new RunningMeanStd(box.flatdim)
  }

  private normalize(obs: Obs): Float32Array {
    const raw = obs as TypedArray
    const { clip, warmup, update } = this.cfg
    if (update) this.statistics.update(raw)
    if (this.statistics.count <= warmup) return Float32Array.from(raw)
    return Float32Array.from(raw, (v, i) => {
      const normal = (v - this.statistics.meanAt(i)) / this.statistics.stdAt(i)
      return Math.min(clip, Math.max(-clip, normal))
    })
  }

  protected override onReset(obs: Obs): Obs {
    return this.normalize(obs)
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.normalize(timestep.obs) }
  }

  protected override saveOwn(): StateTree {
    return { statistics: this.statistics.state() }
  }

  protected override loadOwn(state: StateTree): void {
    this.statistics.restore(stateRecord(state, 'statistics', 'env wrapper "obs_norm"'))
  }
}

/** Normalises observations by a given mean and deviation, those of a dataset for instance. */
export class StaticObsNormWrapper extends EnvWrapper {
  static readonly config = schema({
    mean: { doc: 'Mean of each entry.', format: 'number_list', required: true },
    std: { doc: 'Standard deviation of each entry, above 0.', format: 'number_list', required: true },
  })

  override readonly observation_space: Space

  constructor(
    env: Env,
    private readonly cfg: ConfigOf<typeof StaticObsNormWrapper.config>,
  ) {
    super(env)
    const box = boxOf(env, 'static_obs_norm')
    for (const key of ['mean', 'std'] as const) {
      if (cfg[key].length !== box.flatdim) {
        throw new EnvError(
          `Env wrapper "static_obs_norm": ${key} has ${cfg[key].length} entries, an observation has ${box.flatdim}`,
        )
      }
    }
    if (!cfg.std.every((s) => s > 0))
      throw new EnvError('Env wrapper "static_obs_norm": every std must be above 0')
    this.observation_space = new Box(
      Float32Array.from(box.low, (v, i) => this.normalAt(v, i)),
      Float32Array.from(box.high, (v, i) => this.normalAt(v, i)),
      box.shape,
    )
  }

  private normalAt(value: number, i: number): number {
    return (value - this.cfg.mean[i]!) / this.cfg.std[i]!
  }

  protected override onReset(obs: Obs): Obs {
    return Float32Array.from(obs as TypedArray, (v, i) => this.normalAt(v, i))
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.onReset(timestep.obs) }
  }
}

/** Scales uint8 images (or any bounded observation) to [0, 1] as float32. */
export class ScaledFloatFrameWrapper extends EnvWrapper {
  static readonly config = schema({})

  override readonly observation_space: Space
  private readonly box: Box

  constructor(env: Env) {
    super(env)
    this.box = boxOf(env, 'scaled_float_frame')
    if (!this.box.bounded) {
      throw new EnvError(`Env wrapper "scaled_float_frame" needs bounded observations, got ${this.box}`)
    }
    this.observation_space = new Box(0, 1, this.box.shape)
  }

  protected override onReset(obs: Obs): Obs {
    const { low, high } = this.box
    return Float32Array.from(obs as TypedArray, (v, i) => (v - low[i]!) / (high[i]! - low[i]!))
  }

  protected override onStep(timestep: EnvTimestep): EnvTimestep {
    return { ...timestep, obs: this.onReset(timestep.obs) }
  }
}
