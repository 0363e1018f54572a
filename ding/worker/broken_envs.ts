import type { Logger } from '../logger/index.js'

interface Tally {
  count: number
  /** The count at which it is told of again. */
  next: number
}

/**
 * Warns of episodes that were lost because an environment threw, hung or died: the first time that something happens, then when it has happened
 * twice as often as the last time it was told of, and at most once a round. Reasons that differ in their numbers alone are one.
 */
export class BrokenEnvs {
  private readonly tallies = new Map<string, Tally>()
  private readonly told = new Set<string>()

  /** @param where begins each line, such as "Collector" */
  constructor(
    private readonly where: string,
    private readonly logger: Logger,
  ) {}

  /** A collect or an evaluation begins. */
  beginRound(): void {
    this.told.clear()
  }

  /** An environment's abnormal timestep has this `info`. */
  note(id: number, info: Readonly<Record<string, unknown>>): void {
    const reason = String(info['reason'] ?? 'no reason given')
    const kind = reason.replace(/\d+/g, '#')
    const tally = this.tallies.get(kind) ?? { count: 0, next: 1 }
    this.tallies.set(kind, tally)
    tally.count++
    if (tally.count < tally.next || this.told.has(kind)) return
    tally.next = 2 * tally.count
    this.told.add(kind)
    const at = typeof info['at'] === 'string' ? ` (${info['at']})` : ''
    const often = tally.count === 1 ? '' : ` This was the episode number ${tally.count} lost like that.`
    this.logger.warn(`${this.where}: environment ${id} lost its episode: ${reason}${at}.${often}`)
  }
}
