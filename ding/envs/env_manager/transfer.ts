/** Arrays of at least this many bytes are handed over instead of copied twice. */
const HANDED_OVER = 4096

/**
 * A copy of a message that is cheap to post: large typed arrays are copied once and listed for transfer, small ones that
 * view a larger buffer are cut out of it (a structured clone would take the whole buffer along). The original arrays stay
 * usable by the env that returned them.
 */
export function packMessage<T>(message: T): { message: T; transfer: ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = []
  const pack = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value)) {
      if (value instanceof DataView) return value
      const array = value as unknown as Uint8Array
      const whole = array.byteLength === array.buffer.byteLength
      if (whole && array.byteLength < HANDED_OVER) return array
      const copy = array.slice()
      if (copy.byteLength >= HANDED_OVER) transfer.push(copy.buffer)
      return copy
    }
    if (Array.isArray(value)) return value.map(pack)
    if (Object.getPrototypeOf(value) !== Object.prototype) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, pack(part)]))
  }
  return { message: pack(message) as T, transfer }
}
