export { buildAgileEncoder } from './encoder.js'
export { AgileMlp, type AgileMlpConfig } from './mlp.js'
export {
  type AgileArchitecture,
  type AgileNetConfig,
  type EncoderKind,
  encoderKind,
  fillEncoderConfig,
  fillHeadConfig,
} from './net_config.js'
