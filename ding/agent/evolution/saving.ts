import { existsSync } from 'node:fs'
import {
  CheckpointError,
  type JsonRecord,
  loadState,
  type Resumable,
  type StateTree,
  saveState,
} from '../../utils/index.js'
import { CQN } from '../cqn.js'

/** Where an evolution stands between two generations. */
export interface EvolutionState {
  pop: CQN[]
  pop_fitnesses: number[][]
  /** Whether the population has had its mutation before training. */
  pretrained: boolean
}

/** What else the rest of an evolution depends on, by name. */
export type EvolutionParts = Readonly<Record<string, Resumable>>

export interface CheckpointOptions {
  readonly checkpoint?: number | null
  readonly checkpoint_path?: string
  readonly overwrite_checkpoints?: boolean
  readonly elite_path?: string
}

const KIND = 'evolution'

/** The files of an evolution: one for each agent, and `<checkpoint_path>_run.safetensors`, from which the whole goes on. */
export class Checkpoints {
  private readonly path: string
  private saved_at = 0

  constructor(private readonly options: CheckpointOptions) {
    this.path = options.checkpoint_path ?? 'evolution'
  }

  private get runPath(): string {
    return `${this.path}_run.safetensors`
  }

  /** Saves all, if `checkpoint` updates have been done since the last time. @param last saves in any case, where saving is wanted */
  async save(state: EvolutionState, parts: EvolutionParts, steps: number, last: boolean): Promise<void> {
    const { checkpoint = null, overwrite_checkpoints = false } = this.options
    if (checkpoint === null) return
    const due = Math.floor(steps / checkpoint) > Math.floor(this.saved_at / checkpoint)
    if (!due && !last) return
    this.saved_at = steps
    const snapshots = await Promise.all(state.pop.map((agent) => agent.snapshot()))
    for (const [i, { tree, meta }] of snapshots.entries()) {
      const name = overwrite_checkpoints ? `${i}` : `${i}_${steps}`
      saveState(`${this.path}_${name}.safetensors`, tree, meta)
    }
    const tree: StateTree = {
      agents: Object.fromEntries(snapshots.map((snapshot, i) => [String(i), snapshot.tree])),
      parts: Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.state_dict()])),
    }
    const { pop_fitnesses } = state
    const agents = snapshots.map(({ meta }) => meta)
    saveState(this.runPath, tree, { kind: KIND, agents, pop_fitnesses, steps })
  }

  saveElite(elite: CQN): Promise<void> {
    return elite.save_checkpoint(this.options.elite_path ?? `${this.path}_elite.safetensors`)
  }

  /**
   * Puts everything back to where it was saved, if it was; the agents that were given are cleaned up then.
   * @throws CheckpointError for a file of another kind, or of an evolution with other parts
   */
  async restore(state: EvolutionState, parts: EvolutionParts): Promise<void> {
    if (!existsSync(this.runPath)) return
    const { tree, meta } = loadState(this.runPath)
    if (meta['kind'] !== KIND)
      throw new CheckpointError(`Cannot go on from "${this.runPath}": it is not the state of an evolution.`)
    const saved = tree['parts'] as Record<string, StateTree>
    const [had, has] = [saved, parts].map((record) => Object.keys(record).sort().join(', '))
    if (had !== has) {
      throw new CheckpointError(
        `Cannot go on from "${this.runPath}": it was saved with ${had}, this evolution has ${has}. Give the same tournament and mutation.`,
      )
    }
    const trees = tree['agents'] as Record<string, StateTree>
    const [first] = state.pop
    const own = first?.has_own_network === true ? { actor_network: first.get_policy() } : {}
    const pop: CQN[] = []
    for (const [i, agentMeta] of (meta['agents'] as JsonRecord[]).entries())
      pop.push(await CQN.restored(trees[String(i)] as StateTree, agentMeta, own))
    for (const [name, part] of Object.entries(parts)) part.load_state_dict(saved[name] as StateTree)
    for (const agent of state.pop) await agent.clean_up()
    this.saved_at = meta['steps'] as number
    Object.assign(state, { pop, pop_fitnesses: meta['pop_fitnesses'], pretrained: true })
  }
}
