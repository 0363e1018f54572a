import type { OfflineDataset } from '../data/index.js'
import { channelsFirstShape } from '../envs/index.js'
import { DatasetError, type HostTensor, isHostTensor, sizeOf, UsageError } from '../utils/index.js'

/** Excess that rounding explains, as a share of the bound. */
const ROUNDING = 1e-3
/** Data so far beyond the bound are in other units; less may be an actuator's overshoot. */
const OTHER_UNITS = 1.5

function sizesOf(shape: unknown): number[] | undefined {
  const sizes = typeof shape === 'number' ? [shape] : shape
  return Array.isArray(sizes) && sizes.every((size) => typeof size === 'number') ? sizes : undefined
}

/** Whether rows of `shape` can be observations of `obs_shape`; true where the two cannot be compared. */
function fits(obs_shape: unknown, shape: readonly number[]): boolean {
  const sizes = sizesOf(obs_shape)
  if (sizes === undefined) return true
  return sizes.length <= 1 ? sizeOf(sizes) === sizeOf(shape) : sizes.join() === shape.join()
}

function list(shape: readonly number[]): string {
  return shape.length === 1 ? String(shape[0]) : JSON.stringify(shape)
}

function allowed(sizes: readonly number[]): string {
  const range = sizes.length === 1 ? `from 0 to ${(sizes[0] as number) - 1}` : 'from 0 to one less than each'
  return (
    `policy.model.action_shape is ${list(sizes)}, for actions ${range}. ` +
    'Use data of the same environment, set policy.model.action_shape, or count the actions of the data from 0.'
  )
}

/** @param values rows of discrete actions, one entry for each of `sizes` @throws what `error` makes of the first that is not from 0 to size - 1 */
function checkRange(
  values: HostTensor['data'],
  sizes: readonly number[],
  error: (value: number) => Error,
): void {
  const width = sizes.length
  if (values.length % width !== 0) return
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!(value >= 0 && value < (sizes[i % width] as number))) throw error(value)
  }
}

/**
 * Checks the discrete actions of a batch, which a compiled program could not refuse: an action that there is not would count as one of value 0.
 * @param action_shape of the model @throws UsageError for an action that is not from 0 to action_shape - 1
 */
export function checkDiscreteActions(action: unknown, action_shape: unknown): void {
  const sizes = sizesOf(action_shape)
  if (sizes === undefined || sizes.length === 0 || !isHostTensor(action)) return
  checkRange(
    action.data,
    sizes,
    (value) => new UsageError(`A batch to learn from has the action ${value}, but ${allowed(sizes)}`),
  )
}

/**
 * Compares what a model is configured with to the data that it is to learn from.
 * @param scale what the data's actions are multiplied by
 * @param bound the largest magnitude of an entry of the policy's actions, if there is one
 * @returns what is odd, in sentences
 * @throws DatasetError where observations or actions have another size, discrete actions are not counted from 0, or continuous ones are in other units
 */
export function checkModelData(
  { obs_shape, action_shape }: Readonly<Record<string, unknown>>,
  data: Pick<OfflineDataset, 'statistics' | 'take'>,
  { scale, bound }: { scale: number; bound: number | undefined },
): string[] {
  const { obs, action } = data.take(Int32Array.of(0))
  if (isHostTensor(obs) && obs.shape.length > 1 && !fits(obs_shape, obs.shape.slice(1))) {
    const found = obs.shape.slice(1)
    const mend =
      found.length === 3 && fits(obs_shape, channelsFirstShape(found))
        ? 'The images of the data have their channels last: bring them into the order [channels, height, width], in which networks take them.'
        : 'Check policy.collect.data_path, or set policy.model.obs_shape to that of the data.'
    throw new DatasetError(
      `The dataset's observations have the shape ${list(found)}, but policy.model.obs_shape is ${JSON.stringify(obs_shape)}. ${mend}`,
    )
  }
  const sizes = sizesOf(action_shape)
  if (!isHostTensor(action) || sizes === undefined) return []
  const { min, max } = data.statistics.action_bounds
  if (action.dtype !== 'float32') {
    const columns = sizeOf(action.shape.slice(1))
    if (columns !== sizes.length || (bound !== undefined && action.shape.length > 1)) return []
    for (const [bounds, way] of [[min, 'down'] as const, [max, 'up'] as const]) {
      const error = (value: number) =>
        new DatasetError(`The dataset's actions go ${way} to ${value}, but ${allowed(sizes)}`)
      checkRange(bounds, sizes, error)
    }
    return []
  }
  const largest = Math.max(...max, ...Array.from(min, (value) => -value))
  const width = sizeOf(action.shape.slice(1))
  if (width !== sizeOf(sizes)) {
    throw new DatasetError(
      `The dataset's actions have ${width} entries, but policy.model.action_shape is ${JSON.stringify(action_shape)}. ` +
        'Check policy.collect.data_path, or set policy.model.action_shape to that of the data.',
    )
  }
  const reach = largest * Math.abs(scale)
  if (bound === undefined || reach <= bound * (1 + ROUNDING)) return []
  const what =
    `The dataset's actions${scale === 1 ? '' : `, times policy.collect.action_scale (${scale}),`} reach ${Number(reach.toPrecision(4))}, ` +
    `but the policy acts in [-${bound}, ${bound}]. `
  if (reach <= bound * OTHER_UNITS) return [`${what}Those beyond are learned from as they are.`]
  throw new DatasetError(
    `${what}Set policy.collect.action_scale to 1 / (the largest action of the environment), ${Number((bound / largest).toPrecision(4))} perhaps, and ` +
      'scale the environment too (env.act_scale).',
  )
}
