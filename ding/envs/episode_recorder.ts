import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkOptions, EnvError, writeFileAtomic } from '../utils/index.js'
import type { GifWriter } from './render/gif.js'
import { NotDrawnError, renderer } from './render/renderer.js'
import { type Frame, MAX_FRAMES, type RenderOptions, type ReplayOptions } from './render/types.js'
import type { Action, EnvTimestep, Obs } from './types.js'

/** Pictures a second of an animation at most, unless `frame_skip` says otherwise. */
const FASTEST = 25
/** s, that the last picture stays before the animation starts again. */
const PAUSE = 1
/** Folders that a warning was given for. */
const warned = new Set<string>()

function plain(value: Obs): unknown {
  if (typeof value === 'number') return value
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  return Object.fromEntries(
    Object.entries(value as Record<string, Obs>).map(([key, part]) => [key, plain(part)]),
  )
}

/** What a recorder looks at. */
export interface Recorded {
  readonly name: string
  /** Steps a second at which the task is shown as it happens. */
  readonly render_fps: number
  render(options?: RenderOptions): Frame
}

/**
 * Writes each finished episode of one env below a folder: `<name>_episode_<n>.json` with observations, actions and rewards,
 * and, where the env draws itself, `<name>_episode_<n>.gif`. Files appear whole, at the end of the episode; nothing is
 * overwritten, and of an episode that is not finished there is nothing, unless it has come to `max_frames` pictures: its files then have
 * what was until there, and nothing more is held of it.
 */
export class EpisodeRecorder {
  private running = false
  private obs: unknown[] = []
  private actions: unknown[] = []
  private rewards: number[] = []
  private gif: GifWriter | undefined
  /** Pictures of the running episode, drawn or not. */
  private pictures = 0
  private readonly size: { readonly size?: number }
  private readonly skip: number
  private readonly most: number
  private draws: boolean

  /** @throws EnvError for a frame_skip that is not a positive whole number, or a max_frames that is not one above 1 */
  constructor(
    private readonly folder: string,
    private readonly env: Recorded,
    options: ReplayOptions = {},
  ) {
    checkOptions('enable_save_replay', options, ['gif', 'size', 'frame_skip', 'max_frames'])
    const { gif = true, size, frame_skip, max_frames = MAX_FRAMES } = options
    this.draws = gif
    this.size = size === undefined ? {} : { size }
    this.skip = frame_skip ?? Math.max(1, Math.ceil(env.render_fps / FASTEST))
    if (!(Number.isInteger(this.skip) && this.skip > 0)) {
      throw new EnvError(`frame_skip is ${this.skip}, expected a positive whole number or null`)
    }
    this.most = max_frames ?? Number.POSITIVE_INFINITY
    if (max_frames !== null && !(Number.isInteger(max_frames) && max_frames > 1))
      throw new EnvError(`max_frames is ${max_frames}, expected a whole number above 1 or null`)
  }

  start(obs: Obs): void {
    this.running = true
    this.obs = [plain(obs)]
    this.actions = []
    this.rewards = []
    this.gif = undefined
    this.pictures = 0
    this.film(false)
  }

  add(action: Action, timestep: EnvTimestep): void {
    // Recording may be asked for in the middle of an episode; it begins with the next.
    if (!this.running) return
    this.actions.push(plain(action))
    this.obs.push(plain(timestep.obs))
    this.rewards.push(timestep.reward)
    if (timestep.done || this.rewards.length % this.skip === 0) this.film(timestep.done)
    const cut = !timestep.done && this.pictures >= this.most
    if (timestep.done || cut) this.finish(timestep, cut)
  }

  /** Ends an episode that a wrapper has cut after its last step; `timestep` says how, with the return. */
  end(timestep: EnvTimestep): void {
    if (!this.running) return
    this.film(true)
    this.finish(timestep, false)
  }

  private finish(timestep: EnvTimestep, cut: boolean): void {
    this.running = false
    const episode = {
      env: this.env.name,
      length: this.rewards.length,
      cut,
      eval_episode_return: cut ? null : timestep.info['eval_episode_return'],
      terminated: timestep.terminated,
      truncated: timestep.truncated,
      obs: this.obs,
      actions: this.actions,
      rewards: this.rewards,
    }
    this.write(JSON.stringify(episode))
    this.gif = undefined
    this.obs = []
    this.actions = []
    this.rewards = []
    if (cut) this.warn(episode.length)
  }

  /** Once for each folder. */
  private warn(steps: number): void {
    if (warned.has(this.folder)) return
    warned.add(this.folder)
    process.emitWarning(
      `The files of an episode of ${this.env.name} in ${this.folder} end after ${this.most} pictures (${steps} steps), as do others of this ` +
        'length. Raise env.replay_max_frames (null: no limit), or env.replay_frame_skip.',
      'ReplayWarning',
    )
  }

  /** Adds a picture of the env as it is. */
  private film(done: boolean): void {
    this.pictures++
    if (!this.draws) return
    const last = done || this.pictures >= this.most
    try {
      const frame = this.env.render(this.size)
      const fps = this.env.render_fps / this.skip
      this.gif ??= renderer().createGif(join(this.folder, this.env.name), { fps })
      this.gif.add(frame, last ? PAUSE : 1 / fps)
    } catch (error) {
      if (!(error instanceof NotDrawnError)) throw error
      this.draws = false
    }
  }

  /**
   * Several envs, in several threads, may record into one folder. A number belongs to the one that could create the file that
   * claims it, provided that no episode has the number already.
   */
  private write(json: string): void {
    mkdirSync(this.folder, { recursive: true })
    const stem = `${this.env.name.replace(/[^\w.-]+/g, '_')}_episode`
    for (let n = readdirSync(this.folder).filter((name) => name.endsWith('.json')).length; ; n++) {
      const path = join(this.folder, `${stem}_${n}`)
      const claim = join(this.folder, `.${stem}_${n}.claim`)
      if (!create(claim)) continue
      try {
        if (existsSync(`${path}.json`) || existsSync(`${path}.gif`)) continue
        if (this.gif !== undefined) writeFileAtomic(`${path}.gif`, this.gif.encode())
        writeFileAtomic(`${path}.json`, json)
        return
      } finally {
        rmSync(claim, { force: true })
      }
    }
  }
}

/** Makes an empty file; false when there is one already. */
function create(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
