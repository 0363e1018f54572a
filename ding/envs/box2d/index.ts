import { ENV_REGISTRY } from '../../registry/index.js'
import { BipedalWalkerEnv, BipedalWalkerHardcoreEnv } from './bipedal_walker.js'
import { LunarLanderContinuousEnv, LunarLanderEnv } from './lunar_lander.js'

ENV_REGISTRY.register('lunarlander', LunarLanderEnv, { aliases: ['LunarLander-v3'] })
ENV_REGISTRY.register('LunarLanderContinuous-v3', LunarLanderContinuousEnv)
ENV_REGISTRY.register('bipedalwalker', BipedalWalkerEnv, { aliases: ['BipedalWalker-v3'] })
ENV_REGISTRY.register('BipedalWalkerHardcore-v3', BipedalWalkerHardcoreEnv)

export { BipedalWalkerEnv, BipedalWalkerHardcoreEnv } from './bipedal_walker.js'
export { BipedalWalkerWorld } from './bipedal_walker_world.js'
export { Box2dEnv } from './box2d_env.js'
export type { Draws } from './draws.js'
export { BipedalWalkerHeuristic, lunarLanderHeuristic } from './heuristics.js'
export { LunarLanderContinuousEnv, LunarLanderEnv } from './lunar_lander.js'
export { type LunarLanderOptions, LunarLanderWorld } from './lunar_lander_world.js'
export type { Box2dWorld, WorldStep } from './physics.js'
export { generateTerrain, type WalkerTerrain } from './walker_terrain.js'
