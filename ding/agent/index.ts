export type { EnvArgument, EnvSpec } from './agent_env.js'
export * from './agents.js'
export {
  type AgentTable,
  type AgentTableDefinition,
  type AgentTableExtension,
  type ArgumentDefinition,
  type ArgumentDefinitions,
  type ArgumentExtension,
  type ArgumentsOf,
  type ConfigSetting,
  defineAgentTable,
  extendAgentTable,
  type LearningRateArgument,
} from './arguments.js'
export { BaseAgent } from './base_agent.js'
export * from './callbacks/index.js'
export type { CQNOptions } from './cqn_options.js'
export { CQN, type CQNClass } from './cqn_surfaces.js'
export type { TestEnv } from './episodes.js'
export { type EvaluatePolicyOptions, type EvaluationEnv, evaluatePolicy } from './evaluate_policy.js'
export * from './evolution/index.js'
export type { ActionMaskBatch, NumberList, ObsBatch } from './inputs.js'
export type { EpisodeMonitor, EpisodeRecord } from './monitor.js'
export { type ActionNoiseSpec, NormalActionNoise, OrnsteinUhlenbeckActionNoise } from './noise.js'
export { OfflineAgent, type OfflineLearnOptions } from './offline_agent.js'
export * from './offline_agents.js'
export { OnlineAgent, type OnlineLearnOptions } from './online_agent.js'
export type { LearnOptions, PredictOptions } from './options.js'
export { obsShapeOf } from './spaces.js'
export {
  actorCriticArguments,
  actorCriticKwargs,
  commonArguments,
  offPolicyArguments,
  valueBasedArguments,
  valueBasedKwargs,
} from './tables/shared.js'
