export interface Outcome {
  readonly passed: number
  readonly failed: number
  /** Settings that cannot be judged yet, because seeds are missing. */
  readonly open?: number
}

/** What of a study to do, where it is not all of it. */
export interface StudyOptions {
  /** Names of the settings to run; all when left out. */
  readonly algos?: readonly string[]
  /** Seeds to run; those of the study when left out. */
  readonly seeds?: readonly number[]
  /** File of finished runs, one a line, that is read and added to. */
  readonly out?: string
  /** Run again what the file already has. */
  readonly fresh?: boolean
  /** A trial: runs of this many env steps, which no page is made of. */
  readonly env_step?: number
  /** Run nothing: judge the finished runs and write the page. */
  readonly page_only?: boolean
  /** Take over the finished run in this experiment folder instead of running; with one algo and one seed. */
  readonly import_from?: string
  /** Folder for the experiments in progress, which a later call continues. */
  readonly work?: string
}

/** One learning study: trains, writes its page below docs/results and says how many of its criteria held. */
export interface Study {
  readonly name: string
  /** Whether parts of it can be run by themselves. */
  readonly takes_options?: boolean
  run(options?: StudyOptions): Promise<Outcome>
}

/** How many of these lack seeds. */
export function openOf(judged: readonly { readonly missing: readonly number[] }[]): number {
  return judged.filter(({ missing }) => missing.length > 0).length
}
