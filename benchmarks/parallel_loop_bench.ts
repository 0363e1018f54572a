import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConfigPair, type OverrideEntry, parallel_pipeline, serial_pipeline } from 'ding'
import crossq from '../configs/mujoco/halfcheetah_crossq_config.js'
import sac from '../configs/mujoco/halfcheetah_sac_config.js'
import pendulum from '../configs/pendulum/pendulum_sac_config.js'
import type { Figure } from './measure.js'

/** One collector beside the learner, neither waiting for the other but by the serial pipeline's proportion of samples. */
const COMMANDER = { type: 'solo', collector_num: 1, lock_step: false } as const
const NO_STOP: OverrideEntry = ['env.stop_value', 1e9]
/** No version of a run evaluates but at its start: what is compared is collecting and learning. */
const NO_EVALUATION: OverrideEntry = ['policy.eval.evaluator.eval_freq', 1_000_000]

interface Limits {
  readonly max_env_step: number
  readonly overrides?: readonly OverrideEntry[]
}

/** Updates and seconds of a whole run, from the call to its return. */
async function timed(kind: 'serial' | 'parallel', config: ConfigPair, limits: Limits) {
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  const options = { console: 'quiet', work_dir, ...limits } as const
  const [main, create] = config
  const start = performance.now()
  const { train_iter } =
    kind === 'serial'
      ? await serial_pipeline([main, create], 0, options)
      : await parallel_pipeline([main, { ...create, commander: COMMANDER }], 0, options)
  const seconds = (performance.now() - start) / 1000
  rmSync(work_dir, { recursive: true, force: true })
  return { train_iter, seconds }
}

function single(name: string, unit: Figure['unit'], value: number): Figure {
  return { name, unit, value, min: value, max: value }
}

/** Time until SAC on Pendulum has reached the stop value of its config. */
async function toTheStopValue(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const kind of ['serial', 'parallel'] as const) {
    const { seconds } = await timed(kind, pendulum as unknown as ConfigPair, { max_env_step: 30_000 })
    figures.push(single(`pendulum_sac_${kind}`, 'ms', seconds * 1000))
  }
  return figures
}

/** Updates a second on HalfCheetah, one for each env step, with one thread and with two for the learner's programs; the start counts. */
async function halfCheetah(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, config, max_env_step] of [
    ['sac', sac, 16_000],
    ['crossq', crossq, 600],
  ] as const)
    for (const threads of [1, 2])
      for (const kind of ['serial', 'parallel'] as const) {
        const overrides: OverrideEntry[] = [NO_STOP, NO_EVALUATION, ['policy.threads', threads]]
        const run = await timed(kind, config as unknown as ConfigPair, { max_env_step, overrides })
        const figure = `halfcheetah_${name}_${kind}_${threads}_threads`
        figures.push(single(figure, 'per second', run.train_iter / run.seconds))
      }
  return figures
}

/** Whole runs, serial and parallel. Needs a built `dist`. */
export async function parallelLoopFigures(): Promise<Figure[]> {
  return [...(await toTheStopValue()), ...(await halfCheetah())]
}
