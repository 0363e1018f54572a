// Finished runs of the studies of continuous control: one JSON a line, so that runs in several processes can be added at any time.
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { ControlSetting, ControlStudy } from './control_studies.js'

export interface ControlRun {
  readonly study: string
  readonly algo: string
  readonly seed: number
  /** Of the config and of what the study sets on top: see {@link fingerprintOf}. */
  readonly fingerprint: string
  readonly env_step: number
  readonly train_iter: number
  /** Whether it ended at the stop value. */
  readonly reached: boolean
  /** Evaluations while it trained: [env step, mean return]. */
  readonly curve: readonly (readonly [number, number])[]
  /** Returns of the final evaluation. */
  readonly final_returns: readonly number[]
  /** Wall clock of training; null when it was done in pieces. */
  readonly seconds: number | null
  /** Taken over from an experiment folder. */
  readonly imported?: true
}

/** What a run depends on: config, steps, and how it is judged at the end. */
export function fingerprintOf(
  study: Pick<ControlStudy, 'final_episodes'>,
  { env_step, criterion }: Pick<ControlSetting, 'env_step' | 'criterion'>,
  config: readonly [unknown, unknown],
): string {
  const stops = criterion.kind === 'reached'
  const text = JSON.stringify({ config, env_step, stops, final_episodes: study.final_episodes })
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** All runs in a file; none when there is no file. @throws Error naming the line that is none */
export function readRuns(path: string): ControlRun[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      return [JSON.parse(line) as ControlRun]
    } catch (cause) {
      throw new Error(`Line ${i + 1} of ${path} is not a run.`, { cause })
    }
  })
}

export function appendRun(path: string, run: ControlRun): void {
  appendFileSync(path, `${JSON.stringify(run)}\n`)
}

/** The last run of each setting and seed that has the setting's present fingerprint, by seed. */
export function present(
  runs: readonly ControlRun[],
  study: string,
  algo: string,
  fingerprint: string,
): ControlRun[] {
  const bySeed = new Map<number, ControlRun>()
  for (const run of runs)
    if (run.study === study && run.algo === algo && run.fingerprint === fingerprint) bySeed.set(run.seed, run)
  return [...bySeed.values()].sort((a, b) => a.seed - b.seed)
}
