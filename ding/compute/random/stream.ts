import { createHash } from 'node:crypto'
import { CheckpointError, type JsonValue, UsageError } from '../../utils/index.js'
import { ziggurat } from './ziggurat.js'

const TWO_32 = 2 ** 32
const GENERATOR = 'xoshiro128**'

/**
 * A seeded stream of random numbers that can be saved, restored and split into a tree of independent streams.
 *
 * The generator is xoshiro128** 1.1 (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS
 * 47(4), 2021; period 2^128 - 1). A stream's 32-byte key is the SHA-256 of its parent's key and its name; its first 16
 * bytes are the generator's starting state. A child therefore depends on the seed and the path of names alone: never on
 * how many numbers were drawn anywhere before it was made.
 */
export class RandomStream {
  #key: Buffer
  readonly #words = new Int32Array(4)

  private constructor(key: Buffer) {
    this.#key = key
    for (let i = 0; i < 4; i++) this.#words[i] = key.readInt32LE(4 * i)
  }

  /** The root stream of a seed. @throws UsageError unless `seed` is a safe integer or a bigint. */
  static fromSeed(seed: number | bigint): RandomStream {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
      throw new UsageError(`A seed must be an integer of at most 53 bits or a bigint, got ${seed}.`)
    }
    return new RandomStream(createHash('sha256').update(`ding seed ${seed}`).digest())
  }

  /** The independent stream called `name` below this one; always the same for the same path of names. */
  child(name: string | number): RandomStream {
    const tag = typeof name === 'number' ? 'number ' : 'string '
    return new RandomStream(createHash('sha256').update(this.#key).update(`${tag}${name}`).digest())
  }

  /** 32 random bits as an integer in [0, 2^32). */
  nextUint32(): number {
    return this.#next() >>> 0
  }

  /** A double in [0, 1) with 53 random bits. */
  nextFloat(): number {
    return ((this.#next() >>> 5) * 67108864 + (this.#next() >>> 6)) / 9007199254740992
  }

  /** A float32 value in [0, 1) with 24 random bits. */
  nextFloat32(): number {
    return (this.#next() >>> 8) / 16777216
  }

  /** A standard normal value (see {@link ziggurat}). */
  nextNormal(): number {
    return ziggurat(this)
  }

  /** An integer in [low, high), every one equally likely. @throws UsageError unless 0 < high - low <= 2^32. */
  nextInt(low: number, high: number): number {
    const range = checkedRange(low, high)
    return low + this.#below(range, Math.clz32(range - 1))
  }

  /** Standard normal float32 values: `n` new ones, or `out` filled. */
  normal(target: number | Float32Array): Float32Array {
    const out = typeof target === 'number' ? new Float32Array(target) : target
    for (let i = 0; i < out.length; i++) out[i] = ziggurat(this)
    return out
  }

  /** Uniform float32 values in [0, 1): `n` new ones, or `out` filled. */
  uniform(target: number | Float32Array): Float32Array {
    const out = typeof target === 'number' ? new Float32Array(target) : target
    for (let i = 0; i < out.length; i++) out[i] = (this.#next() >>> 8) / 16777216
    return out
  }

  /** Integers in [low, high), with replacement: `n` new ones, or `out` filled. The bounds must fit in int32. */
  integers(target: number | Int32Array, low: number, high: number): Int32Array {
    const range = checkedRange(low, high)
    if (low < -(2 ** 31) || high > 2 ** 31) {
      throw new UsageError(`RandomStream.integers fills int32, but [${low}, ${high}) does not fit in it.`)
    }
    const shift = Math.clz32(range - 1)
    const out = typeof target === 'number' ? new Int32Array(target) : target
    for (let i = 0; i < out.length; i++) out[i] = low + this.#below(range, shift)
    return out
  }

  /** The integers 0..n-1 in random order. */
  permutation(n: number): Int32Array {
    return this.subset(n, n)
  }

  /**
   * `k` distinct integers of 0..n-1, in random order: the first k places of a Fisher-Yates shuffle. Time and memory are
   * O(k) when k is much smaller than n, else O(n). @throws UsageError unless 0 <= k <= n.
   */
  subset(n: number, k: number): Int32Array {
    if (!Number.isInteger(n) || !Number.isInteger(k) || k < 0 || k > n || n > 2 ** 31) {
      throw new UsageError(
        `RandomStream.subset(n, k) needs integers with 0 <= k <= n <= 2^31, got n=${n}, k=${k}.`,
      )
    }
    return k < n / 16 ? this.#sparseSubset(n, k) : this.#denseSubset(n, k)
  }

  /** Puts an array in random order, in place, and returns it. */
  shuffle<A extends { length: number; [index: number]: unknown }>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.#below(i + 1, Math.clz32(i))
      const held = array[i]
      array[i] = array[j]
      array[j] = held
    }
    return array
  }

  /** One element, every one equally likely. @throws UsageError when there is none. */
  choice<T>(array: ArrayLike<T>): T {
    if (array.length === 0) throw new UsageError('RandomStream.choice was given an empty array.')
    return array[this.nextInt(0, array.length)] as T
  }

  /** Everything that decides the numbers to come, this stream's future children included. */
  state(): JsonValue {
    return { generator: GENERATOR, key: this.#key.toString('hex'), words: Array.from(this.#words) }
  }

  /** Continues exactly where `state()` was taken. @throws CheckpointError when it is not such a state. */
  restore(state: JsonValue): void {
    const { generator, key, words } =
      typeof state === 'object' && state !== null && !Array.isArray(state) ? state : {}
    const fits =
      generator === GENERATOR &&
      typeof key === 'string' &&
      /^[0-9a-f]{64}$/.test(key) &&
      Array.isArray(words) &&
      words.length === 4 &&
      words.every((word) => typeof word === 'number' && word === (word | 0)) &&
      words.some((word) => word !== 0)
    if (!fits) {
      throw new CheckpointError(
        `This is no state of a ${GENERATOR} RandomStream: ${JSON.stringify(state)?.slice(0, 120)}. ` +
          'Expected {generator, key, words} as RandomStream.state() returns it.',
      )
    }
    this.#key = Buffer.from(key as string, 'hex')
    this.#words.set(words as number[])
  }

  /** The generator's step: 32 random bits as a signed integer. */
  #next(): number {
    const s = this.#words
    const s0 = s[0]!
    const s1 = s[1]!
    const s2 = s[2]! ^ s0
    const s3 = s[3]! ^ s1
    const five = Math.imul(s1, 5)
    s[0] = s0 ^ s3
    s[1] = s1 ^ s2
    s[2] = s2 ^ (s1 << 9)
    s[3] = (s3 << 11) | (s3 >>> 21)
    return Math.imul((five << 7) | (five >>> 25), 9)
  }

  /** An integer in [0, range): as few high bits as hold range - 1, drawn again while too large. */
  #below(range: number, shift: number): number {
    if (range === 1) return 0
    let bits = this.#next() >>> shift
    while (bits >= range) bits = this.#next() >>> shift
    return bits
  }

  #denseSubset(n: number, k: number): Int32Array {
    const order = new Int32Array(n)
    for (let i = 0; i < n; i++) order[i] = i
    for (let i = 0; i < k; i++) {
      const j = i + this.#below(n - i, Math.clz32(n - i - 1))
      const held = order[i]!
      order[i] = order[j]!
      order[j] = held
    }
    return k === n ? order : order.slice(0, k)
  }

  /** The same shuffle, holding only the places that differ from their index. */
  #sparseSubset(n: number, k: number): Int32Array {
    const chosen = new Int32Array(k)
    const moved = new Map<number, number>()
    for (let i = 0; i < k; i++) {
      const j = i + this.#below(n - i, Math.clz32(n - i - 1))
      chosen[i] = moved.get(j) ?? j
      moved.set(j, moved.get(i) ?? i)
    }
    return chosen
  }
}

function checkedRange(low: number, high: number): number {
  const range = high - low
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || range < 1 || range > TWO_32) {
    throw new UsageError(
      `A random integer needs integer bounds with low < high <= low + 2^32, got [${low}, ${high}).`,
    )
  }
  return range
}
