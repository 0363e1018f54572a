export { random } from './in_program.js'
export * from './stream.js'
export * from './tree.js'
