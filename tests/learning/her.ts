import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { read_config, serial_pipeline } from 'ding'
import { mean } from './numbers.js'
import type { Outcome, Study } from './types.js'

const SEEDS = [0, 1000, 2000] as const
/** Least success rate at the end with HER, most without. */
const SOLVED = 0.9
const UNSOLVED = 0.1
const NO_STOP = 1e9

type Values = Record<string, unknown>

/** What differs from the shipped config. */
interface Setting {
  readonly name: string
  readonly buffer: 'her' | 'naive'
  readonly goal_selection_strategy?: string
  /** What every seed's success rate at the end is to be. */
  readonly wanted?: (success: number) => boolean
}

interface Task {
  readonly name: string
  readonly title: string
  readonly config: string
  readonly env_steps: number
  /** Bit flipping with another number of bits than the config's. */
  readonly n_bits?: number
  readonly settings: readonly Setting[]
}

const HER: Setting = { name: 'HER, future', buffer: 'her', wanted: (success) => success >= SOLVED }
const WITHOUT: Setting = { name: 'without HER', buffer: 'naive', wanted: (success) => success <= UNSOLVED }

/** The other strategies, for comparison. */
const OTHERS: readonly Setting[] = ['final', 'episode'].map((goal_selection_strategy) => ({
  name: `HER, ${goal_selection_strategy}`,
  buffer: 'her',
  goal_selection_strategy,
}))

const TASKS: readonly Task[] = [
  {
    name: 'bit_flip',
    title: 'Bit flipping with 16 bits, DQN',
    config: 'goal/bit_flip_dqn_her_config.js',
    env_steps: 8000,
    settings: [HER, ...OTHERS, WITHOUT],
  },
  {
    name: 'bit_flip_8',
    title: 'Bit flipping with 8 bits, DQN',
    config: 'goal/bit_flip_dqn_her_config.js',
    env_steps: 4000,
    n_bits: 8,
    settings: [HER, ...OTHERS],
  },
  {
    name: 'reach',
    title: 'Reaching in 3-D, SAC',
    config: 'goal/reach_sac_her_config.js',
    env_steps: 6000,
    settings: [HER, WITHOUT],
  },
]

/** One evaluation of a run. */
interface Point {
  readonly env_step: number
  readonly success: number
}

interface Row {
  readonly task: Task
  readonly setting: Setting
  readonly seed: number
  readonly curve: readonly Point[]
  readonly seconds: number
}

/** The task's config with a setting's replay buffer. */
async function configOf({ config, n_bits }: Task, setting: Setting): Promise<[Values, Values]> {
  const path = fileURLToPath(new URL(`../../dist/configs/${config}`, import.meta.url))
  const { main_config, create_config } = (await read_config(path)) as unknown as Record<string, Values>
  const main = structuredClone(main_config) as {
    env: Values
    policy: { model: Values; other: Record<string, Values> }
  }
  main.env['stop_value'] = NO_STOP
  if (n_bits !== undefined) {
    main.env['n_bits'] = n_bits
    Object.assign(main.policy.model, {
      obs_shape: { observation: n_bits, desired_goal: n_bits },
      action_shape: n_bits,
    })
  }
  const { other } = main.policy
  const { replay_buffer_size } = other['replay_buffer'] as Values
  const { goal_selection_strategy = 'future' } = setting
  other['her'] = {}
  other['replay_buffer'] =
    setting.buffer === 'her' ? { replay_buffer_size, goal_selection_strategy } : { replay_buffer_size }
  return [main as unknown as Values, { ...create_config, replay_buffer: { type: setting.buffer } }]
}

/** The success rates that a run's log has, in order. */
function curveIn(exp_dir: string): Point[] {
  const lines = readFileSync(join(exp_dir, 'log', 'serial', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return lines
    .map((line) => JSON.parse(line) as { tag?: string; value: number; step: number })
    .filter(({ tag }) => tag === 'evaluator_step/success_rate')
    .map(({ value, step }) => ({ env_step: step, success: value }))
}

async function run(task: Task, setting: Setting, seed: number): Promise<Row> {
  const config = await configOf(task, setting)
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-learning-'))
  const start = performance.now()
  const { exp_name } = await serial_pipeline(config, seed, {
    work_dir,
    console: 'quiet',
    max_env_step: task.env_steps,
  })
  const seconds = (performance.now() - start) / 1000
  const curve = curveIn(exp_name)
  rmSync(work_dir, { recursive: true, force: true })
  return { task, setting, seed, curve, seconds }
}

const finalOf = ({ curve }: Row) => (curve.at(-1) as Point).success
const passes = (row: Row) => row.setting.wanted?.(finalOf(row)) ?? true

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { setting, seed, curve, seconds } = row
    const reached = curve.find(({ success }) => success >= SOLVED)?.env_step ?? 'never'
    const rates = curve.map(({ success }) => success.toFixed(2)).join(' ')
    return `| ${setting.name} | ${seed} | ${finalOf(row).toFixed(2)} | ${reached} | ${rates} | ${seconds.toFixed(0)} |`
  })
  return `| setting | seed | success at the end | first at ${SOLVED} after env steps | success at each evaluation | seconds |
|---|---|---|---|---|---|
${lines.join('\n')}`
}

function page(rows: readonly Row[]): string {
  const sections = TASKS.map((task) => {
    const own = rows.filter((row) => row.task === task)
    const means = task.settings.map((setting) => {
      const finals = own.filter((row) => row.setting === setting).map(finalOf)
      return `${setting.name} ${mean(finals).toFixed(2)}`
    })
    return `## ${task.title}

\`configs/${task.config.replace('.js', '.ts')}\`, ${task.env_steps} env steps. Mean success at the end: ${means.join('; ')}.

${table(own)}`
  })
  const judged = rows.filter(({ setting }) => setting.wanted !== undefined)
  return `# Hindsight experience replay

Made by \`npm run test:learning -- her\`: the shipped configs of goal environments, with their replay buffer \`her\`, and with the
ordinary \`naive\` one in its place and all else the same. Success is measured by greedy episodes with fixed starts and goals
(50 for bit flipping, 20 for reaching). Asked for: at the end at least ${SOLVED} with HER (strategy 'future'), at most ${UNSOLVED}
without. ${judged.filter(passes).length} of ${judged.length} runs are as asked. The other strategies are shown for
comparison: they put in near goals less often, and so take longer the more bits there are.
Seconds are wall clock, evaluations included, on a shared machine.

${sections.join('\n\n')}
`
}

/** HER against ordinary replay on goal environments. One criterion a seed with HER, and one a seed without. */
export const her: Study = {
  name: 'her',
  async run(): Promise<Outcome> {
    const rows: Row[] = []
    for (const task of TASKS) {
      for (const setting of task.settings) {
        for (const seed of SEEDS) {
          const row = await run(task, setting, seed)
          rows.push(row)
          const verdict = setting.wanted === undefined ? 'INFO' : passes(row) ? 'PASS' : 'FAIL'
          process.stdout.write(
            `her ${task.name}, ${setting.name}, seed ${seed}: ${verdict} success ${finalOf(row).toFixed(2)}, ${row.seconds.toFixed(1)} s\n`,
          )
        }
      }
    }
    writeFileSync(fileURLToPath(new URL('../../docs/results/her.md', import.meta.url)), page(rows))
    const judged = rows.filter(({ setting }) => setting.wanted !== undefined)
    const passed = judged.filter(passes).length
    return { passed, failed: judged.length - passed }
  },
}
