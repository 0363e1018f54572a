import { ENV_REGISTRY } from '../../registry/index.js'
import { BitFlipEnv } from './bit_flip.js'
import { ReachEnv } from './reach.js'

ENV_REGISTRY.register('bit_flip', BitFlipEnv, { aliases: ['bitflip', 'BitFlip-v0'] })
ENV_REGISTRY.register('reach', ReachEnv, { aliases: ['Reach-v0'] })

export { BitFlipEnv } from './bit_flip.js'
export { GoalEnv, type GoalObs, goalSpace } from './goal_env.js'
export { type ComputeReward, goalRewardOf } from './goal_reward.js'
export { ReachEnv } from './reach.js'
