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

/** Prints lines, and keeps one status line (the progress bar) below them where there is a terminal. */
export class Console {
  readonly mode: Exclude<ConsoleMode, 'auto'>
  #status = ''
  readonly #colors: ReturnType<typeof pc.createColors>
  /** A reader that went away (`| head`) must not end the run. */
  readonly #ignore = (): void => {}

  constructor(
    mode: ConsoleMode,
    private readonly out: OutputStream,
    private readonly err: OutputStream,
  ) {
    this.mode = mode === 'auto' ? (out.isTTY === true ? 'bar' : 'plain') : mode
    this.#colors = pc.createColors(err.isTTY === true && pc.isColorSupported)
    out.on?.('error', this.#ignore)
    err.on?.('error', this.#ignore)
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
    this.out.off?.('error', this.#ignore)
    this.err.off?.('error', this.#ignore)
  }

  #around(print: () => void): void {
    if (this.#status !== '') this.out.write(CLEAR_LINE)
    print()
    if (this.#status !== '') this.out.write(this.#status)
  }
}
