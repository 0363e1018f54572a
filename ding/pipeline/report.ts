import type { Run } from './run.js'

/** What the console says of a run while it goes: one progress bar, and one growing table of the evaluations. */

/** Limits from here on mean "none" (DI-engine's default). */
export const NO_LIMIT = 1e10

const COLUMNS = ['train iter', 'mean return', 'std', 'min', 'max'] as const
/** Runs that collect also say how much. */
const ONLINE_COLUMNS = ['env step', ...COLUMNS] as const
const headed = new WeakSet<Run>()

/** Begins to count, from wherever a resumed run is. */
export function startProgress(run: Run): void {
  const unit = run.progress_unit
  const { stop_value } = run.evaluator.cfg
  const limit = unit === 'env_step' ? run.limits.max_env_step : run.limits.max_train_iter
  run.logger.progress.start({
    unit,
    total: limit < NO_LIMIT ? limit : Number.POSITIVE_INFINITY,
    initial: run.progress[unit],
    ...(stop_value < NO_LIMIT ? { stop_value } : {}),
  })
}

/** Adds an evaluation to the table. @param saved the weights were saved as ckpt_best */
export function reportEvaluation(run: Run, returns: readonly number[], saved: boolean): void {
  const columns = run.collects ? ONLINE_COLUMNS : COLUMNS
  if (!headed.has(run)) run.logger.info(row(columns, columns))
  headed.add(run)
  const { env_step, train_iter } = run.progress
  const mean = average(returns)
  const std = Math.sqrt(average(returns.map((value) => (value - mean) ** 2)))
  const numbers = [mean, std, Math.min(...returns), Math.max(...returns)].map((value) => value.toFixed(2))
  const counts = (run.collects ? [env_step, train_iter] : [train_iter]).map(String)
  const line = row([...counts, ...numbers], columns)
  run.logger.info(saved ? `${line}  best so far, saved` : line)
}

function row(cells: readonly string[], columns: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(Math.max(10, (columns[i] ?? '').length + 2))).join('')
}

function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}
