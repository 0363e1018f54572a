export { splitEnsembles } from './split.js'
