/** The signals that ask a run to stop at its next safe point. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** A request to stop, from Ctrl-C, SIGTERM or an AbortSignal. */
export interface Interrupt {
  /** Name of the signal, or undefined while nobody has asked. */
  readonly requested: string | undefined
  /** Stops listening. */
  release(): void
}

/** A second Ctrl-C within so many milliseconds is the same one: npm and npx pass on what the terminal has sent already. */
const SAME_KEYPRESS = 1000

/**
 * Listens for requests to stop. The first one lets the run end in order; a later Ctrl-C ends the process at once.
 * @param notify told of the first request
 */
export function listenForInterrupt(notify: (signal: string) => void, abort?: AbortSignal): Interrupt {
  let requested: string | undefined
  let since = 0
  const request = (name: string) => {
    if (requested !== undefined) {
      if (name === 'SIGINT' && performance.now() - since > SAME_KEYPRESS) process.exit(130)
      return
    }
    requested = name
    since = performance.now()
    notify(name)
  }
  const handlers = SIGNALS.map((signal) => {
    const handler = () => request(signal)
    process.on(signal, handler)
    return { signal, handler }
  })
  const onAbort = () => request('abort')
  abort?.addEventListener('abort', onAbort)
  if (abort?.aborted) onAbort()
  return {
    get requested() {
      return requested
    },
    release: () => {
      for (const { signal, handler } of handlers) process.off(signal, handler)
      abort?.removeEventListener('abort', onAbort)
    },
  }
}
