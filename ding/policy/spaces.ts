import { Box, Dict, Discrete, MultiBinary, MultiDiscrete, type Space, Tuple } from '../envs/index.js'
import { type OneHotShape, oneHotOf } from '../nn/index.js'
import { ConfigError } from '../utils/index.js'

function isSize(value: unknown): value is number {
  return typeof value === 'number'
}

function sizesOf(shape: unknown): readonly number[] | undefined {
  if (isSize(shape)) return [shape]
  return Array.isArray(shape) && shape.every(isSize) ? (shape as number[]) : undefined
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1)
}

function partsOf(space: Space): Readonly<Record<string, Space>> | undefined {
  if (space instanceof Dict) return space.spaces
  return space instanceof Tuple ? Object.fromEntries(Object.entries(space.spaces)) : undefined
}

/** Whether an `obs_shape` can stand for values of a space; true where the two cannot be compared. */
function obsFits(shape: unknown, space: Space): boolean {
  const parts = partsOf(space)
  if (parts !== undefined) {
    const { action_mask: _mask, ...rest } = parts
    const only = Object.values(rest)
    const sizes = sizesOf(shape)
    // One entry beside an action mask may be described by itself.
    if (sizes !== undefined) return only.length === 1 && obsFits(shape, only[0] as Space)
    if (typeof shape !== 'object' || shape === null) return true
    if (only.length === 1 && oneHotOf(shape) !== undefined && !('one_hot' in rest))
      return obsFits(shape, only[0] as Space)
    return Object.entries(shape).every(([key, part]) => {
      const inner = parts[key]
      return inner !== undefined && obsFits(part, inner)
    })
  }
  const sizes = sizesOf(shape)
  if (sizes === undefined) {
    if (typeof shape !== 'object' || shape === null) return true
    const discrete = oneHotOf(shape)
    return discrete !== undefined && oneHotFits(discrete, space)
  }
  if (space instanceof Discrete) return product(sizes) === 1
  const own = space.shape
  // A number is a vector, whatever shape the environment gives it; a list is the shape itself, or [n] for a vector.
  return sizes.length <= 1 ? product(own) === product(sizes) : sizes.join() === own.join()
}

function oneHotFits(given: { sizes: readonly number[]; start: readonly number[] }, space: Space): boolean {
  // Whole numbers that the environment has in a Box: one for each entry.
  if (!(space instanceof Discrete || space instanceof MultiDiscrete))
    return given.sizes.length === product(space.shape)
  const own = oneHotOf(oneHotShapeOf(space))
  return given.sizes.join() === own?.sizes.join() && given.start.join() === own.start.join()
}

/** Whether an `action_shape` can stand for actions of a space; true where the two cannot be compared. */
function actionFits(shape: unknown, space: Space): boolean {
  const sizes = sizesOf(shape)
  if (sizes === undefined) return true
  if (space instanceof Discrete) return sizes.length === 1 && sizes[0] === space.n
  if (space instanceof MultiDiscrete) return sizes.join() === space.nvec.join()
  if (space instanceof Box || space instanceof MultiBinary) return product(sizes) === product(space.shape)
  return true
}

/**
 * Compares the shapes that a model is configured with to the spaces of the environment.
 * @throws ConfigError naming the key of policy.model and the space
 */
export function checkModelShapes(
  model: Readonly<Record<string, unknown>>,
  observation: Space,
  action: Space,
): void {
  const { obs_shape, action_shape } = model
  if (obs_shape !== undefined && !obsFits(obs_shape, observation)) {
    throw new ConfigError(
      `policy.model.obs_shape is ${JSON.stringify(obs_shape)}, but the environment's observation space is ${observation}. ` +
        `Set policy.model.obs_shape to ${describeObs(observation)}, or wrap the environment.`,
      { path: 'policy.model.obs_shape' },
    )
  }
  if (action_shape !== undefined && !actionFits(action_shape, action)) {
    throw new ConfigError(
      `policy.model.action_shape is ${JSON.stringify(action_shape)}, but the environment's action space is ${action}. ` +
        `Set policy.model.action_shape to ${describeAction(action)}, or wrap the environment.`,
      { path: 'policy.model.action_shape' },
    )
  }
}

/** The entry of `obs_shape` for a discrete observation. */
export function oneHotShapeOf(space: Discrete | MultiDiscrete): OneHotShape {
  if (space instanceof Discrete)
    return space.start === 0 ? { one_hot: space.n } : { one_hot: space.n, start: space.start }
  const one_hot = [...space.nvec]
  return space.start.every((first) => first === 0) ? { one_hot } : { one_hot, start: [...space.start] }
}

function obsShapeOf(space: Space): unknown {
  if (space instanceof Discrete || space instanceof MultiDiscrete) return oneHotShapeOf(space)
  const parts = partsOf(space)
  if (parts !== undefined)
    return Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, obsShapeOf(part)]))
  return space.shape.length === 1 ? space.shape[0] : [...space.shape]
}

function describeObs(space: Space): string {
  return JSON.stringify(obsShapeOf(space))
}

function describeAction(space: Space): string {
  if (space instanceof Discrete) return String(space.n)
  if (space instanceof MultiDiscrete) return JSON.stringify(space.nvec)
  return space.shape.length === 1 ? String(space.shape[0]) : JSON.stringify(space.shape)
}

/**
 * Checks that an environment's actions are a Box from -bound to bound, which is what the policy acts in.
 * @param policy its registered name @param bound 1, or what `policy.model.max_action` says
 * @throws ConfigError saying how the two come together
 */
export function checkActionBound(policy: string, action: Space, bound: number): void {
  const isBox = action instanceof Box
  if (isBox && action.low.every((v) => v === -bound) && action.high.every((v) => v === bound)) return
  if (isBox && bound !== 1) {
    throw new ConfigError(
      `policy.model.max_action is ${bound}, but the environment's action space is ${action}. Leave it at 1 and scale actions in the environment.`,
      { path: 'policy.model.max_action' },
    )
  }
  const way = isBox
    ? ' Add the act_scale wrapper to env.env_wrapper (or set env.act_scale where there is such a key).'
    : ''
  throw new ConfigError(
    `create_config.policy.type is "${policy}", which acts in [-1, 1], but the environment's action space is ${action}.${way}`,
    { path: 'create_config.policy.type' },
  )
}
