import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serial_pipeline } from 'ding'
import cartpole from '../configs/cartpole/cartpole_dqn_config.js'
import { type Figure, rate } from './measure.js'

const ENV_STEPS = 4000

/** Env steps a second of the whole CartPole DQN run with DI-engine's settings: collecting, learning, evaluating, logging, saving. */
export async function loopFigures(): Promise<Figure[]> {
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  let steps = 0
  const figure = await rate(
    'loop_cartpole_dqn',
    () => steps,
    async () => {
      const result = await serial_pipeline(cartpole, 0, {
        work_dir,
        console: 'quiet',
        max_env_step: ENV_STEPS,
        overrides: [['env.stop_value', '1e9']],
      })
      steps = result.env_step
    },
  )
  rmSync(work_dir, { recursive: true, force: true })
  return [figure]
}
