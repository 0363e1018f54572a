import { CheckpointError, DingError, isHostTensor, type StateTree, type StateValue } from '../utils/index.js'

/** The record `name` of a saved state. @throws CheckpointError when it is not there */
export function partOf(state: StateTree, name: string): StateTree {
  const part: StateValue | undefined = state[name]
  if (typeof part === 'object' && part !== null && !Array.isArray(part) && !isHostTensor(part))
    return part as StateTree
  throw new CheckpointError(
    `The state has no "${name}" part (it has: ${Object.keys(state).join(', ') || 'nothing'}). Was it written by another kind of run?`,
  )
}

/**
 * Loads a state all or nothing: on an error the part is put back as it was.
 * @param owner begins the message about a state that does not fit
 */
export function loadOrPutBack(
  owner: string,
  state: StateTree,
  state_dict: () => StateTree,
  load: (state: StateTree) => void,
): void {
  const before = state_dict()
  try {
    load(state)
  } catch (cause) {
    load(before)
    if (cause instanceof DingError) throw cause
    throw new CheckpointError(
      `The saved state does not fit ${owner}: ${(cause as Error).message} Nothing was changed.`,
      { cause },
    )
  }
}
