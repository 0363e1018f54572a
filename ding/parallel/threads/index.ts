export * from './role.js'
export * from './spawn.js'
export * from './supervisor.js'
