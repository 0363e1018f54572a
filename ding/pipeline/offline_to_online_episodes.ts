import type { EnvTimestep } from '../envs/index.js'
import type { RunLogger } from '../logger/index.js'
import type { Resumable, StateTree } from '../utils/index.js'
import { SuccessWatch } from '../worker/index.js'
import { d4rlScore } from './offline_run.js'

/** Tasks of D4RL that are about coming to a goal; CORL's ENVS_WITH_GOAL, also as Minari names them. */
const GOAL_TASKS = /(^|\/)(antmaze|pen|door|hammer|relocate)(-|\/|$)/i

/** Whether a positive reward is success in an environment of D4RL that does not tell of it otherwise. */
export function succeedsByReward(env_id: string | undefined): boolean {
  return env_id !== undefined && GOAL_TASKS.test(env_id)
}

/** The episodes collected since the switch, logged by CORL's names: train/episode_return, is_success, regret and so on. */
export class CollectedEpisodes implements Resumable {
  private readonly success = new SuccessWatch()
  private readonly lengths = new Map<number, number>()
  /** Ended episodes of which it is known whether they succeeded. */
  private judged = 0
  private succeeded = 0
  private env_id: string | undefined

  /** The environment that the data come from. */
  set data_env(env_id: string | undefined) {
    this.env_id = env_id
    this.success.by_reward = succeedsByReward(env_id)
  }

  /** The share of the episodes that did not succeed; undefined while none is known. */
  get regret(): number | undefined {
    return this.judged === 0 ? undefined : 1 - this.succeeded / this.judged
  }

  /** Takes in a step of the environments; episodes that end by it are logged at `train_iter`. */
  take(timesteps: Readonly<Record<number, EnvTimestep>>, logger: RunLogger, train_iter: number): void {
    for (const [key, timestep] of Object.entries(timesteps)) {
      const id = Number(key)
      if (timestep.info['abnormal'] === true) {
        this.lengths.delete(id)
        this.success.drop(id)
        continue
      }
      const length = (this.lengths.get(id) ?? 0) + 1
      this.lengths.set(id, length)
      this.success.step(id, timestep)
      if (!timestep.done) continue
      this.lengths.delete(id)
      const logged = this.ended(length, timestep, this.success.end(id, timestep))
      for (const [name, value] of Object.entries(logged)) logger.scalar(`train/${name}`, value, train_iter)
    }
  }

  private ended(
    episode_length: number,
    { info }: EnvTimestep,
    success: boolean | undefined,
  ): Record<string, number> {
    const episode_return = Number(info['eval_episode_return'])
    const logged: Record<string, number> = { episode_return, episode_length }
    const score = d4rlScore(this.env_id, episode_return)
    if (score !== undefined) logged['d4rl_normalized_episode_return'] = score
    if (success === undefined) return logged
    this.judged++
    if (success) this.succeeded++
    return { ...logged, is_success: Number(success), regret: this.regret as number }
  }

  state_dict(): StateTree {
    return {
      success: this.success.state_dict(),
      lengths: Object.fromEntries([...this.lengths].map(([id, length]) => [String(id), length])),
      judged: this.judged,
      succeeded: this.succeeded,
    }
  }

  load_state_dict(state: StateTree): void {
    this.success.load_state_dict(state['success'] as StateTree)
    this.lengths.clear()
    for (const [id, length] of Object.entries(state['lengths'] as StateTree))
      this.lengths.set(Number(id), length as number)
    this.judged = state['judged'] as number
    this.succeeded = state['succeeded'] as number
  }
}
