export * from './errors.js'
export * from './host_tensor.js'
export * from './state.js'
export * from './suggest.js'
