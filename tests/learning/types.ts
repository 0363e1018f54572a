export interface Outcome {
  readonly passed: number
  readonly failed: number
}

/** One learning study: trains, writes its page below docs/results and says how many of its criteria held. */
export interface Study {
  readonly name: string
  run(): Promise<Outcome>
}
