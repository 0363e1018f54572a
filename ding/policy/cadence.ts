import type { KeyDefinition } from '../config/index.js'
import { ConfigError } from '../utils/index.js'

/** In `learn.update_per_collect`: as many updates as env steps were collected. */
export const AS_COLLECTED = -1

/** Format of `update_per_collect`. @throws Error saying what is wrong, which the config's validation passes on */
export function update_count(value: unknown): value is number {
  if (value === AS_COLLECTED || (Number.isSafeInteger(value) && (value as number) > 0)) return true
  throw new ConfigError('Give a whole number above 0, or -1 for as many updates as env steps were collected.')
}

/** The key `learn.update_per_collect` with a default. */
export function updatePerCollectKey(value: number) {
  return {
    doc: "Updates after each collect (SB3's gradient_steps). -1: as many as env steps were taken in that collect, of all environments together.",
    format: update_count,
    default: value,
  } as const satisfies KeyDefinition
}

/** How many updates follow a collect. @param update_per_collect as in the config @param env_steps of that collect */
export function updatesAfter(update_per_collect: number, env_steps: number): number {
  return update_per_collect === AS_COLLECTED ? env_steps : update_per_collect
}
