export {
  get_gae,
  get_gae_with_default_last_value,
  get_nstep_return_data,
  get_train_sample,
  type LastFnType,
  type NstepReturnOptions,
} from './adder.js'
export { cross_entropy, tanh_normal_log_prob } from './behaviour_cloning.js'
export { CONSERVATIVE_TERMS, type ConservativeTerm, conservative_term } from './conservative.js'
export * from './exploration.js'
export { type GaeData, gae, type Series } from './gae.js'
export { generalized_lambda_returns, type NstepReturnData, nstep_return, to_time_major } from './returns.js'
export * from './tanh_normal.js'
export * from './td_1step.js'
export type { Criterion, Discount, OptionalTensor, TdError } from './td_common.js'
export * from './td_distributional.js'
export * from './td_dqfd.js'
export {
  bdq_nstep_td_error,
  type NstepOptions,
  type QNstepTdData,
  q_nstep_sql_td_error,
  q_nstep_td_error,
  q_nstep_td_error_with_rescale,
  type RescaleOptions,
  type SqlTdError,
  type TdLambdaData,
  td_lambda_error,
  type VNstepTdData,
  v_nstep_td_error,
} from './td_nstep.js'
export * from './td_quantile.js'
export * from './value_rescale.js'
