import { join } from 'node:path'
import { BUFFER_REGISTRY } from '../ding/registry/index.js'
import { ROLES } from '../ding/pipeline/index.js'
import { loadPolicy } from './evaluate.js'
import { type PipelineInput, type PipelineOptions, prepareRun } from './prepare.js'

export interface CollectDemoOptions extends PipelineOptions {
  /** Transitions to collect (1000). */
  readonly collect_count?: number
  /** File to write; default: expert_data.safetensors in the experiment folder. */
  readonly expert_data_path?: string
  /** Checkpoint to act with. Default: policy.load_path, else ckpt_best of the experiment folder. */
  readonly state_dict_path?: string
}

/**
 * Records what a trained policy does: its collect mode, without random actions where it has an epsilon.
 * The file is a replay buffer's `save_data`: any buffer reads it with `load_data`.
 * @returns the file, and how many transitions it holds
 */
export async function collect_demo_data(input: PipelineInput, seed = 0, options: CollectDemoOptions = {}): Promise<{ path: string; count: number }> {
  const { collect_count = 1000 } = options
  const { container, exp_dir, close, logger } = await prepareRun(input, seed, { ...options, save: false, enable_field: ['collect'] })
  try {
    const policy = await container.getAsync(ROLES.policy)
    loadPolicy(options.state_dict_path ?? policy.cfg.load_path ?? join(exp_dir, 'ckpt', 'ckpt_best.safetensors'), (state) =>
      policy.collect_mode.load_state_dict(state),
    )
    const collector = await container.getAsync(ROLES.collector)
    const settings = policy.command_mode.get_setting_collect({ env_step: 0, train_iter: 0 })
    const transitions = await collector.collect(collect_count, { policy_kwargs: 'eps' in settings ? { ...settings, eps: 0 } : settings })
    const buffer = new (BUFFER_REGISTRY.get('naive'))({ replay_buffer_size: transitions.length } as never, {
      random: (await container.getAsync(ROLES.random)).stream('sampling'),
    })
    buffer.push(transitions)
    const path = options.expert_data_path ?? join(exp_dir, 'expert_data.safetensors')
    buffer.save_data(path)
    buffer.close()
    logger.info(`Wrote ${transitions.length} transitions to ${path}.`)
    return { path, count: transitions.length }
  } finally {
    await close()
  }
}
