import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConfigPair, type OverrideEntry, parallel_pipeline, serial_pipeline } from 'ding'
import crossq from '../configs/mujoco/halfcheetah_crossq_config.js'
import sac from '../configs/mujoco/halfcheetah_sac_config.js'
import pendulum from '../configs/pendulum/pendulum_sac_config.js'
import { FEW_RANDOM_STEPS } from './loop_bench.js'
import type { Figure } from './measure.js'

/** One collector beside the learner, neither waiting for the other but by the serial pipeline's proportion of samples. */
const COMMANDER = { type: 'solo', collector_num: 1, lock_step: false } as const
const NO_STOP: OverrideEntry = ['env.stop_value', 1e9]
/** No version of a run evaluates but at its start: what is compared is collecting and learning. */
const NO_EVALUATION: OverrideEntry = ['policy.eval.evaluator.eval_freq', 1_000_000]

type Kind = 'serial' | 'parallel'

interface Limits {
  readonly max_env_step: number
  readonly overrides?: readonly OverrideEntry[]
}

/** Updates and seconds of a whole run, from the call to its return. */
async function timed(kind: Kind, config: ConfigPair, limits: Limits) {
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  const options = { console: 'quiet', work_dir, ...limits } as const
  const [main, create] = config
  const start = performance.now()
  const { train_iter, env_step, stop_reason } =
    kind === 'serial'
      ? await serial_pipeline([main, create], 0, options)
      : await parallel_pipeline([main, { ...create, commander: COMMANDER }], 0, options)
  const seconds = (performance.now() - start) / 1000
  rmSync(work_dir, { recursive: true, force: true })
  return { train_iter, env_step, stop_reason, seconds }
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
  for (const [name, config, max_env_step, more] of [
    ['sac', sac, 16_000, []],
    ['crossq', crossq, 600, [FEW_RANDOM_STEPS]],
  ] as const)
    for (const threads of [1, 2])
      for (const kind of ['serial', 'parallel'] as const) {
        const overrides: OverrideEntry[] = [NO_STOP, NO_EVALUATION, ['policy.threads', threads], ...more]
        const run = await timed(kind, config as unknown as ConfigPair, { max_env_step, overrides })
        const figure = `halfcheetah_${name}_${kind}_${threads}_threads`
        figures.push(single(figure, 'per second', run.train_iter / run.seconds))
      }
  return figures
}

/** The return that CrossQ on HalfCheetah is timed to, looked at every 1000 updates. Random play has about -280. */
const RETURN = 1000

/** Time until CrossQ on HalfCheetah has reached RETURN: as the config has it, and in parallel with two threads for the learner's programs. */
async function halfCheetahToAReturn(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [kind, threads] of [
    ['serial', 1],
    ['parallel', 2],
  ] as const) {
    const overrides: OverrideEntry[] = [
      FEW_RANDOM_STEPS,
      ['env.stop_value', RETURN],
      ['policy.eval.evaluator.eval_freq', 1000],
      ['policy.threads', threads],
    ]
    const name = `halfcheetah_crossq_to_${RETURN}_${kind}_${threads}_threads`
    const run = await timed(kind, crossq as unknown as ConfigPair, { max_env_step: 20_000, overrides })
    if (run.stop_reason !== 'stop_value')
      throw new Error(`${name}: no ${RETURN} within ${run.env_step} env steps.`)
    figures.push(single(name, 'ms', run.seconds * 1000), single(`${name}_env_steps`, 'count', run.env_step))
  }
  return figures
}

/** Whole runs, serial and parallel. Needs a built `dist`. */
export async function parallelLoopFigures(): Promise<Figure[]> {
  return [...(await toTheStopValue()), ...(await halfCheetah()), ...(await halfCheetahToAReturn())]
}
