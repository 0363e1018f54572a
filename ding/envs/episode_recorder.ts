import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Action, EnvTimestep, Obs } from './types.js'

function plain(value: Obs): unknown {
  if (typeof value === 'number') return value
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  return Object.fromEntries(
    Object.entries(value as Record<string, Obs>).map(([key, part]) => [key, plain(part)]),
  )
}

/** Writes each finished episode of one env as `<name>_episode_<n>.json` with observations, actions and rewards. */
export class EpisodeRecorder {
  private name = ''
  private obs: unknown[] = []
  private actions: unknown[] = []
  private rewards: number[] = []

  constructor(private readonly folder: string) {}

  start(name: string, obs: Obs): void {
    this.name = name
    this.obs = [plain(obs)]
    this.actions = []
    this.rewards = []
  }

  add(action: Action, timestep: EnvTimestep): void {
    this.actions.push(plain(action))
    this.obs.push(plain(timestep.obs))
    this.rewards.push(timestep.reward)
    if (!timestep.done) return
    const episode = {
      env: this.name,
      length: this.rewards.length,
      eval_episode_return: timestep.info['eval_episode_return'],
      terminated: timestep.terminated,
      truncated: timestep.truncated,
      obs: this.obs,
      actions: this.actions,
      rewards: this.rewards,
    }
    this.write(JSON.stringify(episode))
  }

  /** Several envs may record into one folder: the first free number is taken. */
  private write(text: string): void {
    mkdirSync(this.folder, { recursive: true })
    for (let n = readdirSync(this.folder).length; ; n++) {
      try {
        writeFileSync(join(this.folder, `${this.name}_episode_${n}.json`), text, { flag: 'wx' })
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }
}
