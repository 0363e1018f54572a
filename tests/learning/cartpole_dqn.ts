import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunResult, read_config, serial_pipeline } from 'ding'
import { median } from './numbers.js'
import type { Outcome, Study } from './types.js'

const SEEDS = 10
const MAX_ENV_STEP = 20_000

/** What the numbers are to be held against. */
const REFERENCE =
  'DI-engine itself, same config, 5 seeds, measured on a machine of the same kind: 952, 952, 1016, 1144 and 1208 env steps ' +
  '(median 1016), 560 to 720 updates, 3 to 16 s of CPU time a run.'

interface Row {
  readonly seed: number
  readonly result: RunResult
  readonly seconds: number
}

async function train(): Promise<Row[]> {
  const file = await read_config(
    fileURLToPath(new URL('../../dist/configs/cartpole/cartpole_dqn_config.js', import.meta.url)),
  )
  const rows: Row[] = []
  for (let seed = 0; seed < SEEDS; seed++) {
    const work_dir = mkdtempSync(join(tmpdir(), 'ding-learning-'))
    const start = performance.now()
    const result = await serial_pipeline([file.main_config, file.create_config], seed, {
      work_dir,
      console: 'quiet',
      max_env_step: MAX_ENV_STEP,
    })
    const seconds = (performance.now() - start) / 1000
    rmSync(work_dir, { recursive: true, force: true })
    rows.push({ seed, result, seconds })
    process.stdout.write(
      `cartpole_dqn seed ${seed}: ${result.stop ? 'PASS' : 'FAIL'} ${result.env_step} env steps, return ${result.eval_value.toFixed(1)}, ${seconds.toFixed(1)} s\n`,
    )
  }
  return rows
}

function page(rows: readonly Row[]): string {
  const steps = rows.map(({ result }) => result.env_step)
  const lines = rows.map(
    ({ seed, result, seconds }) =>
      `| ${seed} | ${result.stop ? 'yes' : 'no'} | ${result.env_step} | ${result.train_iter} | ${result.eval_value.toFixed(1)} | ${seconds.toFixed(1)} |`,
  )
  return `# CartPole-v0, DQN with DI-engine's default config

Made by \`npm run test:learning -- cartpole_dqn\`. A run stops at the first evaluation (5 episodes, every 40 updates) whose mean
return reaches the stop value of 195.

| seed | reached 195 | env steps | updates | mean return | seconds |
|---|---|---|---|---|---|
${lines.join('\n')}

${rows.filter(({ result }) => result.stop).length} of ${rows.length} seeds reached it; median ${median(steps)} env steps, ${Math.min(...steps)} to ${Math.max(...steps)}.

${REFERENCE}
`
}

/** DQN with DI-engine's default config, ten seeds. One criterion a seed: the stop value within 20000 env steps. */
export const cartpole_dqn: Study = {
  name: 'cartpole_dqn',
  async run(): Promise<Outcome> {
    const rows = await train()
    writeFileSync(fileURLToPath(new URL('../../docs/results/cartpole_dqn.md', import.meta.url)), page(rows))
    const passed = rows.filter(({ result }) => result.stop).length
    return { passed, failed: rows.length - passed }
  },
}
