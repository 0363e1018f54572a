import { setTimeout as sleep } from 'node:timers/promises'
import { CheckpointError, EnvError, type StateTree } from '../../utils/index.js'
import { ActionError } from '../action_error.js'
import type { EnvFactory } from '../create_env.js'
import { stateNumber, stateRecord } from '../env_state.js'
import { type Space, spaceFromJSON } from '../spaces/index.js'
import type { Action, EnvTimestep, Obs } from '../types.js'
import type { EnvManagerConfig } from './config.js'
import {
  type CreatedEnv,
  type EnvCall,
  type EnvFailure,
  type EnvReply,
  type StepReply,
  toError,
} from './executor.js'
import type { EnvHost } from './host.js'
import { HostPool } from './pool.js'
import { EnvSlot } from './slots.js'
import type { EnvManager, EnvState, ResetParam } from './types.js'

/**
 * The one env manager: states, seeds, retries and saved state. Where the envs live is the hosts' business, so that all
 * managers behave alike. Results never depend on the timing of threads: every call waits for all its envs.
 */
export abstract class HostedEnvManager implements EnvManager {
  readonly env_num: number
  private readonly slots: EnvSlot[]
  private readonly pool: HostPool
  private spaces: { observation: Space; action: Space; reward: Space } | undefined
  private launched = false
  private replayPath: string | undefined

  /**
   * @param envs how to make each env
   * @param connectTimeout seconds for making an env; null: any time
   * @param envsPerHost how many consecutive ids live in one host
   */
  protected constructor(
    private readonly envs: readonly EnvFactory[],
    protected readonly settings: EnvManagerConfig,
    private readonly connectTimeout: number | null,
    envsPerHost: number,
  ) {
    if (envs.length === 0) throw new EnvError('An env manager needs at least one env, got an empty list')
    this.env_num = envs.length
    this.slots = envs.map((_, id) => new EnvSlot(id))
    this.pool = new HostPool([...envs.keys()], envsPerHost, () => this.createHost())
  }

  protected abstract createHost(): EnvHost

  get closed(): boolean {
    return !this.launched
  }

  get observation_space(): Space {
    return this.knownSpaces().observation
  }

  get action_space(): Space {
    return this.knownSpaces().action
  }

  get reward_space(): Space {
    return this.knownSpaces().reward
  }

  get ready_obs_id(): number[] {
    return this.slots.filter((slot) => slot.state === 'RUN').map((slot) => slot.id)
  }

  get ready_obs(): Record<number, Obs> {
    return Object.fromEntries(this.ready_obs_id.map((id) => [id, this.slots[id]!.ready_obs as Obs]))
  }

  get active_env(): number[] {
    return this.slots.filter(({ state }) => state !== 'DONE' && state !== 'VOID').map((slot) => slot.id)
  }

  get env_states(): Record<number, EnvState> {
    return Object.fromEntries(this.slots.map((slot) => [slot.id, slot.state]))
  }

  get done(): boolean {
    return this.slots.every((slot) => slot.state === 'DONE')
  }

  seed(seed: number | readonly number[] | Readonly<Record<number, number>>, dynamic_seed = true): void {
    for (const slot of this.slots) {
      const own =
        typeof seed === 'number' ? seed + slot.id : (seed as Readonly<Record<number, number>>)[slot.id]
      if (own === undefined && !Array.isArray(seed)) continue
      if (!Number.isSafeInteger(own)) {
        throw new EnvError(
          `seed(): env ${slot.id} would get the seed ${own}, expected an integer for each of ${this.env_num} envs`,
        )
      }
      slot.setSeed(own as number, dynamic_seed)
    }
  }

  async launch(reset_param: ResetParam = {}): Promise<void> {
    if (this.launched) throw new EnvError('launch(): the env manager is launched already; close() it first')
    await this.createAll()
    await this.resetSlots(this.slots, reset_param)
  }

  async reset(reset_param?: ResetParam): Promise<void> {
    if (!this.launched) return this.launch(reset_param)
    const wanted =
      reset_param === undefined ? this.slots : Object.keys(reset_param).map((id) => this.slotOf(id, 'reset'))
    await this.resetSlots(wanted, reset_param ?? {})
  }

  async step(actions: Readonly<Record<number, Action>>): Promise<Record<number, EnvTimestep>> {
    if (!this.launched) throw new EnvError('step(): the env manager is not launched; call launch() first')
    const slots = Object.keys(actions).map((id) => this.slotOf(id, 'step'))
    for (const { id, state } of slots) {
      if (state !== 'RUN')
        throw new EnvError(`step(): env ${id} is in state ${state} and takes no step; reset it first`)
    }
    const timesteps = new Map<EnvSlot, EnvTimestep>()
    const calls: EnvCall[] = []
    for (const slot of slots) {
      if (slot.lost !== undefined) {
        timesteps.set(slot, slot.abnormal(slot.lost))
        slot.lost = undefined
      } else {
        const auto_reset = this.settings.auto_reset && slot.episodes + 1 < this.settings.episode_num
        calls.push({ op: 'step', id: slot.id, action: actions[slot.id]!, auto_reset })
      }
    }
    const replies = await this.pool.call(calls, this.settings.step_timeout)
    const broken = new Map<EnvSlot, EnvFailure>()
    for (const [i, reply] of replies.entries()) {
      const slot = this.slots[calls[i]!.id]!
      if ('ok' in reply) {
        const { timestep, next_obs, reset_failed } = reply.ok as StepReply
        timesteps.set(slot, timestep)
        this.afterStep(slot, timestep, next_obs)
        if (reset_failed !== undefined) broken.set(slot, reset_failed)
      } else {
        timesteps.set(slot, slot.abnormal(reply.failed.message))
        broken.set(slot, reply.failed)
      }
    }
    if (broken.size > 0) await this.recover(broken)
    const out: Record<number, EnvTimestep> = {}
    for (const slot of slots) out[slot.id] = timesteps.get(slot)!
    return out
  }

  async random_action(): Promise<Record<number, Action>> {
    const calls = this.ready_obs_id.map((id): EnvCall => ({ op: 'random_action', id }))
    const replies = await this.pool.call(calls, this.settings.step_timeout)
    return Object.fromEntries(
      calls.map(({ id }, i) => [id, this.valueOf(id, replies[i]!, 'random_action') as Action]),
    )
  }

  async enable_save_replay(path: string): Promise<void> {
    this.replayPath = path
    if (this.launched) await this.sendReplayPath(this.slots, path)
  }

  async close(): Promise<void> {
    if (!this.launched) return
    this.launched = false
    await this.pool.close()
    for (const slot of this.slots) {
      slot.state = 'VOID'
      slot.ready_obs = undefined
      slot.lost = undefined
      slot.seedPending = true
    }
  }

  async state_dict(): Promise<StateTree> {
    const replies = this.launched
      ? await this.pool.call(
          this.slots.map(({ id }): EnvCall => ({ op: 'state', id })),
          this.settings.reset_timeout,
        )
      : []
    const envs = this.slots.map((slot) => {
      const reply = replies[slot.id]
      const own =
        reply === undefined ? null : (this.valueOf(slot.id, reply, 'state_dict') as StateTree | null)
      return [String(slot.id), slot.save(own)] as const
    })
    return { env_num: this.env_num, launched: this.launched, envs: Object.fromEntries(envs) }
  }

  async load_state_dict(state: StateTree): Promise<void> {
    const saved = stateNumber(state, 'env_num', 'the env manager')
    if (saved !== this.env_num) {
      throw new CheckpointError(`The saved state is of ${saved} envs, this env manager has ${this.env_num}`)
    }
    if (state['launched'] === true && !this.launched) await this.createAll()
    const envs = stateRecord(state, 'envs', 'the env manager')
    const restarting: EnvSlot[] = []
    for (const slot of this.slots) {
      const own = slot.load(envs[String(slot.id)])
      if (state['launched'] !== true) continue
      if (own === null) {
        if (slot.state === 'RUN') restarting.push(slot)
        slot.seedPending = true
        continue
      }
      const call: EnvCall = { op: 'load_state', id: slot.id, state: own }
      const [reply] = await this.pool.call([call], this.settings.reset_timeout)
      this.valueOf(slot.id, reply!, 'load_state_dict')
    }
    // An env that cannot save itself starts a new episode; the one that ran is reported as lost.
    for (const slot of restarting) {
      await this.resetSlots([slot], {})
      slot.lost = 'the env cannot save itself in mid-episode, so its episode ended with the saved run'
    }
  }

  private knownSpaces() {
    if (this.spaces === undefined) throw new EnvError('The spaces are known once the env manager is launched')
    return this.spaces
  }

  private slotOf(id: string, where: string): EnvSlot {
    const slot = this.slots[Number(id)]
    if (slot === undefined)
      throw new EnvError(`${where}(): there is no env ${id}; ids go from 0 to ${this.env_num - 1}`)
    return slot
  }

  private valueOf(id: number, reply: EnvReply, where: string): unknown {
    if ('ok' in reply) return reply.ok
    throw new EnvError(`Env ${id}: ${where} failed: ${reply.failed.message}`, {
      cause: toError(reply.failed),
    })
  }

  private async sendReplayPath(slots: readonly EnvSlot[], path: string): Promise<void> {
    const calls = slots.map(({ id }): EnvCall => ({ op: 'save_replay', id, path }))
    const replies = await this.pool.call(calls, this.settings.reset_timeout)
    for (const [i, { id }] of calls.entries()) this.valueOf(id, replies[i]!, 'enable_save_replay')
  }

  private async createAll(): Promise<void> {
    this.launched = true
    this.pool.open()
    try {
      await this.create(this.slots)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  private async create(slots: readonly EnvSlot[]): Promise<void> {
    const calls = slots.map(({ id }): EnvCall => ({ op: 'create', id, factory: this.envs[id]! }))
    const replies = await this.pool.call(calls, this.connectTimeout)
    for (const [i, slot] of slots.entries()) {
      const created = this.valueOf(slot.id, replies[i]!, 'creating it') as CreatedEnv
      this.spaces ??= {
        observation: spaceFromJSON(created.observation_space),
        action: spaceFromJSON(created.action_space),
        reward: spaceFromJSON(created.reward_space),
      }
      slot.state = 'INIT'
      slot.seedPending = true
    }
    if (this.replayPath !== undefined) await this.sendReplayPath(slots, this.replayPath)
  }

  private async resetSlots(slots: readonly EnvSlot[], param: ResetParam): Promise<void> {
    for (const slot of slots) {
      slot.episodes = 0
      slot.lost = undefined
    }
    await this.bringBack(await this.tryReset(slots, param), param)
  }

  /** One attempt to reset these envs; returns those that failed. */
  private async tryReset(slots: readonly EnvSlot[], param: ResetParam): Promise<Map<EnvSlot, EnvFailure>> {
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

  private afterStep(slot: EnvSlot, timestep: EnvTimestep, nextObs: Obs | undefined): void {
    if (!timestep.done) {
      slot.ready_obs = timestep.obs
      return
    }
    slot.failures = 0
    slot.episodes++
    if (nextObs !== undefined) slot.run(nextObs)
    else {
      slot.ready_obs = undefined
      slot.state = slot.episodes >= this.settings.episode_num ? 'DONE' : 'NEED_RESET'
    }
  }

  /** After failed steps, or failed resets right after one: the episodes are lost, the envs are brought back. */
  private async recover(broken: ReadonlyMap<EnvSlot, EnvFailure>): Promise<void> {
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
      await sleep(this.settings.retry_waiting_time * 1000)
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
}
