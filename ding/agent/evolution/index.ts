export {
  type Hyperparameter,
  HyperparameterConfig,
  type HyperparameterRanges,
  RLParameter,
  type RLParameterOptions,
} from './hyperparameters.js'
export { Mutations, type MutationsOptions } from './mutations.js'
export { type Individual, TournamentSelection } from './tournament.js'
export { type EvolutionResult, type TrainOfflineOptions, train_offline } from './train_offline.js'
