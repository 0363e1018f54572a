export {
  BaseCallback,
  type CallbackArgument,
  type CallbackFunction,
  CallbackList,
  type CallbackModel,
  ConvertCallback,
  callbackOf,
  EventCallback,
  type Locals,
  type Predictor,
  type StepAnswer,
} from './base.js'
export { EvalCallback, type EvalCallbackOptions } from './evaluation.js'
export { CheckpointCallback, type CheckpointCallbackOptions, ProgressBarCallback } from './saving.js'
export {
  EveryNTimesteps,
  LogEveryNTimesteps,
  StopTrainingOnMaxEpisodes,
  StopTrainingOnNoModelImprovement,
  StopTrainingOnRewardThreshold,
} from './stopping.js'
