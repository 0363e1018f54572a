import type { Batch } from '../data/index.js'
import { Box, Dict, Discrete, MultiBinary, MultiDiscrete, type Space, Tuple } from '../envs/index.js'
import { allocate, DatasetError, type DType, type HostTensor, isHostTensor, sizeOf } from '../utils/index.js'

function partOf(space: Space | undefined, key: string): Space | undefined {
  if (space instanceof Dict) return space.spaces[key]
  return space instanceof Tuple ? space.spaces[Number(key)] : undefined
}

/** The element type of a space's values; undefined where they are no arrays. */
function dtypeOf(space: Space | undefined): DType | undefined {
  if (space instanceof Box) return space.dtype
  if (space instanceof MultiDiscrete) return 'int32'
  return space instanceof MultiBinary ? 'uint8' : undefined
}

function cast(path: string, tensor: HostTensor, dtype: DType, space: Space): HostTensor {
  if (tensor.dtype === dtype) return tensor
  const data = allocate(dtype, tensor.data.length)
  data.set(tensor.data)
  if (dtype !== 'float32') {
    const odd = tensor.data.findIndex((value, i) => data[i] !== value)
    if (odd >= 0) {
      throw new DatasetError(
        `The dataset's "${path}" holds ${tensor.data[odd]}, which is no ${dtype} number as the environment's ${space} has them. ` +
          'Use data that were recorded in the same environment with the same wrappers.',
      )
    }
  }
  return { ...tensor, dtype, data }
}

/**
 * Observations of a dataset, [rows, ...], in the form that the environment hands them out, so that both fit into one buffer: arrays flat
 * [rows, n] and of the space's element type, numbers [rows]. Where nothing has to be changed, arrays are those of `obs`.
 * @param path its key, for messages
 * @throws DatasetError where a value cannot be of the space's element type
 */
export function asHandedOut(
  space: Space | undefined,
  obs: HostTensor | Batch,
  path: string,
): HostTensor | Batch {
  if (!isHostTensor(obs)) {
    return Object.fromEntries(
      Object.entries(obs).map(([key, part]) => [
        key,
        asHandedOut(partOf(space, key), part, `${path}.${key}`),
      ]),
    )
  }
  const [rows = 0, ...sizes] = obs.shape
  const width = sizeOf(sizes)
  if (space instanceof Discrete && width === 1)
    return { ...cast(path, obs, obs.dtype === 'float32' ? 'float32' : 'int32', space), shape: [rows] }
  const dtype = dtypeOf(space)
  if (space !== undefined && dtype !== undefined)
    return { ...cast(path, obs, dtype, space), shape: [rows, width] }
  return sizes.length > 1 ? { ...obs, shape: [rows, width] } : obs
}
