import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CompiledConfig, configToJson, TOTAL_CONFIG } from '../config/index.js'
import { createRunLogger, type RunLogger } from '../logger/index.js'
import { writeFileAtomic } from '../utils/index.js'

const NO_FILES = { exp_name: '.', tensorboard: false, jsonl: false, text: false }

/** Where an agent's statistics go. */
export class AgentLog {
  /** The logger that the caller gave, if any. */
  given: RunLogger | undefined
  private own: RunLogger | undefined

  /** @param name of the folder below `tensorboard_log` */
  constructor(
    public name: string,
    private readonly tensorboard_log: string | null,
    private readonly verbose: number,
  ) {}

  /** The logger of training; before that, one that says and writes nothing. */
  get logger(): RunLogger {
    return this.given ?? this.own ?? createRunLogger({ ...NO_FILES, console: 'quiet' })
  }

  /** For training: into `<tensorboard_log>/<name>_<n>`, the first n that is free, beside the config; null: no files. */
  open(config: CompiledConfig): RunLogger {
    if (this.given !== undefined) return this.given
    const { tensorboard_log, name } = this
    const console = this.verbose === 0 ? 'quiet' : 'auto'
    if (tensorboard_log === null) {
      this.own = createRunLogger({ ...NO_FILES, console })
      return this.own
    }
    let number = 1
    while (existsSync(join(tensorboard_log, `${name}_${number}`))) number++
    const folder = join(tensorboard_log, `${name}_${number}`)
    writeFileAtomic(join(folder, TOTAL_CONFIG), configToJson(config))
    this.own = createRunLogger({ exp_name: folder, console })
    return this.own
  }

  /** Closes what {@link open} made; a logger that was given stays open. */
  close(): void {
    this.own?.close()
    this.own = undefined
  }
}
