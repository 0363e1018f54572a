import type { StoredLinks } from './links.js'

/**
 * Windows of up to `nstep` consecutive transitions, for n-step returns from single-step data. A window ends at a terminal
 * step, at a time-out, and where the recording was cut: wherever no transition goes on from a transition's successor.
 */
export class NstepWindows {
  /** The transition that goes on where each one led to; -1 where none does. */
  readonly #follows: Int32Array
  readonly #powers: Float32Array

  /** @param terminated whether the transition stored in a row is terminal */
  constructor(
    links: StoredLinks,
    terminated: (row: number) => boolean,
    readonly nstep: number,
    gamma: number,
  ) {
    const { rows, next } = links
    const transitionOf = new Int32Array((rows.at(-1) ?? -1) + 2).fill(-1)
    for (let i = 0; i < rows.length; i++) transitionOf[rows[i]!] = i
    this.#follows = rows.map((row, i) => {
      if (terminated(row)) return -1
      return transitionOf[next === undefined ? row + 1 : next[i]!] ?? -1
    })
    this.#powers = Float32Array.from({ length: nstep + 1 }, (_, n) => gamma ** n)
  }

  /**
   * The windows that begin at the picked transitions: their transitions, step by step ([nstep] lists of the picks' length,
   * -1 beyond a window's end), the last one of each, and gamma to the power of their length.
   */
  at(picks: Int32Array): { steps: Int32Array[]; last: Int32Array; value_gamma: Float32Array } {
    const steps = Array.from({ length: this.nstep }, () => new Int32Array(picks.length).fill(-1))
    const last = new Int32Array(picks.length)
    const value_gamma = new Float32Array(picks.length)
    for (let i = 0; i < picks.length; i++) {
      let at = picks[i]!
      let length = 0
      while (at >= 0 && length < this.nstep) {
        steps[length++]![i] = at
        last[i] = at
        at = this.#follows[at]!
      }
      value_gamma[i] = this.#powers[length]!
    }
    return { steps, last, value_gamma }
  }
}
