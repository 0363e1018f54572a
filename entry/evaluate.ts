import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROLES, type RunResult } from '../ding/pipeline/index.js'
import { CheckpointError, loadState } from '../ding/utils/index.js'
import { type PipelineInput, type PipelineOptions, prepareRun } from './prepare.js'

export interface EvaluateOptions extends PipelineOptions {
  /** Checkpoint to load. Default: policy.load_path, else ckpt_best of the experiment folder. */
  readonly load_path?: string
  /** Folder for the environments' replays. */
  readonly replay_path?: string
}

/**
 * Evaluates a trained policy over `env.n_evaluator_episode` episodes with the seeds that training evaluates with.
 * Nothing is trained, and no experiment folder is made. A policy that learned from normalised data (`policy.collect.use_norm`) needs
 * its dataset again, for mean and deviation.
 * @throws CheckpointError when there is no checkpoint, or it does not fit the model of the config.
 */
export async function evaluate(
  input: PipelineInput,
  seed?: number,
  options: EvaluateOptions = {},
): Promise<RunResult> {
  const prepared = await prepareRun(input, seed, {
    ...options,
    save: false,
    enable_field: ['eval'],
    offline: true,
  })
  const { config, container, exp_dir, close, logger } = prepared
  try {
    const policy = await container.getAsync(ROLES.policy)
    const { last_iter, last_step } = loadPolicy(
      options.load_path ?? policy.cfg.load_path ?? join(exp_dir, 'ckpt', 'ckpt_best.safetensors'),
      (state) => policy.eval_mode.load_state_dict(state),
    )
    const replay_path =
      options.replay_path ?? (config.main_config.env['replay_path'] as string | null | undefined)
    if (typeof replay_path === 'string')
      await (await container.getAsync(ROLES.evaluator_env)).enable_save_replay(replay_path)
    const evaluator = await container.getAsync(ROLES.evaluator)
    const { episode_info } = await evaluator.eval(undefined, last_iter, last_step)
    const eval_value = episode_info.eval_episode_return_mean
    logger.info(
      `Mean return ${eval_value.toFixed(2)} over ${episode_info.eval_episode_return.length} episodes.`,
    )
    return {
      policy,
      stop: eval_value >= evaluator.cfg.stop_value,
      stop_reason: 'done',
      env_step: last_step,
      train_iter: last_iter,
      eval_value,
      eval_value_raw: episode_info.eval_episode_return,
      exp_name: exp_dir,
    }
  } finally {
    await close()
  }
}

/** Loads a learner's checkpoint into a policy; returns the counters that it was saved at. */
export function loadPolicy(
  path: string,
  load: (state: ReturnType<typeof loadState>['tree']) => void,
): { last_iter: number; last_step: number } {
  if (!existsSync(path)) {
    throw new CheckpointError(
      `There is no checkpoint ${path}. Name one with --load-path (load_path), or set policy.load_path in the config.`,
    )
  }
  const { tree } = loadState(path)
  try {
    load(tree)
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    throw new CheckpointError(`${path} cannot be used here. ${error.message}`, { cause: error })
  }
  return { last_iter: Number(tree['last_iter'] ?? -1), last_step: Number(tree['last_step'] ?? -1) }
}
