import type { CompiledConfig } from '../config/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import { collectCount, collectUnit } from '../pipeline/index.js'
import { AS_COLLECTED, updatesAfter } from '../policy/index.js'
import { COMMANDER_REGISTRY } from '../registry/index.js'
import { ConfigError } from '../utils/index.js'
import type { SampleLimits } from './rate.js'

export const soloCommanderConfig = schema({
  collector_num: {
    doc: 'Collectors that a parallel run starts, each with env.collector_env_num environments.',
    format: 'positive_int',
    default: 2,
  },
  samples_per_insert: {
    min: {
      doc: "Collectors are held back while fewer samples than this have been learned per transition collected. null: the serial pipeline's proportion. 0: they never wait.",
      format: 'nonnegative_number',
      default: null,
      nullable: true,
    },
    max: {
      doc: "The learner waits rather than learn from more samples than this per transition collected. null: the serial pipeline's proportion. Infinity: it never waits.",
      format: 'positive_number',
      default: null,
      nullable: true,
      infinity: true,
    },
  },
  lock_step: {
    doc: 'The collector waits for the parameters learned from its last chunk, and all wait for an evaluation, so that the run repeats from its seed. null: with one collector and equal limits. Takes one collector.',
    format: 'boolean',
    default: null,
    nullable: true,
  },
  max_staleness: {
    doc: 'Chunks that were collected with parameters more than this many versions older than the newest are dropped, and counted. null: none are.',
    format: 'nonnegative_int',
    default: null,
    nullable: true,
  },
  publish_freq: {
    doc: 'Train iterations between two versions of the parameters. null: update_per_collect, but at least 10.',
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  chunk_collects: {
    doc: 'A chunk is sent when it holds this many collects (of n_sample or n_episode each), or chunk_bytes.',
    format: 'positive_int',
    default: 1,
  },
  chunk_bytes: {
    doc: 'A chunk is sent when it holds about this many bytes. One that would be larger than 960 KiB is cut.',
    format: 'positive_int',
    default: 65536,
  },
  journal_bytes: {
    doc: 'The run state is saved when the journal of what came in since it was saved has this many bytes.',
    format: 'positive_int',
    default: 268435456,
  },
  heartbeat_seconds: {
    doc: 'Every role says this often that it is alive and how far it is.',
    format: 'positive_number',
    default: 1,
  },
  missed_heartbeats: {
    doc: 'A role that misses this many heartbeats in a row has died or hangs, and is replaced.',
    format: 'positive_int',
    default: 30,
  },
  stuck_heartbeats: {
    doc: 'A role that says this many times in a row that it works, and gets no further, hangs, and is replaced.',
    format: 'positive_int',
    default: 120,
  },
  start_timeout: {
    doc: 'Seconds until the first heartbeat of a role.',
    format: 'positive_number',
    default: 120,
  },
  max_restarts: {
    doc: 'Replacements of one role, without any progress between them or for the same error at the same place, after which the run fails.',
    format: 'nonnegative_int',
    default: 5,
  },
  status_seconds: {
    doc: 'Seconds between two lines of status on the console, and between two writes of status.json.',
    format: 'positive_number',
    default: 10,
  },
})

export type SoloCommanderConfig = ConfigOf<typeof soloCommanderConfig>

/** The commander of a parallel run: how many collectors there are, in what proportion they and the learner work, and when one is given up. */
@COMMANDER_REGISTRY.register('solo')
export class SoloCommander {
  static readonly config = soloCommanderConfig
}

/** How the roles of a run work together, with nothing left open. */
export interface Cadence {
  readonly limits: SampleLimits
  readonly lock_step: boolean
  readonly batch_size: number
  readonly collect_count: number
  readonly publish_freq: number
  /** What a chunk counts for in the sample rate. */
  worth(chunk: {
    readonly rows: number
    readonly collects: readonly number[]
    readonly warmup: boolean
  }): number
}

/** `policy.other.commander`, which an entry of parallel runs has seen to. */
export function commanderConfig(config: CompiledConfig): SoloCommanderConfig {
  return config.main_config.policy.other.commander as unknown as SoloCommanderConfig
}

function refuse(path: string, text: string): never {
  throw new ConfigError(`${path} ${text}`, { path })
}

const PLACE = 'policy.other.commander'

/**
 * Reads the proportion of learning and collecting. With no limits given it is exactly the serial pipeline's: a collect is worth `update_per_collect`
 * batches; else transitions are counted. @throws ConfigError for keys that contradict each other
 */
export function cadenceOf(config: CompiledConfig): Cadence {
  const given = commanderConfig(config)
  const { update_per_collect, batch_size } = config.main_config.policy.learn as unknown as {
    update_per_collect: number
    batch_size: number
  }
  const { min, max } = given.samples_per_insert
  const collect_count = collectCount(config)
  const serial = min === null && max === null
  const limits = serial ? { min: 1, max: 1 } : explicitLimits(config, min, max)
  if (limits.min > limits.max)
    refuse(`${PLACE}.samples_per_insert.min`, `is ${limits.min}, above max (${limits.max}). Give min <= max.`)
  if (given.lock_step === true && given.collector_num > 1)
    refuse(
      `${PLACE}.lock_step`,
      `is true, but ${PLACE}.collector_num is ${given.collector_num}. Set it to 1.`,
    )
  if (given.lock_step === true && limits.min !== limits.max)
    refuse(
      `${PLACE}.lock_step`,
      'is true, but the limits of samples_per_insert differ. Give equal ones, or none.',
    )
  const freq = Math.max(update_per_collect === AS_COLLECTED ? collect_count : update_per_collect, 10)
  return {
    limits,
    lock_step: given.lock_step ?? (given.collector_num === 1 && limits.min === limits.max),
    batch_size,
    collect_count,
    publish_freq: given.publish_freq ?? freq,
    worth: ({ rows, collects, warmup }) => {
      if (warmup) return 0
      if (!serial) return rows
      return collects.reduce((sum, steps) => sum + updatesAfter(update_per_collect, steps) * batch_size, 0)
    },
  }
}

function explicitLimits(config: CompiledConfig, min: number | null, max: number | null): SampleLimits {
  if (min !== null && max !== null) return { min, max }
  const { update_per_collect, batch_size, n_sample } = {
    ...(config.main_config.policy.learn as unknown as { update_per_collect: number; batch_size: number }),
    ...(config.main_config.policy.collect as unknown as { n_sample: number }),
  }
  if (update_per_collect === AS_COLLECTED) return { min: min ?? batch_size, max: max ?? batch_size }
  if (collectUnit(config) === 'episode') {
    const missing = min === null ? 'min' : 'max'
    return refuse(
      `${PLACE}.samples_per_insert.${missing}`,
      'is null, but whole episodes are collected, whose lengths are not known. Give both limits, or neither.',
    )
  }
  const ratio = (update_per_collect * batch_size) / n_sample
  return { min: min ?? ratio, max: max ?? ratio }
}
