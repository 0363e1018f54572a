import { setTimeout as sleep } from 'node:timers/promises'
import { EnvError } from '../../utils/index.js'
import { ActionError } from '../action_error.js'
import type { EnvFactory } from '../create_env.js'
import type { ReplayOptions } from '../render/types.js'
import { type Space, spaceFromJSON } from '../spaces/index.js'
import type { Obs } from '../types.js'
import type { EnvManagerConfig } from './config.js'
import { type CreatedEnv, type EnvCall, type EnvFailure, type EnvReply, toError } from './executor.js'
import { type EnvHost, timerDelay } from './host.js'
import type { HostPool } from './pool.js'
import type { EnvSlot } from './slots.js'
import type { ResetParam } from './types.js'

/** The spaces of a manager's envs. */
export interface EnvSpaces {
  readonly observation: Space
  readonly action: Space
  readonly reward: Space
}

interface Replay {
  readonly path: string
  readonly options: ReplayOptions
}

/** Makes the envs of a manager, resets them, and brings back those that fail, within their retries. */
export class EnvLifecycle {
  /** Those of the first env that was made. */
  spaces: EnvSpaces | undefined
  private replay: Replay | undefined

  /** @param connectTimeout seconds for making an env; null: any time */
  constructor(
    private readonly slots: readonly EnvSlot[],
    private readonly pool: HostPool,
    private readonly envs: readonly EnvFactory[],
    private readonly settings: EnvManagerConfig,
    private readonly connectTimeout: number | null,
  ) {}

  /** Every env records its episodes from here on. @param launched whether there are envs already */
  async saveReplay(replay: Replay, launched: boolean): Promise<void> {
    this.replay = replay
    if (launched) await this.sendReplay(this.slots)
  }

  /** Makes these envs, each in its host, and learns their spaces. @throws EnvError for the first that cannot be made */
  async create(slots: readonly EnvSlot[]): Promise<void> {
    const calls = slots.map(({ id }): EnvCall => ({ op: 'create', id, factory: this.envs[id]! }))
    const replies = await this.pool.call(calls, this.connectTimeout)
    for (const [i, slot] of slots.entries()) {
      const created = answerOf(slot.id, replies[i]!, 'creating it') as CreatedEnv
      this.spaces ??= {
        observation: spaceFromJSON(created.observation_space),
        action: spaceFromJSON(created.action_space),
        reward: spaceFromJSON(created.reward_space),
      }
      slot.state = 'INIT'
      slot.seedPending = true
    }
    await this.sendReplay(slots)
  }

  /** Resets these envs, and those that fail again within their retries. */
  async reset(slots: readonly EnvSlot[], param: ResetParam): Promise<void> {
    for (const slot of slots) {
      slot.episodes = 0
      slot.lost = undefined
    }
    await this.bringBack(await this.tryReset(slots, param), param)
  }

  /** After failed steps, or failed resets right after one: the episodes are lost, the envs are brought back. */
  async recover(broken: ReadonlyMap<EnvSlot, EnvFailure>): Promise<void> {
    for (const [{ id }, failure] of broken) {
      if (failure.name === ActionError.name) {
        throw new ActionError(`Env ${id}: ${failure.message}`, { cause: toError(failure) })
      }
    }
    await this.bringBack(broken, {})
    if (this.settings.auto_reset) return
    for (const slot of broken.keys()) {
      slot.state = 'NEED_RESET'
      slot.ready_obs = undefined
    }
  }

  /** Brings failed envs back to RUN, within their retries: renews what has to be, resets, and again. */
  private async bringBack(failed: ReadonlyMap<EnvSlot, EnvFailure>, param: ResetParam): Promise<void> {
    let open = new Map(failed)
    while (open.size > 0) {
      for (const [slot, failure] of open) this.countFailure(slot, failure)
      await sleep(timerDelay(this.settings.retry_waiting_time))
      const resetting = new Set(open.keys())
      const lostHosts = new Map<EnvHost, EnvSlot>()
      for (const [slot, failure] of open) {
        const host = this.pool.hostOf(slot.id)
        if (failure.gone === 'host' && !lostHosts.has(host)) lostHosts.set(host, slot)
      }
      for (const [host, culprit] of lostHosts) {
        for (const bystander of await this.renewHost(host, culprit, open)) resetting.add(bystander)
      }
      const renewing = [...open].filter(
        ([slot, failure]) =>
          !lostHosts.has(this.pool.hostOf(slot.id)) &&
          (failure.gone === 'env' || this.settings.retry_type === 'renew'),
      )
      await this.renew(renewing.map(([slot]) => slot))
      open = await this.tryReset([...resetting], param)
    }
  }

  private countFailure(slot: EnvSlot, failure: EnvFailure): void {
    slot.failures++
    if (slot.failures <= this.settings.max_retry) return
    slot.state = 'ERROR'
    throw new EnvError(
      `Env ${slot.id} failed ${slot.failures} times in a row, more than max_retry (${this.settings.max_retry}) allows. ` +
        `The last failure: ${failure.message}`,
      { cause: toError(failure) },
    )
  }

  private async renew(slots: readonly EnvSlot[]): Promise<void> {
    for (const slot of slots) slot.restarts++
    await this.create(slots)
  }

  /**
   * Replaces a lost host and makes its envs anew. Returns those that lost a running episode without having failed
   * themselves: they report it at their next step.
   */
  private async renewHost(
    host: EnvHost,
    culprit: EnvSlot,
    failed: ReadonlyMap<EnvSlot, EnvFailure>,
  ): Promise<EnvSlot[]> {
    const tenants = this.slots.filter((slot) => this.pool.hostOf(slot.id) === host)
    const states = tenants.map((slot) => slot.state)
    await host.restart()
    await this.renew(tenants)
    const bystanders: EnvSlot[] = []
    for (const [i, slot] of tenants.entries()) {
      slot.state = states[i]!
      if (failed.has(slot) || slot.state !== 'RUN') continue
      slot.lost = `its worker was lost with env ${culprit.id}, which shares it`
      bystanders.push(slot)
    }
    return bystanders
  }

  /** One attempt to reset these envs; returns those that failed. */
  async tryReset(slots: readonly EnvSlot[], param: ResetParam): Promise<Map<EnvSlot, EnvFailure>> {
    for (const slot of slots) slot.state = 'RESET'
    const failed = new Map<EnvSlot, EnvFailure>()
    const send = async (
      wanted: readonly EnvSlot[],
      toCall: (slot: EnvSlot) => EnvCall,
      then: (slot: EnvSlot, value: unknown) => void,
    ) => {
      const replies = await this.pool.call(wanted.map(toCall), this.settings.reset_timeout)
      for (const [i, slot] of wanted.entries()) {
        const reply = replies[i]!
        if ('ok' in reply) then(slot, reply.ok)
        else failed.set(slot, reply.failed)
      }
    }
    await send(
      slots.filter((slot) => slot.seedPending),
      (slot) => ({ op: 'seed', id: slot.id, seed: slot.currentSeed(), dynamic: slot.dynamic }),
      (slot) => {
        slot.seedPending = false
      },
    )
    await send(
      slots.filter((slot) => !failed.has(slot)),
      ({ id }) => ({ op: 'reset', id, options: param[id] ?? {} }),
      (slot, obs) => slot.run(obs as Obs),
    )
    return failed
  }

  private async sendReplay(slots: readonly EnvSlot[]): Promise<void> {
    const { replay } = this
    if (replay === undefined) return
    const calls = slots.map(({ id }): EnvCall => ({ op: 'save_replay', id, ...replay }))
    const replies = await this.pool.call(calls, this.settings.reset_timeout)
    for (const [i, { id }] of calls.entries()) answerOf(id, replies[i]!, 'enable_save_replay')
  }
}

/** What an env answered. @throws EnvError where it failed */
export function answerOf(id: number, reply: EnvReply, where: string): unknown {
  if ('ok' in reply) return reply.ok
  throw new EnvError(`Env ${id}: ${where} failed: ${reply.failed.message}`, {
    cause: toError(reply.failed),
  })
}
