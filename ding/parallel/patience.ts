/** How long a role that is to leave still waits for what it had asked a server. */
export const LEAVING_MS = 1_000

/**
 * Waits for what may need a server that is away, for as long as that takes. Once `signal` is aborted it is given `ms` more; what is not done by then is left
 * to itself.
 * @returns undefined when it was left
 * @throws whatever `work` is rejected with while it is waited for
 */
export async function patiently<T>(
  work: Promise<T>,
  signal: AbortSignal,
  ms = LEAVING_MS,
): Promise<T | undefined> {
  // What is left to itself may fail when the exchange closes.
  work.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  let count: () => void = () => undefined
  const enough = new Promise<undefined>((resolve) => {
    count = () => {
      timer = setTimeout(resolve, ms, undefined)
    }
  })
  if (signal.aborted) count()
  else signal.addEventListener('abort', count, { once: true })
  try {
    return await Promise.race([work, enough])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', count)
  }
}
