import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type CompiledConfig, configToJson, TOTAL_CONFIG } from '../config/index.js'
import { createRunLogger, type RunLogger } from '../logger/index.js'
import { writeFileAtomic } from '../utils/index.js'
import { CurrentRunLogger } from './current_logger.js'

/** Options of a logger that writes to the console alone. */
export const NO_FILES = { exp_name: '.', tensorboard: false, jsonl: false, text: false }

/** Where an agent's statistics go: to a logger that was given, or, from the first training on, to the console and into folders. */
export class AgentLog {
  /** What the parts of a run keep: it hands on to {@link logger}. */
  readonly current: RunLogger = new CurrentRunLogger(() => this.logger)
  private quiet: RunLogger | undefined
  private given: RunLogger | undefined
  private own: RunLogger | undefined
  /** The name of the training that {@link own} is of. */
  private name: string | undefined
  /** The last folder of each name. */
  private readonly folders = new Map<string, string>()

  constructor(
    private readonly tensorboard_log: string | null,
    private readonly verbose: number,
  ) {}

  /** The logger of training; before that, one that says and writes nothing. */
  get logger(): RunLogger {
    if (this.given !== undefined || this.own !== undefined) return this.given ?? (this.own as RunLogger)
    this.quiet ??= createRunLogger({ ...NO_FILES, console: 'quiet' })
    return this.quiet
  }

  /** Whether it says nothing on the console, as `verbose` 0 wants it. */
  get silent(): boolean {
    return this.given === undefined && this.verbose === 0
  }

  /** From here on this logger, which is the caller's, also to close. */
  give(logger: RunLogger): void {
    this.close()
    this.given = logger
  }

  /**
   * Before a training, for `<tensorboard_log>/<name>_<n>`, beside its config. One that goes on does so in the agent's folder of that name, or, where
   * this agent has had none at all, as after `load`, in the last that there is.
   */
  begin(config: CompiledConfig, name: string, goes_on: boolean): void {
    if (this.given !== undefined) return
    const { tensorboard_log, own } = this
    if (own !== undefined && (tensorboard_log === null || (goes_on && name === this.name))) return
    this.close()
    this.name = name
    const console = this.verbose === 0 ? 'quiet' : 'auto'
    if (tensorboard_log === null) {
      this.own = createRunLogger({ ...NO_FILES, console })
      return
    }
    const path = join(tensorboard_log, name)
    const last = lastOf(path)
    const latest = this.folders.size === 0 && last > 0 ? `${path}_${last}` : undefined
    const folder = (goes_on ? (this.folders.get(name) ?? latest) : undefined) ?? `${path}_${last + 1}`
    const file = join(folder, TOTAL_CONFIG)
    if (!existsSync(file)) writeFileAtomic(file, configToJson(config))
    this.folders.set(name, folder)
    this.own = createRunLogger({ exp_name: folder, console })
  }

  /** Closes what {@link begin} made; a logger that was given stays open. */
  close(): void {
    for (const logger of [this.own, this.quiet]) logger?.close()
    this.own = undefined
    this.quiet = undefined
  }
}

/** The greatest n of the folders `<path>_<n>`; 0: there is none. */
function lastOf(path: string): number {
  const [folder, start] = [dirname(path), `${basename(path)}_`]
  if (!existsSync(folder)) return 0
  const numbers = readdirSync(folder).flatMap((entry) => {
    const number = entry.startsWith(start) ? entry.slice(start.length) : ''
    return /^\d+$/.test(number) ? [Number(number)] : []
  })
  return Math.max(0, ...numbers)
}
