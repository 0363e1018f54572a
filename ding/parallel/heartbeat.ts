import type { ControlBus } from './exchange/index.js'
import { type RoleStatus, TOPICS } from './topics.js'

/** Says every so often, on a role's behalf, how it is. */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly control: ControlBus,
    private readonly seconds: number,
    private readonly status: () => RoleStatus,
  ) {}

  start(): void {
    this.beat()
    this.timer = setInterval(() => this.beat(), this.seconds * 1000)
  }

  beat(): void {
    try {
      this.control.announce(TOPICS.status, this.status())
    } catch {
      // The exchange is closed: whoever waits for heartbeats will miss them.
      this.stop()
    }
  }

  /** With a last beat, which says how far the role came. */
  stop(): void {
    if (this.timer === undefined) return
    clearInterval(this.timer)
    this.timer = undefined
    this.beat()
  }
}
