import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds that a role may keep its event loop to itself: messages and heartbeats wait no longer. */
const SLICE = 3
let last = 0

/** Lets messages, timers and signals in, when it is time. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < SLICE) return
  await nextTurn()
  last = performance.now()
}
