export * from './host.js'
export * from './nats/index.js'
export * from './thread/index.js'
export * from './types.js'
