import { UsageError } from '../utils/index.js'

/**
 * The width of a head behind an encoder, which must be the encoder's; `given` is the config's head_hidden_size.
 * @throws UsageError when they differ
 */
export function headWidth(features: number, given: number | null): number {
  if (given === null || given === features) return features
  throw new UsageError(
    `head_hidden_size is ${given} but the encoder gives ${features} features; they must be equal. ` +
      'Leave head_hidden_size out, or end encoder_hidden_size_list with it.',
  )
}

/** @throws UsageError for an empty list of actions */
export function checkActionShape(action_shape: number | readonly number[]): void {
  if (typeof action_shape === 'number' || action_shape.length > 0) return
  throw new UsageError(
    'action_shape is an empty list: give the number of actions, or one number per action dimension.',
  )
}
