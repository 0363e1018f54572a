/** How one golden case came out. `skipped` says why it was not run; the numbers are then without meaning. */
export interface CaseResult {
  readonly name: string
  /** Largest error found, in the terms of `tolerance`. */
  readonly maxError: number
  readonly tolerance: number
  readonly pass: boolean
  readonly detail?: string
  readonly skipped?: string
}

/** The outcome of a file: its cases, or why it was not run at all. */
export type FileResult = { readonly cases: readonly CaseResult[] } | { readonly skipped: string }

/** Reads the files of one format that are run together, those of the own folder first, for what one says of another. */
export type ReadRun = () => Promise<unknown[]>

/**
 * Runs the golden cases of one file. The format is known from the folder's name; the rest must be told from the content.
 * Without `readRun` the file is alone.
 */
export type Handler = (json: unknown, fileName: string, readRun?: ReadRun) => Promise<FileResult>
