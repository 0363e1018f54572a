import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CheckpointError, loadState, saveState, type StateTree } from '../utils/index.js'
import type { Run } from './run.js'

/** Name of the file, below the experiment folder, that a run continues from. */
export function runStatePath(exp_dir: string): string {
  return join(exp_dir, 'ckpt', 'run_state.safetensors')
}

/** Writes the whole state of a run: weights, optimizer, buffer, environments, random streams, counters. Atomic. */
export async function saveRunState(run: Run): Promise<string> {
  const path = runStatePath(run.exp_dir)
  saveState(path, { ...run.state_dict(), envs: await run.envs.state_dict() }, { kind: 'run_state' })
  run.saved_at = run.learner.train_iter
  return path
}

/**
 * Puts a run back to where its saved state was taken.
 * @throws CheckpointError when the file is missing, damaged or of another kind; the run is then not to be used.
 */
export async function loadRunState(run: Run): Promise<void> {
  const path = runStatePath(run.exp_dir)
  if (!existsSync(path)) {
    throw new CheckpointError(
      `There is nothing to resume in ${run.exp_dir}: ${path} does not exist. A run writes it when it is interrupted, ` +
        'when it ends, and every policy.learn.learner.hook.save_ckpt_after_iter iterations.',
    )
  }
  const { tree, meta } = loadState(path)
  if (meta['kind'] !== 'run_state') {
    throw new CheckpointError(`${path} is not a run state but ${JSON.stringify(meta['kind'] ?? 'another file of ding')}.`)
  }
  const part = (name: string) => tree[name] as StateTree
  await run.envs.load_state_dict(part('envs'))
  run.learner.load_state_dict(part('learner'))
  run.collector.load_state_dict(part('collector'))
  run.evaluator.load_state_dict(part('evaluator'))
  run.buffer.load_state_dict(part('buffer'))
  run.random.load_state_dict(part('random'))
  run.warmed_up = tree['warmed_up'] as boolean
  run.last_eval = (tree['last_eval'] ?? undefined) as Run['last_eval']
  run.saved_at = run.learner.train_iter
}
