import type { Compute } from '../compute/index.js'

/** One compute for several agents: started when the first needs it, disposed of when the last lets go. */
export class ComputeShare {
  private started: Promise<Compute> | undefined
  private users = 0

  constructor(private readonly start: () => Promise<Compute>) {}

  /** The compute, for one more agent: its programs are freed when it is disposed of. */
  async join(): Promise<Compute> {
    this.users++
    this.started ??= this.start()
    return (await this.started).share()
  }

  /** @param compute what {@link join} gave */
  async leave(compute: Compute): Promise<void> {
    await compute.dispose()
    this.users--
    if (this.users > 0 || this.started === undefined) return
    const { started } = this
    this.started = undefined
    await (await started).dispose()
  }
}
