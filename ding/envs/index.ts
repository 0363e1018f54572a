import './builtin.js'

export { scaleAction } from './act_scale.js'
export { ActionError } from './action_error.js'
export * from './adapt.js'
export { BaseEnv, type StepOutcome } from './base_env.js'
export * from './box2d/index.js'
export * from './classic_control/index.js'
export * from './create_env.js'
export {
  baseEnvConfig,
  copiesOf,
  type EnvWrapperSpec,
  env_wrapper_list,
  replay_frames,
  replay_pixels,
  replayOptions,
  resolveConfig,
} from './env_config.js'
export * from './env_manager/index.js'
export { EpisodeRandom } from './env_random.js'
export * from './goal/index.js'
export * from './minatar/index.js'
export * from './mujoco/index.js'
export { nativeActionsOf } from './native_actions.js'
export { NO_ENV, NoEnv } from './no_env.js'
export * from './render/index.js'
export * from './spaces/index.js'
export * from './toy_text/index.js'
export * from './types.js'
export * from './wrappers/index.js'
