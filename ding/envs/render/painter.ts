import { EnvError } from '../../utils/index.js'
import { paintFlat } from './flat.js'
import { paintSpatial } from './spatial.js'
import type { Frame, RenderOptions, Scene } from './types.js'

const SMALLEST = 16
const LARGEST = 2048
const USUAL = 400

/**
 * The picture of a scene; the same scene gives the same bytes.
 * @throws EnvError for a size that is not a whole number of 16 to 2048, or a scene that cannot be drawn
 */
export function paintScene(scene: Scene, options: RenderOptions = {}): Frame {
  const size = options.size ?? USUAL
  if (!(Number.isInteger(size) && size >= SMALLEST && size <= LARGEST)) {
    throw new EnvError(
      `The size of a picture is ${size}, expected a whole number of pixels from ${SMALLEST} to ${LARGEST}`,
    )
  }
  return 'camera' in scene ? paintSpatial(scene, size) : paintFlat(scene, size)
}
