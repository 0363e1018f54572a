import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatasetError } from 'ding'

/** One evaluation of a training run. */
export interface Evaluation {
  readonly train_iter: number
  readonly return_mean: number
}

/** A checkpoint that acts at some level. */
export interface Level extends Evaluation {
  readonly checkpoint: string
}

export const LEVEL_RULE =
  'expert: the best evaluation of the training; medium: the first one that has come a third of the way from the random ' +
  "policy's return to the expert's (D4RL: a third of the expert's)"

const TAG = 'evaluator_iter/eval_episode_return_mean'

const fileOf = (train_iter: number): string => `iteration_${train_iter}.safetensors`

/** The evaluations of a run that a checkpoint belongs to, in order. Where a resumed run did one again, the later counts. */
export function readCurve(folder: string): Evaluation[] {
  const found = new Map<number, number>()
  for (const line of readFileSync(join(folder, 'log', 'serial', 'metrics.jsonl'), 'utf8').split('\n')) {
    if (!line.includes(TAG)) continue
    const { tag, value, step } = JSON.parse(line) as { tag: string; value: number; step: number }
    if (tag === TAG) found.set(step, value)
  }
  return [...found]
    .map(([train_iter, return_mean]) => ({ train_iter, return_mean }))
    .filter(({ train_iter }) => existsSync(join(folder, 'ckpt', fileOf(train_iter))))
    .sort((a, b) => a.train_iter - b.train_iter)
}

/** @throws DatasetError when nothing was learned: no checkpoint is better than random, or the first good one is the best */
export function chooseLevels(
  curve: readonly Evaluation[],
  random_return: number,
): { medium: Level; expert: Level; threshold: number } {
  const best = curve.reduce<Evaluation | undefined>(
    (a, b) => (a === undefined || b.return_mean > a.return_mean ? b : a),
    undefined,
  )
  if (best === undefined || best.return_mean <= random_return) {
    throw new DatasetError(
      `No checkpoint is better than the random policy (${random_return.toFixed(1)}): train longer (--steps).`,
    )
  }
  const threshold = random_return + (best.return_mean - random_return) / 3
  // The best one itself is above the threshold, so there is a first.
  const medium = curve.find(({ return_mean }) => return_mean >= threshold) as Evaluation
  if (medium.train_iter === best.train_iter) {
    throw new DatasetError(
      `The first checkpoint above a third of the way (${threshold.toFixed(1)}) is the best one: train longer (--steps), or look more ` +
        'often (--check-every).',
    )
  }
  const level = (one: Evaluation): Level => ({ ...one, checkpoint: fileOf(one.train_iter) })
  return { medium: level(medium), expert: level(best), threshold }
}
