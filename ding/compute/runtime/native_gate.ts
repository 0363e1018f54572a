/**
 * A thread that is terminated inside a native call takes the whole process along: the call comes back into an isolate that is being torn down, and
 * the C++ exception has nobody to catch it. So native calls of a thread that may be terminated go through a gate, which the terminating thread closes first.
 * One shared word: 0 open, 1 a native call is under way, 2 closed for good.
 */
let gate: Int32Array | undefined

const OPEN = 0
const INSIDE = 1
const CLOSED = 2

/** Memory for one thread's gate. */
export function createNativeGate(): SharedArrayBuffer {
  return new SharedArrayBuffer(4)
}

/** Makes this thread pass through a gate, from now on. */
export function useNativeGate(shared: SharedArrayBuffer): void {
  gate = new Int32Array(shared)
}

/** Does a native call. Where the gate is closed the thread waits here, until it is terminated. */
export function throughNativeGate<T>(call: () => T): T {
  if (gate === undefined) return call()
  if (Atomics.compareExchange(gate, 0, OPEN, INSIDE) === CLOSED) Atomics.wait(gate, 0, CLOSED)
  try {
    return call()
  } finally {
    Atomics.store(gate, 0, OPEN)
  }
}

/** Waits until the thread is in no native call and keeps it from beginning another. @returns false when it did not come out of one in time */
export async function closeNativeGate(shared: SharedArrayBuffer, timeout_ms: number): Promise<boolean> {
  const word = new Int32Array(shared)
  const end = performance.now() + timeout_ms
  while (Atomics.compareExchange(word, 0, OPEN, CLOSED) === INSIDE) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setImmediate(resolve))
  }
  return true
}
