import type { Obs } from '../envs/index.js'
import { NumericError } from '../utils/index.js'

/**
 * Checks that an observation holds no NaN and no infinity, which a network would only pass on.
 * @param id of the environment
 * @throws NumericError naming the environment, the key and the entry
 */
export function requireFinite(obs: Obs, id: number, key = 'obs'): void {
  if (obs instanceof Float32Array) {
    // One odd entry makes the sum odd, and float64 cannot overflow from float32 values.
    let sum = 0
    for (let i = 0; i < obs.length; i++) sum += obs[i] as number
    if (!Number.isFinite(sum)) {
      const entry = obs.findIndex((value) => !Number.isFinite(value))
      refuse(id, `${key}[${entry}]`, obs[entry] as number)
    }
  } else if (typeof obs === 'number') {
    if (!Number.isFinite(obs)) refuse(id, key, obs)
  } else if (!ArrayBuffer.isView(obs)) {
    for (const part of Object.keys(obs)) requireFinite(obs[part] as Obs, id, `${key}.${part}`)
  }
}

/** As {@link requireFinite}, for the reward of a step. */
export function requireFiniteReward(reward: number, id: number): void {
  if (!Number.isFinite(reward)) refuse(id, 'reward', reward)
}

function refuse(id: number, key: string, value: number): never {
  throw new NumericError(
    `Environment ${id} gave ${key} = ${value}. Observations and rewards must be finite: mend the environment, or clip them ` +
      'with an env wrapper.',
  )
}

/** A copy that shares no memory with the observation. */
export function copyObs(obs: Obs): Obs {
  if (typeof obs === 'number') return obs
  if (ArrayBuffer.isView(obs)) return obs.slice()
  return Object.fromEntries(Object.entries(obs).map(([key, part]) => [key, copyObs(part)]))
}
