import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CheckpointError, loadState, saveState } from '../utils/index.js'
import type { Run } from './run.js'

/** Name of the file, below the experiment folder, that a run continues from. */
export function runStatePath(exp_dir: string): string {
  return join(exp_dir, 'ckpt', 'run_state.safetensors')
}

/** @throws CheckpointError when the experiment folder holds no run state */
export function refuseNoRunState(exp_dir: string): void {
  const path = runStatePath(exp_dir)
  if (existsSync(path)) return
  throw new CheckpointError(
    `There is nothing to resume in ${exp_dir}: ${path} does not exist. A run writes it when it is interrupted, when it ends, ` +
      'and every policy.learn.learner.hook.save_ckpt_after_iter iterations.',
  )
}

/** Writes the whole state of a run: weights, optimizer, data, environments, random streams, counters. Atomic. */
export async function saveRunState(run: Run): Promise<string> {
  const path = runStatePath(run.exp_dir)
  saveState(path, await run.state_dict(), { kind: run.kind })
  run.saved_at = run.train_iter
  return path
}

/**
 * Puts a run back to where its saved state was taken.
 * @throws CheckpointError when the file is missing, damaged or of another kind; the run is then not to be used.
 */
export async function loadRunState(run: Run): Promise<void> {
  refuseNoRunState(run.exp_dir)
  const path = runStatePath(run.exp_dir)
  const { tree, meta } = loadState(path)
  if (meta['kind'] !== run.kind) {
    throw new CheckpointError(
      `${path} is not the state of an ${run.kind} run, but of kind ${JSON.stringify(meta['kind'] ?? null)}. Resume it with the entry that wrote it.`,
    )
  }
  await run.load_state_dict(tree)
  run.learner.last_checkpoint ??= path
}
