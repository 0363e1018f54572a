import { existsSync } from 'node:fs'
import { CheckpointError, loadState } from '../../utils/index.js'

/** Where a checkpoint says which mean return its weights had. */
export const MEAN_RETURN = 'mean_return'

/**
 * Whether weights of this mean return are no worse than those in the file, as far as that file is there, is whole and tells.
 * A run that goes on asks it because it may not know of its file's evaluation: the one that concluded it, before it was extended.
 */
export function noWorseThanKept(path: string, mean_return: number): boolean {
  const kept = keptReturn(path)
  return kept === undefined || mean_return >= kept
}

function keptReturn(path: string): number | undefined {
  if (!existsSync(path)) return undefined
  try {
    const kept = loadState(path).meta[MEAN_RETURN]
    return typeof kept === 'number' ? kept : undefined
  } catch (cause) {
    if (cause instanceof CheckpointError) return undefined
    throw cause
  }
}
