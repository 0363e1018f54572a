import { scaleAction } from './act_scale.js'
import { createFromFactory, type EnvFactory } from './create_env.js'
import { layersOf } from './wrappers/index.js'

/**
 * The way from the actions that the environments of a factory take to actions in their own units: the sum of all that is scaled on the way in, by
 * `act_scale` as a key or as a wrapper. One environment is made here, in this thread, and closed at once; so it makes no difference
 * whether the others live in worker threads.
 * @returns undefined when actions are in the environment's units already
 */
export async function nativeActionsOf(
  factory: EnvFactory,
): Promise<((action: ArrayLike<number>) => Float32Array) | undefined> {
  const env = await createFromFactory(factory)
  const boxes = [...layersOf(env)].flatMap(({ native_action_space }) => native_action_space ?? [])
  await env.close()
  if (boxes.length === 0) return undefined
  return (action) =>
    boxes.reduce<Float32Array>(
      (scaled, { low, high }) => Float32Array.from(scaleAction(scaled, low, high)),
      Float32Array.from(action),
    )
}
