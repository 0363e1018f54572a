import { CheckpointError, EnvError, type StateTree } from '../../utils/index.js'
import type { EnvFactory } from '../create_env.js'
import { holdsEpisode, stateNumber, stateRecord } from '../env_state.js'
import type { ReplayOptions } from '../render/types.js'
import type { Space } from '../spaces/index.js'
import type { Action, EnvTimestep, Obs } from '../types.js'
import type { EnvManagerConfig } from './config.js'
import type { EnvCall, EnvFailure } from './executor.js'
import type { EnvHost } from './host.js'
import { answerOf, EnvLifecycle, type EnvSpaces } from './lifecycle.js'
import { HostPool } from './pool.js'
import { EnvSlot } from './slots.js'
import type { EnvManager, EnvState, ResetParam } from './types.js'

/**
 * The one env manager: states, seeds, steps and saved state; {@link EnvLifecycle} has the making, resets and retries. Where the envs live is the hosts' business, so that all
 * managers behave alike. Results never depend on the timing of threads: every call waits for all its envs.
 */
export abstract class HostedEnvManager implements EnvManager {
  readonly env_num: number
  private readonly slots: EnvSlot[]
  private readonly pool: HostPool
  private readonly lifecycle: EnvLifecycle
  private launched = false

  /**
   * @param envs how to make each env
   * @param connectTimeout seconds for making an env; null: any time
   * @param envsPerHost how many consecutive ids live in one host
   */
  protected constructor(
    envs: readonly EnvFactory[],
    protected readonly settings: EnvManagerConfig,
    connectTimeout: number | null,
    envsPerHost: number,
  ) {
    if (envs.length === 0) throw new EnvError('An env manager needs at least one env, got an empty list')
    this.env_num = envs.length
    this.slots = envs.map((_, id) => new EnvSlot(id))
    this.pool = new HostPool([...envs.keys()], envsPerHost, () => this.createHost())
    this.lifecycle = new EnvLifecycle(this.slots, this.pool, envs, settings, connectTimeout)
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
    try {
      await this.lifecycle.reset(this.slots, reset_param)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async reset(reset_param?: ResetParam): Promise<void> {
    if (!this.launched) return this.launch(reset_param)
    const wanted =
      reset_param === undefined ? this.slots : Object.keys(reset_param).map((id) => this.slotOf(id, 'reset'))
    await this.lifecycle.reset(wanted, reset_param ?? {})
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
        calls.push({ op: 'step', id: slot.id, action: actions[slot.id]! })
      }
    }
    const replies = await this.pool.call(calls, this.settings.step_timeout)
    const broken = new Map<EnvSlot, EnvFailure>()
    const ended: EnvSlot[] = []
    for (const [i, reply] of replies.entries()) {
      const slot = this.slots[calls[i]!.id]!
      if ('ok' in reply) {
        const timestep = reply.ok as EnvTimestep
        timesteps.set(slot, timestep)
        this.afterStep(slot, timestep)
        if (slot.state === 'NEED_RESET' && this.settings.auto_reset) ended.push(slot)
      } else {
        timesteps.set(slot, slot.abnormal(reply.failed.message, reply.failed.stack))
        broken.set(slot, reply.failed)
      }
    }
    // Resets are calls of their own, so that step_timeout holds for steps only and reset_timeout for every reset.
    if (ended.length > 0) {
      for (const [slot, failure] of await this.lifecycle.tryReset(ended, {})) broken.set(slot, failure)
    }
    if (broken.size > 0) await this.lifecycle.recover(broken)
    const out: Record<number, EnvTimestep> = {}
    for (const slot of slots) out[slot.id] = timesteps.get(slot)!
    return out
  }

  async random_action(): Promise<Record<number, Action>> {
    const calls = this.ready_obs_id.map((id): EnvCall => ({ op: 'random_action', id }))
    const replies = await this.pool.call(calls, this.settings.step_timeout)
    return Object.fromEntries(
      calls.map(({ id }, i) => [id, answerOf(id, replies[i]!, 'random_action') as Action]),
    )
  }

  async enable_save_replay(path: string, options: ReplayOptions = {}): Promise<void> {
    await this.lifecycle.saveReplay({ path, options }, this.launched)
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
      const own = reply === undefined ? null : (answerOf(slot.id, reply, 'state_dict') as StateTree | null)
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
      if (own !== null) {
        const call: EnvCall = { op: 'load_state', id: slot.id, state: own }
        const [reply] = await this.pool.call([call], this.settings.reset_timeout)
        answerOf(slot.id, reply!, 'load_state_dict')
      }
      if (holdsEpisode(own)) continue
      if (slot.state === 'RUN') restarting.push(slot)
      slot.seedPending = true
    }
    // An env that cannot save itself starts a new episode; the one that ran is reported as lost.
    for (const slot of restarting) {
      await this.lifecycle.reset([slot], {})
      slot.lost = 'the env cannot save itself in mid-episode, so its episode ended with the saved run'
    }
  }

  private knownSpaces(): EnvSpaces {
    const { spaces } = this.lifecycle
    if (spaces === undefined) throw new EnvError('The spaces are known once the env manager is launched')
    return spaces
  }

  private slotOf(id: string, where: string): EnvSlot {
    const slot = this.slots[Number(id)]
    if (slot === undefined)
      throw new EnvError(`${where}(): there is no env ${id}; ids go from 0 to ${this.env_num - 1}`)
    return slot
  }

  private afterStep(slot: EnvSlot, timestep: EnvTimestep): void {
    if (!timestep.done) {
      slot.ready_obs = timestep.obs
      return
    }
    slot.failures = 0
    slot.episodes++
    slot.ready_obs = undefined
    slot.state = slot.episodes >= this.settings.episode_num ? 'DONE' : 'NEED_RESET'
  }

  private async createAll(): Promise<void> {
    this.launched = true
    this.pool.open()
    try {
      await this.lifecycle.create(this.slots)
    } catch (error) {
      await this.close()
      throw error
    }
  }
}
