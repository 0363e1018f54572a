import type { Obs } from '../envs/index.js'
import { EnvError, kindOf, NumericError, typedArrayDType } from '../utils/index.js'

/**
 * Checks that an observation is a number, an array of a class that can be stored or a record of these, and holds no NaN and no infinity, which a
 * network would only pass on.
 * @param id of the environment
 * @throws EnvError or NumericError naming the environment, the key and what is there
 */
export function requireSound(obs: Obs, id: number, key = 'obs'): void {
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
  } else if (typedArrayDType(obs) === undefined) {
    if (ArrayBuffer.isView(obs) || Array.isArray(obs) || typeof obs !== 'object' || obs === null) {
      throw new EnvError(
        `Environment ${id} gave ${key} as ${kindOf(obs)}, expected a Float32Array, an Int32Array, a Uint8Array, a number or a ` +
          'record of these. Return Float32Array.from(values), or make the environment with wrapEnv(), which converts.',
      )
    }
    for (const part of Object.keys(obs)) requireSound(obs[part] as Obs, id, `${key}.${part}`)
  }
}

/** As {@link requireSound}, for the reward of a step. */
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
