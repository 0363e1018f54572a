/**
 * What the envs need of `compute` and `config` while they run. Taken from the modules themselves, not from the folders'
 * faces, on purpose: every env worker thread loads this, and the faces would bring TensorFlow.js, ONNX Runtime and the
 * config compiler into each of them (2 s and 100 MB a worker instead of 0.2 s).
 */
export { RandomStream } from '../compute/random/stream.js'
export {
  type ConfigOf,
  extendSchema,
  type GroupNode,
  isSchema,
  type Schema,
  type SchemaDefinition,
  schema,
} from '../config/schema.js'
