import { EnvError, type TypedArray } from '../../utils/index.js'
import { Box } from './box.js'
import { Dict } from './composite.js'
import type { Space, SpaceValue } from './space.js'

/** Whether a space is one of images by SB3's rule (`is_image_space`): uint8, three axes, every bound 0 to 255. */
export function isImageSpace(space: Space): space is Box {
  return (
    space instanceof Box &&
    space.shape.length === 3 &&
    space.dtype === 'uint8' &&
    space.low.every((v) => v === 0) &&
    space.high.every((v) => v === 255)
  )
}

/** Which axis of images SB3 takes for the channels: the smallest, of equal ones the first. The middle one counts as the last there. */
export function channelAxis({ shape }: Box): number {
  return shape.indexOf(Math.min(...shape))
}

/**
 * Whether SB3 turns observations of a space, by its VecTransposeImage: images whose channels do not come first, or a Dict that has such an entry.
 */
export function hasChannelsLast(space: Space): boolean {
  if (space instanceof Dict) return Object.values(space.spaces).some(hasChannelsLast)
  return isImageSpace(space) && channelAxis(space) !== 0
}

/** [channels, height, width] of images [height, width, channels]. */
export function channelsFirstShape([height, width, channels]: readonly number[]): number[] {
  return [channels as number, height as number, width as number]
}

/** What moves the channels of images of the shape [height, width, channels] to the front; each time into a new array. */
export function channelMover([height, width, channels]: readonly number[]): <T extends TypedArray>(
  image: T,
) => T {
  const area = (height as number) * (width as number)
  const count = channels as number
  /** Place in the incoming array of each outgoing element. */
  const source = Int32Array.from(
    { length: area * count },
    (_, i) => (i % area) * count + Math.floor(i / area),
  )
  return (image) => (image as Uint8Array).map((_, i) => image[source[i]!]!) as typeof image
}

/** A space with the channels of its images in front, and the way there for its observations. */
export interface ChannelsFirst {
  readonly space: Space
  /** Observations are not changed in place. */
  move(obs: SpaceValue): SpaceValue
}

/**
 * Moves the channels of images to the front: a Box of three axes, taken for [height, width, channels], or the images in a Dict (those of
 * {@link isImageSpace}), whose other entries stay as they are.
 * @throws EnvError for a space without images, and for a Dict in which the channels of some images come first already
 */
export function withChannelsFirst(space: Space): ChannelsFirst {
  if (space instanceof Box && space.shape.length === 3) {
    const move = channelMover(space.shape)
    const { low, high, shape, dtype } = space
    return {
      space: new Box(move(low), move(high), channelsFirstShape(shape), dtype),
      move: (obs) => move(obs as TypedArray),
    }
  }
  if (space instanceof Dict) return dictWithChannelsFirst(space)
  throw new EnvError(`it needs images [height, width, channels], or a Dict that has some, got ${space}`)
}

function dictWithChannelsFirst(dict: Dict): ChannelsFirst {
  const moved = Object.entries(dict.spaces).flatMap(([key, part]): [string, ChannelsFirst][] => {
    const images = part instanceof Dict ? hasImageSpace(part) : isImageSpace(part)
    if (!images) return []
    if (part instanceof Box && channelAxis(part) === 0) {
      throw new EnvError(
        `the entry "${key}" is ${part}, whose channels come first already. Bring all images of the Dict into one order, ` +
          "[height, width, channels] or [channels, height, width], or leave them as they are by { type: 'obs_transpose', skip: true }",
      )
    }
    return [[key, withChannelsFirst(part)]]
  })
  if (moved.length === 0) throw new EnvError(`it needs images among the entries, got ${dict}`)
  const spaces = Object.fromEntries(moved.map(([key, { space }]) => [key, space]))
  return {
    space: new Dict({ ...dict.spaces, ...spaces }),
    move: (obs) => {
      const record = { ...(obs as Record<string, SpaceValue>) }
      for (const [key, { move }] of moved) record[key] = move(record[key] as SpaceValue)
      return record
    },
  }
}

function hasImageSpace(space: Space): boolean {
  return space instanceof Dict ? Object.values(space.spaces).some(hasImageSpace) : isImageSpace(space)
}
