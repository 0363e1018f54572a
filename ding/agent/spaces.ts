import {
  Box,
  channelAxis,
  channelsFirstShape,
  Dict,
  Discrete,
  MultiBinary,
  MultiDiscrete,
  type Space,
  Tuple,
} from '../envs/index.js'
import type { ObsShape } from '../nn/index.js'
import { oneHotShapeOf } from '../policy/index.js'
import { UsageError } from '../utils/index.js'

/** The parts of a Dict or Tuple space without its action mask; undefined for another space. */
function partsOf(space: Space): [string, Space][] | undefined {
  const parts =
    space instanceof Dict || space instanceof Tuple
      ? Object.entries<Space>(space.spaces as Record<string, Space>)
      : undefined
  return parts?.filter(([key]) => key !== 'action_mask')
}

/** Whether observations reach the model as records of several entries. */
export function isRecordSpace(space: Space): boolean {
  const parts = partsOf(space)
  return parts !== undefined && !(parts.length === 1 && 'action_mask' in (space as Dict).spaces)
}

/**
 * The `obs_shape` of models for an observation space: vectors by their size, images [C, H, W], discrete ones one-hot. An
 * `action_mask` in a Dict is no part of the observation; the one entry beside it is taken by itself.
 */
export function obsShapeOf(space: Space): ObsShape {
  const parts = partsOf(space)
  if (parts !== undefined) {
    const [only] = parts
    if (only === undefined)
      throw new UsageError(`The observation space ${space} has nothing but an action mask.`)
    if (!isRecordSpace(space)) return obsShapeOf(only[1])
    return Object.fromEntries(parts.map(([key, part]) => [key, obsShapeOf(part)]))
  }
  if (space instanceof Discrete || space instanceof MultiDiscrete) return oneHotShapeOf(space)
  if (space instanceof Box) return space.shape.length === 3 ? [...space.shape] : space.flatdim
  if (space instanceof MultiBinary) return space.flatdim
  throw new UsageError(`The observation space ${space} is of no kind that the networks take.`)
}

/** Number of actions. @throws UsageError for another space than Discrete from 0. */
export function actionCountOf(space: Space): number {
  if (space instanceof Discrete && space.start === 0) return space.n
  throw new UsageError(`CQN chooses among discrete actions counted from 0; the action space is ${space}.`)
}

/**
 * The bounds that images are normalised from, [0, 255] when there are none to be seen. Null: nothing to normalise (no image, or
 * bounds that are infinite or [0, 1] already, as in AgileRL).
 * @throws UsageError when images differ in their bounds
 */
export function imageRangeOf(space: Space): [low: number, high: number] | null {
  const parts = partsOf(space)
  if (parts !== undefined) {
    const ranges = parts.map(([, part]) => imageRangeOf(part)).filter((range) => range !== null)
    const [first] = ranges
    if (first !== undefined && ranges.some((range) => range.join() !== first.join())) {
      throw new UsageError(
        `The images of ${space} have different bounds. Scale them in the environment and set normalize_images to false.`,
      )
    }
    return first ?? null
  }
  if (!(space instanceof Box) || space.shape.length !== 3) return null
  const [low, high] = [Number(space.low[0]), Number(space.high[0])]
  if (!space.bounded) return null
  if (!space.low.every((v) => v === low) || !space.high.every((v) => v === high)) {
    throw new UsageError(
      `The image space ${space} has bounds that differ from pixel to pixel. Scale the images in the environment and set normalize_images to false.`,
    )
  }
  return low === high || (low === 0 && high === 1) ? null : [low, high]
}

/** Whether observations are, or have among them, images [channels, height, width]. */
export function hasImages(space: Space): boolean {
  if (space instanceof Dict) return Object.values(space.spaces).some(hasImages)
  return space instanceof Box && space.shape.length === 3
}

/**
 * Checks that the images of a space have their channels first, as convolutions read them. They are taken to come last where the last axis is the
 * smallest, AgileRL's rule. @throws UsageError saying how to bring them to the front
 */
export function checkChannelsFirst(space: Space): void {
  for (const [, part] of partsOf(space) ?? []) checkChannelsFirst(part)
  if (!(space instanceof Box) || space.shape.length !== 3) return
  if (channelAxis(space) !== 2) return
  throw new UsageError(
    `The observation space ${space} looks like images [height, width, channels], but the network takes [channels, height, width]. ` +
      `Put the env wrapper "obs_transpose" around the environment, which makes them [${channelsFirstShape(space.shape).join(', ')}], and give data in that order too; ` +
      'or give an actor_network that takes them as they are.',
  )
}

/** Keys of `policy.model` for SB3's NatureCNN; each image of several observations has half its features. */
export function natureCnn(space: Space): Record<string, unknown> {
  const features = isRecordSpace(space) ? 256 : 512
  return { encoder_hidden_size_list: [32, 64, 64, features], encoder_activate_output: true }
}
