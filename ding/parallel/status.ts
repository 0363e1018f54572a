import type { RoleStatus } from './topics.js'

/** One role as the status shows it. */
export interface RoleLine extends RoleStatus {
  /** Progress a second, over the last status period. */
  readonly per_second: number
  /** Versions that it is behind the newest parameters. */
  readonly lag: number
}

/** A whole run at one moment. */
export interface RunStatus {
  readonly roles: readonly RoleLine[]
  readonly queue: { readonly messages: number; readonly bytes: number }
  /** Train iterations and env steps a second, over the last status period. */
  readonly train_iter_per_second: number
  readonly env_step_per_second: number
  /** How often each role has been replaced. */
  readonly restarts: Readonly<Record<string, number>>
}

interface Heard {
  status: RoleStatus
  /** At the last look. */
  before: { progress: number; train_iter: number; env_step: number; time: number }
}

const number = (details: RoleStatus['details'], name: string) => Number(details[name] ?? 0)

/** Keeps what the roles of a run say of themselves. */
export class StatusBoard {
  private readonly heard = new Map<string, Heard>()
  readonly restarts: Record<string, number> = {}

  /** @param now in seconds */
  hear(status: RoleStatus, now: number): void {
    const known = this.heard.get(status.member)
    if (known !== undefined) known.status = status
    else this.heard.set(status.member, { status, before: { ...countsOf(status), time: now } })
  }

  /** A role that has gone is shown no longer. */
  forget(member: string): void {
    this.heard.delete(member)
  }

  get learner(): RoleStatus | undefined {
    return [...this.heard.values()].find(({ status }) => status.role === 'learner')?.status
  }

  /** Where the run is. Rates are since the last look. @param now in seconds */
  look(queue: RunStatus['queue'], now: number): RunStatus {
    const version = this.learner?.version ?? 0
    const rates = { train_iter: 0, env_step: 0 }
    const roles = [...this.heard.values()].map((heard): RoleLine => {
      const { status, before } = heard
      const counts = countsOf(status)
      const seconds = Math.max(1e-3, now - before.time)
      if (status.role === 'learner') {
        rates.train_iter = (counts.train_iter - before.train_iter) / seconds
        rates.env_step = (counts.env_step - before.env_step) / seconds
      }
      heard.before = { ...counts, time: now }
      const lag = status.role === 'collector' ? Math.max(0, version - status.version) : 0
      return { ...status, per_second: (counts.progress - before.progress) / seconds, lag }
    })
    return {
      roles,
      queue,
      train_iter_per_second: rates.train_iter,
      env_step_per_second: rates.env_step,
      restarts: { ...this.restarts },
    }
  }
}

function countsOf({ progress, details }: RoleStatus) {
  return { progress, train_iter: number(details, 'train_iter'), env_step: number(details, 'env_step') }
}

/** A run's status in a few lines of text. */
export function renderStatus(status: RunStatus): string {
  const { roles, queue, train_iter_per_second, env_step_per_second, restarts } = status
  const learner = roles.find(({ role }) => role === 'learner')
  const collectors = roles.filter(({ role }) => role === 'collector')
  const evaluators = roles.filter(({ role }) => role === 'evaluator')
  const lines: string[] = []
  if (learner === undefined) lines.push('learner: not there')
  else {
    const { details, version, state } = learner
    const get = (name: string) => number(details, name)
    lines.push(
      `learner ${state}: train iter ${get('train_iter')} (${rate(train_iter_per_second)}), env step ${get('env_step')} ` +
        `(${rate(env_step_per_second)}), version ${version}, buffer ${get('buffer')}, samples per insert ` +
        `${get('samples_per_insert').toFixed(2)}, staleness ${get('staleness')}`,
      `queue: ${queue.messages} chunks, ${(queue.bytes / 1024).toFixed(0)} KiB; duplicates ${get('duplicates')}, dropped as stale ` +
        `${get('stale_transitions')}, set aside ${get('set_aside')}`,
    )
  }
  const collecting = collectors.filter(({ state }) => state === 'working').length
  const speed = collectors.reduce((sum, { per_second }) => sum + per_second, 0)
  const lags = collectors.map(({ lag }) => lag)
  lines.push(
    `collectors: ${collectors.length} (${collecting} at work), ${rate(speed)}, lag ${lags.length === 0 ? 0 : Math.max(...lags)} versions`,
    `evaluators: ${evaluators.map(({ state }) => state).join(', ') || 'none'}`,
  )
  const replaced = Object.entries(restarts)
  if (replaced.length > 0)
    lines.push(`replaced: ${replaced.map(([id, times]) => `${id} ${times} times`).join(', ')}`)
  return lines.join('\n')
}

function rate(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)}/s`
}
