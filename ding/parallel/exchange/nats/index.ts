export * from './cleanup.js'
export { type NatsConfig, natsSchema } from './config.js'
export { NatsExchange, NatsExchangeHost } from './exchange.js'
export { type RunNames, runNames } from './names.js'
