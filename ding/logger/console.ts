import pc from 'picocolors'

/** Where a run prints: a terminal, a pipe, or a test. */
export interface OutputStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  on?(event: 'error', listener: (error: Error) => void): unknown
  off?(event: 'error', listener: (error: Error) => void): unknown
}

/** How much a run prints. `auto`: `bar` on a terminal, else `plain`. `quiet`: warnings only. */
export type ConsoleMode = 'auto' | 'bar' | 'plain' | 'quiet'

const CLEAR_LINE = '\r\u001b[2K'

/** A reader that went away (`| head`) must not end the run. */
const ignore = (): void => {}

/** How many consoles print to a stream: they share one listener, since Node warns of more than ten. */
const users = new WeakMap<OutputStream, number>()

/** Counts a console that begins (1) or ends (-1) to print to a stream. */
function count(stream: OutputStream, change: 1 | -1): void {
  const before = users.get(stream) ?? 0
  const after = Math.max(0, before + change)
  users.set(stream, after)
  if (before === 0 && after === 1) stream.on?.('error', ignore)
  if (before === 1 && after === 0) stream.off?.('error', ignore)
}

/** Prints lines, and keeps one status line (the progress bar) below them where there is a terminal. */
export class Console {
  readonly mode: Exclude<ConsoleMode, 'auto'>
  #status = ''
  readonly #colors: ReturnType<typeof pc.createColors>
  #open = true

  constructor(
    mode: ConsoleMode,
    private readonly out: OutputStream,
    private readonly err: OutputStream,
  ) {
    this.mode = mode === 'auto' ? (out.isTTY === true ? 'bar' : 'plain') : mode
    this.#colors = pc.createColors(err.isTTY === true && pc.isColorSupported)
    count(out, 1)
    count(err, 1)
  }

  line(text: string): void {
    if (this.mode === 'quiet') return
    this.#around(() => this.out.write(`${text}\n`))
  }

  warn(text: string): void {
    this.#around(() => this.err.write(`${this.#colors.yellow('warning:')} ${text}\n`))
  }

  /** Puts `text` in the status line; empty takes it away. Cut to the terminal's width, since a wrapped line cannot be redrawn. */
  status(text: string): void {
    if (this.mode !== 'bar') return
    this.#status = text.slice(0, Math.max(10, (this.out.columns || 80) - 1))
    this.out.write(CLEAR_LINE + this.#status)
  }

  /** Lets go of the streams. */
  close(): void {
    if (this.#status !== '') this.status('')
    if (!this.#open) return
    this.#open = false
    count(this.out, -1)
    count(this.err, -1)
  }

  #around(print: () => void): void {
    if (this.#status !== '') this.out.write(CLEAR_LINE)
    print()
    if (this.#status !== '') this.out.write(this.#status)
  }
}
