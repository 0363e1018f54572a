import { ENV_WRAPPER_REGISTRY } from '../../registry/index.js'
import { type EnvWrapperSpec, resolveConfig } from '../env_config.js'
import { isSchema } from '../light_imports.js'
import type { Env } from '../types.js'
import { ActScaleWrapper } from './act_scale.js'
import { ActionRepeatWrapper, MaxAndSkipWrapper, NoopResetWrapper, TimeLimitWrapper } from './episode.js'
import { ObsNormWrapper, ScaledFloatFrameWrapper, StaticObsNormWrapper } from './normalization.js'
import {
  FlattenObservationWrapper,
  FrameStackWrapper,
  ObsPlusPrevActionRewardWrapper,
  ObsTransposeWrapper,
  RewardInObsWrapper,
} from './observation.js'
import {
  ClipRewardWrapper,
  DelayRewardWrapper,
  EvalEpisodeReturnWrapper,
  RewardNormWrapper,
  ScaleRewardWrapper,
} from './reward.js'

/** A class that ENV_WRAPPER_REGISTRY may hold. `config` is the schema of its own keys. */
export interface EnvWrapperClass {
  new (env: Env, cfg: never): Env
  readonly config?: unknown
}

declare module '../../registry/index.js' {
  interface RegistryTypes {
    env_wrapper: EnvWrapperClass
  }
}

const BUILT_IN: Record<string, EnvWrapperClass> = {
  time_limit: TimeLimitWrapper,
  eval_episode_return: EvalEpisodeReturnWrapper,
  noop_reset: NoopResetWrapper,
  action_repeat: ActionRepeatWrapper,
  max_and_skip: MaxAndSkipWrapper,
  act_scale: ActScaleWrapper,
  clip_reward: ClipRewardWrapper,
  scale_reward: ScaleRewardWrapper,
  reward_norm: RewardNormWrapper,
  delay_reward: DelayRewardWrapper,
  obs_norm: ObsNormWrapper,
  static_obs_norm: StaticObsNormWrapper,
  scaled_float_frame: ScaledFloatFrameWrapper,
  frame_stack: FrameStackWrapper,
  obs_transpose: ObsTransposeWrapper,
  flatten_observation: FlattenObservationWrapper,
  obs_plus_prev_action_reward: ObsPlusPrevActionRewardWrapper,
  reward_in_obs: RewardInObsWrapper,
}

for (const [name, wrapper] of Object.entries(BUILT_IN)) ENV_WRAPPER_REGISTRY.register(name, wrapper)

/** Puts one registered wrapper around an env; `spec` is its name, or an object with the name as `type`. */
export function wrapWith(env: Env, spec: EnvWrapperSpec): Env {
  const { type, ...given } = typeof spec === 'string' ? { type: spec } : spec
  const Wrapper = ENV_WRAPPER_REGISTRY.get(type)
  const cfg = isSchema(Wrapper.config) ? resolveConfig(Wrapper.config, given, `Env wrapper "${type}"`) : given
  return new Wrapper(env, cfg as never)
}

export * from './act_scale.js'
export { EnvWrapper, layersOf } from './base.js'
export * from './episode.js'
export * from './normalization.js'
export * from './observation.js'
export * from './reward.js'
export { RunningMeanStd } from './running_mean_std.js'
