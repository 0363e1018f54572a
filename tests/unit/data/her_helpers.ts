import { RandomStream } from '../../../ding/compute/index.js'
import { type ConfigOf, defaultsOf } from '../../../ding/config/index.js'
import {
  type Batch,
  type Goal,
  type GoalReward,
  HerReplayBuffer,
  type Transition,
} from '../../../ding/data/index.js'
import { MemoryLogger } from '../../../ding/logger/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'

type Config = ConfigOf<typeof HerReplayBuffer.config>

/** Reward 0 where the goals agree, -1 elsewhere. */
export const sameGoal: GoalReward = (achieved, desired) =>
  Array.from(achieved as Float32Array).join() === Array.from(desired as Float32Array).join() ? 0 : -1

export function her(cfg: Partial<Config> = {}, seed = 0, compute_reward: GoalReward = sameGoal) {
  const random = RandomStream.fromSeed(seed)
  const logger = new MemoryLogger()
  const config = { ...defaultsOf(HerReplayBuffer.config), replay_buffer_size: 64, ...cfg }
  return { buffer: new HerReplayBuffer(config, { random, logger, compute_reward }), random, logger }
}

/**
 * The step that leads from place `step` to place `step + 1` of an episode. Places are goals too: [env_id, episode, place],
 * and nothing that is achieved is ever what was desired, [-1, -1, -1].
 */
export function goalStep(
  env_id: number,
  episode: number,
  step: number,
  end = false,
  more: Transition = {},
): Transition {
  const obs = (place: number): Transition => ({
    observation: Float32Array.of(place),
    achieved_goal: Float32Array.of(env_id, episode, place),
    desired_goal: Float32Array.of(-1, -1, -1),
  })
  return {
    obs: obs(step),
    next_obs: obs(step + 1),
    action: step % 2,
    reward: -1,
    done: false,
    episode: { env_id, step, end },
    ...more,
  }
}

export function goalEpisode(env_id: number, episode: number, length: number): Transition[] {
  return Array.from({ length }, (_, step) => goalStep(env_id, episode, step, step === length - 1))
}

export interface Row {
  readonly env_id: number
  readonly episode: number
  readonly step: number
  /** null: the goal of the episode itself. */
  readonly goal: readonly [env_id: number, episode: number, place: number] | null
  readonly next_goal: readonly number[]
  readonly reward: number
  readonly done: number
}

/** What the rows of a batch are. */
export function rowsOf(batch: Batch | null): Row[] {
  if (batch === null) throw new Error('there is no batch')
  const part = (record: Batch, key: string) => record[key] as HostTensor
  const { obs, next_obs } = batch as Record<string, Batch>
  const triple = ({ data }: HostTensor, i: number) => Array.from(data.slice(3 * i, 3 * i + 3))
  return Array.from(part(batch, 'reward').data, (reward, i) => {
    const [env_id, episode, step] = triple(part(obs!, 'achieved_goal'), i) as [number, number, number]
    const goal = triple(part(obs!, 'desired_goal'), i) as unknown as Row['goal']
    return {
      env_id,
      episode,
      step,
      goal: goal![0] === -1 ? null : goal,
      next_goal: triple(part(next_obs!, 'desired_goal'), i),
      reward,
      done: part(batch, 'done').data[i]!,
    }
  })
}

export type { Goal }
