import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface AppendOptions {
  /** Bytes that may wait before they are written; 0 writes at once. */
  readonly buffer: number
  /** Finish a last line that a killed process left unfinished, before appending. */
  readonly lines: boolean
  /** Told of a failure. Logging goes on without this file, or when a later write works again. */
  readonly onError: (error: Error, path: string) => void
}

/**
 * A file that is only appended to, and whose trouble never reaches the caller: a full or forbidden disk must not end a
 * run. A write that fails half-way is taken back, so what is in the file stays readable.
 */
export class AppendFile {
  #descriptor: number | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Length of the file up to the last whole write. */
  #length = 0
  #unusable = false
  #name = ''

  /** `path` is the file, or a function that gives one name after another until one is new. */
  constructor(
    private readonly path: string | ((attempt: number) => string),
    private readonly options: AppendOptions,
  ) {}

  write(data: string | Uint8Array): void {
    if (this.#unusable) return
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : Buffer.from(data)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > this.options.buffer) this.flush()
  }

  flush(): void {
    if (this.#waitingBytes === 0 || this.#unusable) return
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    const descriptor = this.#descriptor ?? this.#open()
    if (descriptor === undefined) return
    try {
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset)
      this.#length += bytes.length
    } catch (error) {
      this.#takeBack(descriptor)
      this.options.onError(error as Error, this.#name)
    }
  }

  close(): void {
    this.flush()
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    this.#unusable = true
  }

  #open(): number | undefined {
    try {
      this.#descriptor = this.#openFile()
      this.#length = fstatSync(this.#descriptor).size
      if (this.options.lines && this.#length > 0) this.#finishLine(this.#descriptor)
    } catch (error) {
      this.#unusable = true
      this.options.onError(error as Error, this.#name)
    }
    return this.#descriptor
  }

  #openFile(): number {
    if (typeof this.path === 'string') {
      this.#name = this.path
      mkdirSync(dirname(this.#name), { recursive: true })
      return openSync(this.#name, 'a+')
    }
    for (let attempt = 0; ; attempt++) {
      this.#name = this.path(attempt)
      mkdirSync(dirname(this.#name), { recursive: true })
      try {
        return openSync(this.#name, 'ax+')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  #finishLine(descriptor: number): void {
    const last = Buffer.alloc(1)
    readSync(descriptor, last, 0, 1, this.#length - 1)
    if (last[0] !== 10) this.#length += writeSync(descriptor, '\n')
  }

  #takeBack(descriptor: number): void {
    try {
      ftruncateSync(descriptor, this.#length)
    } catch {
      // The disk is beyond help; what was written stays as it is.
    }
  }
}
