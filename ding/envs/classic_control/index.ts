import { ENV_REGISTRY } from '../../registry/index.js'
import { AcrobotEnv } from './acrobot.js'
import { CartPoleEnv, CartPoleV1Env } from './cartpole.js'
import { MountainCarEnv } from './mountain_car.js'
import { MountainCarContinuousEnv } from './mountain_car_continuous.js'
import { PendulumEnv } from './pendulum.js'

ENV_REGISTRY.register('cartpole', CartPoleEnv, { aliases: ['CartPole-v0'] })
ENV_REGISTRY.register('CartPole-v1', CartPoleV1Env)
ENV_REGISTRY.register('mountain_car', MountainCarEnv, { aliases: ['MountainCar-v0'] })
ENV_REGISTRY.register('mountain_car_continuous', MountainCarContinuousEnv, {
  aliases: ['MountainCarContinuous-v0'],
})
ENV_REGISTRY.register('pendulum', PendulumEnv, { aliases: ['Pendulum-v1'] })
ENV_REGISTRY.register('acrobot', AcrobotEnv, { aliases: ['Acrobot-v1'] })

export { AcrobotEnv } from './acrobot.js'
export { CartPoleEnv, CartPoleV1Env } from './cartpole.js'
export { ClassicControlEnv } from './classic_env.js'
export { MountainCarEnv } from './mountain_car.js'
export { MountainCarContinuousEnv } from './mountain_car_continuous.js'
export { PendulumEnv } from './pendulum.js'
