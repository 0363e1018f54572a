// `npm run test:learning`: trains to a score with several seeds, prints and writes the numbers, fails when a seed does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunResult, read_config, serial_pipeline } from 'ding'

interface Study {
  readonly name: string
  readonly title: string
  /** Shipped config, below configs/. */
  readonly config: string
  readonly seeds: number
  readonly max_env_step: number
  /** What the numbers are to be held against. */
  readonly reference: string
}

const STUDIES: readonly Study[] = [
  {
    name: 'cartpole_dqn',
    title: "CartPole-v0, DQN with DI-engine's default config",
    config: 'cartpole/cartpole_dqn_config.js',
    seeds: 10,
    max_env_step: 20_000,
    reference:
      'DI-engine itself, same config, 5 seeds, measured on a machine of the same kind: 952, 952, 1016, 1144 and 1208 env steps ' +
      '(median 1016), 560 to 720 updates, 3 to 16 s of CPU time a run.',
  },
]

interface Row {
  readonly seed: number
  readonly result: RunResult
  readonly seconds: number
}

async function runStudy(study: Study): Promise<Row[]> {
  const file = await read_config(
    fileURLToPath(new URL(`../../dist/configs/${study.config}`, import.meta.url)),
  )
  const rows: Row[] = []
  for (let seed = 0; seed < study.seeds; seed++) {
    const work_dir = mkdtempSync(join(tmpdir(), 'ding-learning-'))
    const start = performance.now()
    const result = await serial_pipeline([file.main_config, file.create_config], seed, {
      work_dir,
      console: 'quiet',
      max_env_step: study.max_env_step,
    })
    const seconds = (performance.now() - start) / 1000
    rmSync(work_dir, { recursive: true, force: true })
    rows.push({ seed, result, seconds })
    process.stdout.write(
      `${study.name} seed ${seed}: ${result.stop ? 'PASS' : 'FAIL'} ${result.env_step} env steps, return ${result.eval_value.toFixed(1)}, ${seconds.toFixed(1)} s\n`,
    )
  }
  return rows
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return Number.isInteger(half)
    ? ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
    : (sorted[Math.floor(half)] as number)
}

function report(study: Study, rows: readonly Row[]): string {
  const steps = rows.map(({ result }) => result.env_step)
  const lines = rows.map(
    ({ seed, result, seconds }) =>
      `| ${seed} | ${result.stop ? 'yes' : 'no'} | ${result.env_step} | ${result.train_iter} | ${result.eval_value.toFixed(1)} | ${seconds.toFixed(1)} |`,
  )
  return `# ${study.title}

Made by \`npm run test:learning\`. A run stops at the first evaluation (5 episodes, every 40 updates) whose mean return reaches
the stop value of 195.

| seed | reached 195 | env steps | updates | mean return | seconds |
|---|---|---|---|---|---|
${lines.join('\n')}

${rows.filter(({ result }) => result.stop).length} of ${rows.length} seeds reached it; median ${median(steps)} env steps, ${Math.min(...steps)} to ${Math.max(...steps)}.

${study.reference}
`
}

let failed = 0
let passed = 0
for (const study of STUDIES) {
  const rows = await runStudy(study)
  const reached = rows.filter(({ result }) => result.stop).length
  passed += reached
  failed += rows.length - reached
  writeFileSync(
    fileURLToPath(new URL(`../../docs/results/${study.name}.md`, import.meta.url)),
    report(study, rows),
  )
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
