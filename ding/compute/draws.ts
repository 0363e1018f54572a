import type { HostTensor } from '../utils/index.js'
import { allocate, sizeOf, UsageError } from '../utils/index.js'
import type { Draw } from './scope.js'
import { drawDType } from './scope.js'

/** What a program needs of a random stream. {@link RandomStream} is one. */
export interface RandomSource {
  normal(out: Float32Array): unknown
  uniform(out: Float32Array): unknown
  integers(n: number, low: number, high: number): Int32Array
  permutation(n: number): Int32Array
  subset(n: number, k: number): Int32Array
}

/** Shape of the tensor that a draw yields. */
export function drawShape(draw: Draw): readonly number[] {
  if (draw.kind === 'permutation') return [draw.n]
  if (draw.kind === 'subset') return [draw.k]
  return draw.shape
}

/** An empty host tensor of a draw's shape and dtype, to be filled before each run. */
export function drawBuffer(draw: Draw): HostTensor {
  const shape = drawShape(draw)
  return { dtype: drawDType(draw), shape, data: allocate(drawDType(draw), sizeOf(shape)) }
}

function describe(draw: Draw): string {
  return `random.${draw.kind} of shape [${drawShape(draw)}]`
}

/** The numbers of one run, in call order: from the program's stream, or from a recording that a test injected. */
export class DrawSource {
  #taken = 0

  constructor(
    readonly program: string,
    readonly random: RandomSource | undefined,
    readonly recorded: readonly HostTensor[] | undefined,
  ) {}

  /** Fills `out` (made by {@link drawBuffer}) for the next draw. @throws UsageError when there is nothing to draw from. */
  fill(draw: Draw, out: HostTensor): void {
    const at = this.#taken++
    if (this.recorded !== undefined) {
      out.data.set(this.#recordedDraw(draw, at).data)
      return
    }
    const random = this.random
    if (random === undefined) {
      throw new UsageError(
        `Program "${this.program}" draws ${describe(draw)} but has no random stream. ` +
          'Create it with compute.program(name, fn, { random: stream }), or pass { draws } to run.',
      )
    }
    switch (draw.kind) {
      case 'normal':
        random.normal(out.data as Float32Array)
        return
      case 'uniform':
        random.uniform(out.data as Float32Array)
        return
      case 'integers':
        out.data.set(random.integers(out.data.length, draw.low, draw.high))
        return
      case 'permutation':
        out.data.set(random.permutation(draw.n))
        return
      case 'subset':
        out.data.set(random.subset(draw.n, draw.k))
    }
  }

  /** Checks that a recording was used up. @throws UsageError when draws are left over. */
  finish(): void {
    if (this.recorded !== undefined && this.#taken !== this.recorded.length) {
      throw new UsageError(
        `Program "${this.program}" made ${this.#taken} draws, but ${this.recorded.length} were injected.`,
      )
    }
  }

  #recordedDraw(draw: Draw, at: number): HostTensor {
    const found = this.recorded?.[at]
    if (found === undefined) {
      throw new UsageError(
        `Program "${this.program}": draw ${at} (${describe(draw)}) has no injected value; ${this.recorded?.length} were given.`,
      )
    }
    const shape = drawShape(draw)
    const dtype = drawDType(draw)
    if (found.dtype !== dtype || found.shape.join() !== shape.join()) {
      throw new UsageError(
        `Program "${this.program}": injected draw ${at} is ${found.dtype} [${found.shape}], ` +
          `but the function asks for ${describe(draw)}, ${dtype}.`,
      )
    }
    return found
  }
}
