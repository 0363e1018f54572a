export { buildAgileEncoder } from './encoder.js'
export { AgileMlp, type AgileMlpConfig, agileMlpConfig } from './mlp.js'
