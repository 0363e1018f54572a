import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds that a run may keep the event loop to itself. */
const SLICE = 20
let last = 0

/**
 * Lets signals, timers and messages in. With synchronous environments a run never leaves the microtask queue by itself, and
 * Ctrl-C would not be heard. Costs next to nothing when it is not yet time.
 */
export async function letEventsIn(): Promise<void> {
  if (performance.now() - last < SLICE) return
  await nextTurn()
  last = performance.now()
}
