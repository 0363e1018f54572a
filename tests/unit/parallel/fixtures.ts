import {
  type ChunkHeader,
  type CompiledConfig,
  compile_config,
  NULL_LOGGER,
  type RoleLogger,
  type Transition,
} from '../../../ding/index.js'
import { PARALLEL_SECTIONS } from '../../../entry/parallel_pipeline.js'
import { smallDqn } from '../../fixtures/configs.js'

export const header: ChunkHeader = {
  collector: 'collector0.0',
  sequence: 7,
  policy_version: 3,
  env_steps: 5,
  collects: [5],
  warmup: false,
  episodes: [[12.5, 30]],
  rewards: [],
}

/** For roles that log nothing. */
export const SILENT: RoleLogger = {
  root: NULL_LOGGER,
  component: () => NULL_LOGGER,
  flush: async () => undefined,
}

/** A transition of CartPole's shape that is unlike any other of another number. */
export function cartpoleRow(n: number): Transition {
  return {
    obs: Float32Array.of(n, 1, 2, 3),
    next_obs: Float32Array.of(n + 0.5, 1, 2, 3),
    action: n % 2,
    reward: 1,
    done: false,
    collect_iter: 0,
  }
}

/** A small DQN config with what parallel runs need. */
export function parallelConfig(
  commander: Record<string, unknown> = {},
  policy: Record<string, unknown> = {},
  create: Record<string, unknown> = {},
): Promise<CompiledConfig> {
  const [main, sections] = smallDqn(policy)
  return compile_config(
    main,
    {
      ...sections,
      ...PARALLEL_SECTIONS,
      ...create,
      commander: { type: 'solo', heartbeat_seconds: 0.1, ...commander },
    },
    { save: false, seed: 0, env: {} },
  )
}
