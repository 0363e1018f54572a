import { UsageError } from '../../utils/index.js'
import { type WasmMemory, wasm } from './wasm.js'

const PAGE = 65536
const ALIGNMENT = 64
const MIB = 2 ** 20
/** Reserved address space, not memory: the operating system commits a page when it is first touched. */
const CHUNK_BYTES = 256 * MIB
/** A chunk made for one large request has room for its company: a target copy, two moments, and gradients. */
const COMPANY = 8
const LARGEST_CHUNK = 65535 * PAGE

/** A piece of a chunk. It is given back once every view made through it is garbage. */
interface Span {
  readonly chunk: MemoryChunk
  readonly offset: number
  readonly bytes: number
  views: number
}

/**
 * A WebAssembly memory of fixed size from which float32 arrays are cut. It never grows, since growing detaches every view.
 * Kernels run on arrays that lie in one chunk.
 */
export class MemoryChunk {
  readonly memory: WasmMemory
  /** Free pieces by rising offset, no two adjacent. */
  readonly #free: { offset: number; bytes: number }[]
  /** Everything from here on was never handed out and so is still zero. */
  #untouched = ALIGNMENT

  constructor(bytes: number) {
    const pages = Math.ceil(bytes / PAGE)
    this.memory = new wasm.Memory({ initial: pages, maximum: pages })
    // Address 0 is left out so that a kernel never sees a null pointer.
    this.#free = [{ offset: ALIGNMENT, bytes: pages * PAGE - ALIGNMENT }]
  }

  get idle(): boolean {
    return this.freeBytes === this.memory.buffer.byteLength - ALIGNMENT
  }

  get freeBytes(): number {
    return this.#free.reduce((sum, piece) => sum + piece.bytes, 0)
  }

  /** Cuts a zero-filled piece out of the first gap that is large enough, or returns nothing. */
  take(bytes: number): Span | undefined {
    const at = this.#free.findIndex((piece) => piece.bytes >= bytes)
    const piece = this.#free[at]
    if (piece === undefined) return undefined
    const offset = piece.offset
    if (piece.bytes === bytes) this.#free.splice(at, 1)
    else this.#free[at] = { offset: offset + bytes, bytes: piece.bytes - bytes }
    const stale = Math.min(this.#untouched, offset + bytes) - offset
    if (stale > 0) new Uint8Array(this.memory.buffer, offset, stale).fill(0)
    this.#untouched = Math.max(this.#untouched, offset + bytes)
    return { chunk: this, offset, bytes, views: 0 }
  }

  /** Takes a piece back and joins it with its free neighbours. */
  give(span: Span): void {
    let at = this.#free.findIndex((piece) => piece.offset > span.offset)
    if (at < 0) at = this.#free.length
    const piece = { offset: span.offset, bytes: span.bytes }
    const next = this.#free[at]
    const joinsNext = next !== undefined && piece.offset + piece.bytes === next.offset
    if (joinsNext) piece.bytes += next.bytes
    this.#free.splice(at, joinsNext ? 1 : 0, piece)
    const previous = this.#free[at - 1]
    if (previous !== undefined && previous.offset + previous.bytes === piece.offset) {
      previous.bytes += piece.bytes
      this.#free.splice(at, 1)
    }
  }
}

const chunks: MemoryChunk[] = []
const chunkByBuffer = new WeakMap<ArrayBufferLike, MemoryChunk>()
const spanByView = new WeakMap<Float32Array, Span>()
const collected = new FinalizationRegistry<Span>((span) => {
  span.views -= 1
  if (span.views > 0) return
  span.chunk.give(span)
  // One idle chunk is kept for the next run in this process; others go back to the system with their last view.
  if (span.chunk.idle && chunks.length > 1) chunks.splice(chunks.indexOf(span.chunk), 1)
})

/** A zero-filled float32 array for each length, all in one new span, in order and aligned to 64 bytes each. */
function allocateSpan(lengths: readonly number[], near: MemoryChunk | undefined): Float32Array[] {
  const sizes = lengths.map((length) => Math.max(1, Math.ceil((length * 4) / ALIGNMENT)) * ALIGNMENT)
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  if (bytes > LARGEST_CHUNK - ALIGNMENT) {
    throw new UsageError(
      `An arena of ${lengths.join(' + ')} float32 values needs ${Math.ceil(bytes / MIB)} MiB; at most 4095 MiB fit in one. ` +
        'Pack the parameters of this model into several arenas.',
    )
  }
  let span = near?.take(bytes)
  for (let i = 0; span === undefined && i < chunks.length; i++) span = chunks[i]!.take(bytes)
  span ??= newChunk(bytes).take(bytes)!
  let offset = span.offset
  return lengths.map((length, i) => {
    const view = viewOfSpan(span, offset, length)
    offset += sizes[i]!
    return view
  })
}

function newChunk(bytes: number): MemoryChunk {
  let size = Math.max(CHUNK_BYTES, Math.min(COMPANY * bytes, LARGEST_CHUNK))
  for (;;) {
    try {
      const chunk = new MemoryChunk(size)
      chunks.push(chunk)
      chunkByBuffer.set(chunk.memory.buffer, chunk)
      return chunk
    } catch (cause) {
      // Address space may be limited (ulimit, strict overcommit): reserve less, down to what this request needs.
      const least = bytes + PAGE
      if (!(cause instanceof RangeError) || size <= least) throw cause
      size = Math.max(least, Math.floor(size / 4))
    }
  }
}

function viewOfSpan(span: Span, byteOffset: number, length: number): Float32Array {
  const view = new Float32Array(span.chunk.memory.buffer, byteOffset, length)
  span.views += 1
  spanByView.set(view, span)
  collected.register(view, span)
  return view
}

/**
 * Zero-filled float32 arrays in chunk memory, one per length, freed together when all of them are garbage. A `subarray`
 * does not keep the memory; use {@link sliceView}. `near`: an array whose chunk is to be used when it has room.
 */
export function allocateFloats(lengths: readonly number[], near?: Float32Array): Float32Array[] {
  return lengths.length === 0 ? [] : allocateSpan(lengths, near && chunkByBuffer.get(near.buffer))
}

/** A view of part of `view` that, unlike a `subarray`, keeps chunk memory alive by itself. */
export function sliceView(view: Float32Array, start: number, length: number): Float32Array {
  const span = spanByView.get(view)
  return span === undefined
    ? view.subarray(start, start + length)
    : viewOfSpan(span, view.byteOffset + 4 * start, length)
}

/** The chunk in which an array lies; nothing for an array with memory of its own. */
export function chunkOf(view: Float32Array): MemoryChunk | undefined {
  return chunkByBuffer.get(view.buffer)
}

/** Whether two arrays were cut from the same span, so that they live and die together. */
export function sameSpan(a: Float32Array, b: Float32Array): boolean {
  const span = spanByView.get(a)
  return span !== undefined && span === spanByView.get(b)
}

/** What the chunks hold, for tests and diagnostics: reserved and handed-out bytes. */
export function memoryUse(): { chunks: number; reserved: number; used: number } {
  const reserved = chunks.reduce((sum, chunk) => sum + chunk.memory.buffer.byteLength, 0)
  const free = chunks.reduce((sum, chunk) => sum + chunk.freeBytes, 0)
  return { chunks: chunks.length, reserved, used: reserved - free - ALIGNMENT * chunks.length }
}
