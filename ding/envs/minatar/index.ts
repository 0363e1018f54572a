import { ENV_REGISTRY } from '../../registry/index.js'
import { MINATAR_IDS, MinAtarEnv, minatarClass } from './minatar_env.js'

ENV_REGISTRY.register('minatar', MinAtarEnv)
for (const each of MINATAR_IDS) ENV_REGISTRY.register(each.id, minatarClass(each))

export { ACTION as MINATAR_ACTION, MinAtarGame } from './game.js'
export { type MinAtarConfig, MinAtarEnv, type MinAtarGameName, type MinAtarId } from './minatar_env.js'
