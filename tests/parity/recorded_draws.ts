import type { Compute, RandomSource, RandomStream } from '../../ding/compute/index.js'
import { numbersOf } from './golden.js'

/** A random source that gives recorded numbers, in order: a policy on {@link withDraws} replays the draws of another implementation. */
export class RecordedDraws implements RandomSource {
  private readonly queue: number[][] = []
  /** Where uniform numbers come from, when they are not part of the recording. */
  uniformFrom: RandomStream | undefined

  /** Puts recorded values behind those that are still there, one entry a draw. */
  push(...draws: readonly unknown[]): void {
    for (const draw of draws) this.queue.push(numbersOf(draw))
  }

  /** Draws that nobody took. */
  get left(): number {
    return this.queue.length
  }

  normal(out: Float32Array): void {
    out.set(this.take(out.length))
  }

  uniform(out: Float32Array): void {
    out.set(this.uniformFrom?.uniform(out.length) ?? this.take(out.length))
  }

  integers(n: number): Int32Array {
    return Int32Array.from(this.take(n))
  }

  permutation(n: number): Int32Array {
    return Int32Array.from(this.take(n))
  }

  subset(_n: number, k: number): Int32Array {
    return Int32Array.from(this.take(k))
  }

  private take(count: number): number[] {
    const next = this.queue.shift()
    if (next?.length !== count)
      throw new Error(`The program draws ${count} numbers, the recording has ${next?.length ?? 'none'} next.`)
    return next
  }
}

/** The same runtime, whose programs all draw from `random`. */
export function withDraws(compute: Compute, random: RandomSource): Compute {
  return {
    description: compute.description,
    program: (name, fn) => compute.program(name, fn, { random }),
    share: () => withDraws(compute.share(), random),
    dispose: () => compute.dispose(),
  }
}
