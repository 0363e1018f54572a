import { randomUUID } from 'node:crypto'
import type { RunLogger } from '../../logger/index.js'
import { DingError, EnvError } from '../../utils/index.js'
import type { SoloCommanderConfig } from '../commander_config.js'
import { type Exchange, ExchangeError } from '../exchange/index.js'
import type { LearnerReport } from '../roles/learner_types.js'
import type { StatusBoard } from '../status.js'
import { type RoleStatus, TOPICS } from '../topics.js'
import type { RoleSpec } from './role.js'
import type { Ending, RoleHandle, Spawner } from './spawn.js'

export interface SupervisorOptions {
  readonly spawner: Spawner
  readonly exchange: Exchange
  readonly settings: SoloCommanderConfig
  readonly logger: RunLogger
  readonly board: StatusBoard
  /** Told of every role that has been started; for tests, which kill some. */
  readonly on_start?: ((spec: RoleSpec, handle: RoleHandle) => void) | undefined
}

/** An error that ended a role, and how far the role had come. */
interface Failed {
  readonly message: string
  readonly reached: number
}

/** A place in the run and who fills it. */
interface Slot {
  spec: RoleSpec
  handle: RoleHandle
  /** Heartbeats missed in a row; counted from the start on, for one that has not been heard yet. */
  missed: number
  heard: RoleStatus | undefined
  /** The progress at the last tick since which it was heard. */
  progress: number | undefined
  /** Ticks in a row by which it had been heard, worked and got no further. */
  stuck: number
  /** It has left of itself, as roles do when the run is over. */
  left: boolean
  /** Replacements in a row without progress, or for the same error at the same place. */
  failures: number
  /** The error that ended the one before. */
  before: Failed | undefined
}

/** Seconds that roles may take to end in order. */
const LEAVE_SECONDS = 10

/** Keeps the roles of a run on this machine going: starts them, listens for their heartbeats, replaces those that die or hang. */
export class Supervisor {
  private readonly slots = new Map<string, Slot>()
  private readonly timer: NodeJS.Timeout
  private readonly ends: (() => void)[]
  /** Pulses sent, and the last that came back: while they do not, nothing is heard of anybody, and nobody is to blame. */
  private readonly pulse = { name: randomUUID(), sent: 0, back: 0 }
  private settle: { resolve(report: LearnerReport): void; reject(error: Error): void } | undefined
  private ending = false
  /** Members that were replaced: what they still say does not count. */
  private readonly replaced = new Set<string>()

  constructor(private readonly options: SupervisorOptions) {
    const { exchange, settings } = options
    this.ends = [
      exchange.control.subscribe(TOPICS.status, (status) => this.hear(status as RoleStatus)),
      exchange.control.subscribe(TOPICS.pulse, (message) => {
        const { of, number } = message as { of: string; number: number }
        if (of === this.pulse.name) this.pulse.back = number
      }),
    ]
    this.timer = setInterval(() => this.tick(), settings.heartbeat_seconds * 1000)
  }

  /** Runs everything until the learner has ended. @throws what no replacement can mend, or what happened too often */
  async run(): Promise<LearnerReport> {
    const report = new Promise<LearnerReport>((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    report.catch(() => undefined)
    const collectors = Array.from({ length: this.options.settings.collector_num }, (_, i) => `collector${i}`)
    await this.start({ role: 'learner', id: 'learner', incarnation: 0 }, 0)
    await this.start({ role: 'evaluator', id: 'evaluator', incarnation: 0 }, 0)
    for (const id of collectors) await this.start({ role: 'collector', id, incarnation: 0 }, 0)
    try {
      return await report
    } finally {
      this.ending = true
      await this.leave(() => true)
    }
  }

  /** Ends the run in order: collectors first, so that the learner can take in all that they have sent. */
  async interrupt(): Promise<void> {
    this.ending = true
    await this.leave(({ role }) => role === 'collector')
    this.slots.get('learner')?.handle.stop()
  }

  close(): void {
    clearInterval(this.timer)
    for (const end of this.ends) end()
  }

  private async start(spec: RoleSpec, failures: number, before?: Failed): Promise<void> {
    const handle = await this.options.spawner.spawn(spec)
    const slot: Slot = {
      spec,
      handle,
      missed: 0,
      heard: undefined,
      progress: undefined,
      stuck: 0,
      left: false,
      failures,
      before,
    }
    this.slots.set(spec.id, slot)
    this.options.on_start?.(spec, handle)
    void handle.ended.then((ending) => this.ended(slot, ending))
  }

  private memberOf({ id, incarnation }: RoleSpec): string {
    return `${id}.${incarnation}`
  }

  private hear(status: RoleStatus): void {
    if (this.replaced.has(status.member)) return
    this.options.board.hear(status, performance.now() / 1000)
    for (const slot of this.slots.values()) {
      if (this.memberOf(slot.spec) !== status.member) continue
      slot.missed = 0
      slot.heard = status
    }
  }

  private tick(): void {
    const { settings } = this.options
    if (!this.busCarries()) {
      for (const slot of this.slots.values()) if (slot.heard !== undefined) slot.missed = 0
      return
    }
    for (const slot of this.slots.values()) {
      const { heard } = slot
      if (heard !== undefined && slot.missed === 0) {
        const further = heard.state !== 'working' || heard.progress !== slot.progress
        slot.stuck = further ? 0 : slot.stuck + 1
        slot.progress = heard.progress
      }
      const patience =
        heard === undefined ? settings.start_timeout / settings.heartbeat_seconds : settings.missed_heartbeats
      if (++slot.missed > patience) {
        const what = heard === undefined ? 'did not start in time' : `missed ${slot.missed} heartbeats`
        void this.replace(slot, slot.left ? 'left before the run was over' : what)
      } else if (slot.stuck > settings.stuck_heartbeats) {
        void this.replace(slot, `got no further for ${slot.stuck} heartbeats`)
      }
    }
  }

  /** Whether what was said last came through the exchange and back: a server may be away, and roles wait for it. */
  private busCarries(): boolean {
    const { pulse } = this
    const carries = pulse.back === pulse.sent
    try {
      this.options.exchange.control.announce(TOPICS.pulse, { of: pulse.name, number: ++pulse.sent })
    } catch {
      // The exchange is closed for good: the roles fail with the reason.
    }
    return carries
  }

  private async ended(slot: Slot, ending: Ending): Promise<void> {
    if (this.slots.get(slot.spec.id) !== slot) return
    if (ending.how === 'done') {
      if (slot.spec.role === 'learner') this.settle?.resolve(ending.value as LearnerReport)
      // Roles leave when the learner ends, maybe before it has said so. One that left too early is missed.
      slot.left = true
      return
    }
    if (this.ending && slot.spec.role !== 'learner') return
    if (ending.how === 'failed' && isFinal(ending.error)) {
      this.settle?.reject(ending.error)
      return
    }
    const reason = ending.how === 'failed' ? `failed (${ending.error.message})` : ending.reason
    await this.replace(slot, reason, ending.how === 'failed' ? ending.error : undefined)
  }

  private async replace(slot: Slot, reason: string, cause?: Error): Promise<void> {
    const { spec } = slot
    if (this.slots.get(spec.id) !== slot) return
    const { board, logger, settings } = this.options
    const failed = cause === undefined ? undefined : { message: cause.message, reached: reachedBy(slot) }
    const again = failed !== undefined && isSame(failed, slot.before)
    const got_far = (slot.heard?.progress ?? 0) > 0
    const failures = got_far && !again ? 1 : slot.failures + 1
    this.slots.delete(spec.id)
    this.replaced.add(this.memberOf(spec))
    board.forget(this.memberOf(spec))
    await slot.handle.kill()
    if (this.ending && spec.role !== 'learner') return
    if (failures > settings.max_restarts) {
      const came = got_far ? 'always came to the same end' : 'got nowhere'
      const text = `The ${spec.role} "${spec.id}" was started ${failures} times and ${came}; the last time it ${reason}.`
      this.settle?.reject(new ExchangeError(text, { cause }))
      return
    }
    board.restarts[spec.id] = (board.restarts[spec.id] ?? 0) + 1
    logger.warn(`The ${spec.role} "${spec.id}" ${reason}; it is replaced and the run goes on.`)
    try {
      await this.start({ ...spec, incarnation: spec.incarnation + 1 }, failures, failed)
    } catch (error) {
      this.settle?.reject(error as Error)
      return
    }
    // The run is being interrupted: the new learner only takes in what there is, and saves.
    if (this.ending) this.slots.get(spec.id)?.handle.stop()
  }

  /** Asks roles to leave, and ends those that do not. */
  private async leave(which: (spec: RoleSpec) => boolean): Promise<void> {
    const slots = [...this.slots.values()].filter(({ spec }) => which(spec))
    for (const { handle } of slots) handle.stop()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_SECONDS * 1000)
    })
    await Promise.race([Promise.all(slots.map(({ handle }) => handle.ended)), late])
    clearTimeout(timer)
    for (const { spec, handle } of slots) {
      this.slots.delete(spec.id)
      await handle.kill()
    }
  }
}

/** Whether starting anew would give the same error. Environments and connections may break for a while. */
function isFinal(error: Error): boolean {
  return error instanceof DingError && !(error instanceof EnvError) && !(error instanceof ExchangeError)
}

/** How far a role came, in what a later start of it goes on from, or has to get to again. */
function reachedBy({ spec, heard }: Slot): number {
  const details = heard?.details ?? {}
  if (spec.role === 'learner') return details['train_iter'] ?? 0
  return (spec.role === 'evaluator' ? details['evaluations'] : heard?.progress) ?? 0
}

/** Whether a role failed as the one before it, and got no further. */
function isSame({ message, reached }: Failed, before: Failed | undefined): boolean {
  return before !== undefined && message === before.message && reached <= before.reached
}
