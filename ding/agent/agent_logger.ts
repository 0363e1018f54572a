import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CompiledConfig, configToJson, TOTAL_CONFIG } from '../config/index.js'
import { createRunLogger, type RunLogger } from '../logger/index.js'
import { writeFileAtomic } from '../utils/index.js'
import { CurrentRunLogger } from './current_logger.js'

const NO_FILES = { exp_name: '.', tensorboard: false, jsonl: false, text: false }

/** Where an agent's statistics go. */
export class AgentLog {
  /** The logger that the caller gave, if any. */
  given: RunLogger | undefined
  private own: RunLogger | undefined
  private config: CompiledConfig | undefined

  /** @param name of the folder below `tensorboard_log` */
  constructor(
    private name: string,
    private readonly tensorboard_log: string | null,
    private readonly verbose: number,
  ) {}

  /** Before a training: one that begins to count anew, or under another name, has a folder of its own. */
  begin(name: string, goes_on: boolean): void {
    const renew = this.own !== undefined && this.tensorboard_log !== null && !(goes_on && name === this.name)
    this.name = name
    if (!renew) return
    this.own?.close()
    this.start()
  }

  /** The logger of training; before that, one that says and writes nothing. */
  get logger(): RunLogger {
    return this.given ?? this.own ?? createRunLogger({ ...NO_FILES, console: 'quiet' })
  }

  /** For training: into `<tensorboard_log>/<name>_<n>`, the first n that is free, beside the config; null: no files. */
  open(config: CompiledConfig): RunLogger {
    if (this.given !== undefined) return this.given
    this.config = config
    this.start()
    return new CurrentRunLogger(() => this.logger)
  }

  private start(): void {
    const { tensorboard_log, name, config } = this
    const console = this.verbose === 0 ? 'quiet' : 'auto'
    if (tensorboard_log === null || config === undefined) {
      this.own = createRunLogger({ ...NO_FILES, console })
      return
    }
    let number = 1
    while (existsSync(join(tensorboard_log, `${name}_${number}`))) number++
    const folder = join(tensorboard_log, `${name}_${number}`)
    writeFileAtomic(join(folder, TOTAL_CONFIG), configToJson(config))
    this.own = createRunLogger({ exp_name: folder, console })
  }

  /** Closes what {@link open} made; a logger that was given stays open. */
  close(): void {
    this.own?.close()
    this.own = undefined
  }
}
