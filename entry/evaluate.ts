import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { replayOptions } from '../ding/envs/index.js'
import { d4rlScore, ROLES, type RunResult } from '../ding/pipeline/index.js'
import { CheckpointError, loadState } from '../ding/utils/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { prepareRun } from './prepare.js'
import { scoreText } from './summary.js'

export interface EvaluateOptions extends PipelineOptions {
  /** Checkpoint to load. Default: policy.load_path, else ckpt_best of the experiment folder. */
  readonly load_path?: string
  /** Folder for the environments' replays, as JSON and as animated GIFs. Default: env.replay_path of the config, else none. */
  readonly replay_path?: string
}

/**
 * Evaluates a trained policy over `env.n_evaluator_episode` episodes with the seeds that training evaluates with.
 * Nothing is trained, and no experiment folder is made. Observations are normalised as the checkpoint says; returns are raw.
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
  })
  const { config, container, exp_dir, close, logger } = prepared
  try {
    const policy = await container.getAsync(ROLES.policy)
    const { last_iter, last_step } = loadPolicy(
      options.load_path ?? policy.cfg.load_path ?? join(exp_dir, 'ckpt', 'ckpt_best.safetensors'),
      (state) => policy.eval_mode.load_state_dict(state),
    )
    // The folder of the config itself is seen to where the environments are made, for training as well.
    const replays = options.replay_path ?? config.main_config.env['replay_path']
    if (options.replay_path !== undefined) {
      const manager = await container.getAsync(ROLES.evaluator_env)
      await manager.enable_save_replay(options.replay_path, replayOptions(config.main_config.env))
    }
    const evaluator = await container.getAsync(ROLES.evaluator)
    const { episode_info } = await evaluator.eval(undefined, last_iter, last_step)
    const eval_value = episode_info.eval_episode_return_mean
    const { env_id } = config.main_config.policy.collect
    const score = typeof env_id === 'string' ? d4rlScore(env_id, eval_value) : undefined
    logger.info(
      `Mean return ${eval_value.toFixed(2)} over ${episode_info.eval_episode_return.length} episodes${scoreText(score)}.`,
    )
    if (typeof replays === 'string') logger.info(`The episodes are in ${replays}.`)
    return {
      policy,
      stop: eval_value >= evaluator.cfg.stop_value,
      stop_reason: 'done',
      env_step: last_step,
      train_iter: last_iter,
      eval_value,
      eval_value_raw: episode_info.eval_episode_return,
      ...(score === undefined ? {} : { normalised_score: score }),
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
