import type { EnvCall, EnvReply } from './executor.js'
import { closedError, type EnvHost } from './host.js'

/** The hosts of a manager's envs: consecutive ids share one. */
export class HostPool {
  private hosts: EnvHost[] = []

  /**
   * @param ids of all envs, ascending from 0
   * @param perHost how many live in one host
   */
  constructor(
    private readonly ids: readonly number[],
    private readonly perHost: number,
    private readonly createHost: () => EnvHost,
  ) {}

  open(): void {
    for (let first = 0; first < this.ids.length; first += this.perHost) this.hosts.push(this.createHost())
  }

  async close(): Promise<void> {
    const hosts = this.hosts
    this.hosts = []
    await Promise.all(
      hosts.map((host, i) => {
        const ids = this.ids.slice(i * this.perHost, (i + 1) * this.perHost)
        return host.close(ids.map((id): EnvCall => ({ op: 'close', id })))
      }),
    )
  }

  hostOf(id: number): EnvHost {
    return this.hosts[Math.floor(id / this.perHost)]!
  }

  /**
   * Sends every call to its env's host, all hosts at once, and waits for all. Replies in order of the calls.
   * `timeout`: seconds for each call; null: none.
   * @throws EnvError when the pool is closed, or closes before the calls are over
   */
  async call(calls: readonly EnvCall[], timeout: number | null): Promise<EnvReply[]> {
    if (calls.length === 0) return []
    if (this.hosts.length === 0) throw closedError()
    if (this.hosts.length === 1) return this.hosts[0]!.call(calls, timeout)
    const groups = new Map<EnvHost, number[]>()
    for (const [i, { id }] of calls.entries()) {
      const host = this.hostOf(id)
      const group = groups.get(host)
      if (group === undefined) groups.set(host, [i])
      else group.push(i)
    }
    const replies = new Array<EnvReply>(calls.length)
    const outcomes = await Promise.allSettled(
      [...groups].map(async ([host, group]) => {
        const answers = await host.call(
          group.map((i) => calls[i]!),
          timeout,
        )
        for (const [k, i] of group.entries()) replies[i] = answers[k]!
      }),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return replies
  }
}
