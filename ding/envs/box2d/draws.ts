import { RandomStream } from '../light_imports.js'

/** Where an episode's random numbers come from, one after the other. Parity tests give recorded ones. */
export interface Draws {
  /** A number of [low, high). */
  uniform(low: number, high: number): number
  /** An integer of [low, high). */
  integer(low: number, high: number): number
}

/** The draws of an episode of a seed. */
export function drawsOfSeed(seed: number): Draws {
  const random = RandomStream.fromSeed(seed).child('box2d')
  return {
    uniform: (low, high) => low + (high - low) * random.nextFloat(),
    integer: (low, high) => random.nextInt(low, high),
  }
}
