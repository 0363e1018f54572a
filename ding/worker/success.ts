import type { EnvTimestep } from '../envs/index.js'
import type { Resumable, StateTree } from '../utils/index.js'

/**
 * Whether episodes succeed. An environment tells it by `info.is_success` of an episode's last step (Gymnasium, SB3), or by
 * `info.goal_achieved` of any step (D4RL's Adroit tasks); with `by_reward` any positive reward is success where it tells neither (D4RL's AntMaze),
 * as in CORL's is_goal_reached. Rewards are those of the environment.
 */
export class SuccessWatch implements Resumable {
  private readonly reached = new Map<number, boolean>()

  constructor(public by_reward = false) {}

  /** Takes in a step of environment `id`. */
  step(id: number, { reward, info }: EnvTimestep): void {
    const { goal_achieved } = info
    const told = typeof goal_achieved === 'boolean' || typeof goal_achieved === 'number'
    const now = told ? Boolean(goal_achieved) : this.by_reward ? reward > 0 : undefined
    if (now !== undefined) this.reached.set(id, now || this.reached.get(id) === true)
  }

  /** Ends the episode of environment `id`, whose last step `step` has seen. Undefined where nothing tells of success. */
  end(id: number, { info: { is_success } }: EnvTimestep): boolean | undefined {
    const reached = this.reached.get(id)
    this.reached.delete(id)
    return typeof is_success === 'boolean' || typeof is_success === 'number' ? Boolean(is_success) : reached
  }

  /** Forgets the episode of environment `id`. */
  drop(id: number): void {
    this.reached.delete(id)
  }

  state_dict(): StateTree {
    return Object.fromEntries([...this.reached].map(([id, value]) => [String(id), value]))
  }

  load_state_dict(state: StateTree): void {
    this.reached.clear()
    for (const [id, value] of Object.entries(state)) this.reached.set(Number(id), value === true)
  }
}
