import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OverrideEntry, type PipelineInput, serial_pipeline } from 'ding'
import cartpole from '../configs/cartpole/cartpole_dqn_config.js'
import halfcheetah from '../configs/mujoco/halfcheetah_crossq_config.js'
import pendulum from '../configs/pendulum/pendulum_sac_sb3_config.js'
import { type Figure, rate } from './measure.js'

/** Of the 5000 that the config has, for learning to begin early in the bench. */
export const FEW_RANDOM_STEPS: OverrideEntry = ['policy.random_collect_size', 100]

/**
 * Env steps a second of whole runs with shipped configs: collecting, learning, evaluating, logging, saving. Of the last two, which do one
 * update an env step, only the steps with an update count: the others cost next to nothing, and a longer run has relatively fewer of them.
 */
export async function loopFigures(): Promise<Figure[]> {
  return [
    await loopFigure('loop_cartpole_dqn', cartpole, 4000, 'env_step'),
    await loopFigure('loop_pendulum_sac', pendulum, 2000, 'train_iter'),
    await loopFigure('loop_halfcheetah_crossq', halfcheetah, 600, 'train_iter', [FEW_RANDOM_STEPS]),
  ]
}

async function loopFigure(
  name: string,
  config: PipelineInput,
  env_steps: number,
  counted: 'env_step' | 'train_iter',
  more: readonly OverrideEntry[] = [],
): Promise<Figure> {
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  let steps = 0
  const figure = await rate(
    name,
    () => steps,
    async () => {
      const result = await serial_pipeline(config, 0, {
        work_dir,
        console: 'quiet',
        max_env_step: env_steps,
        overrides: [['env.stop_value', '1e9'], ...more],
      })
      steps = result[counted]
    },
  )
  rmSync(work_dir, { recursive: true, force: true })
  return figure
}
