import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeResults } from './cqn_report.js'
import { allRuns, type CqnRun, DATA_FILE } from './cqn_runs.js'
import { judge, summaries } from './cqn_summary.js'
import { mean } from './numbers.js'
import type { Outcome, Study } from './types.js'

/** CQN on AgileRL's data with AgileRL's configurations, against AgileRL's own curves. One criterion a configuration. */
export const cqn: Study = {
  name: 'cqn',
  async run(): Promise<Outcome> {
    const folder =
      process.env['DING_DATA'] ?? fileURLToPath(new URL('../../../shared/data/agilerl', import.meta.url))
    const data = join(folder, DATA_FILE)
    if (!existsSync(data)) {
      process.stdout.write(
        `cqn: skipped, there is no ${data}. It is in AgileRL's repository (data/cartpole); name its folder in DING_DATA.\n`,
      )
      return { passed: 0, failed: 0 }
    }
    const runs: CqnRun[] = []
    for await (const { run, seconds } of allRuns(data)) {
      runs.push(run)
      process.stdout.write(
        `cqn ${run.configuration} ${run.setting} seed ${run.seed}: mean over updates ${mean(run.curve.slice(1)).toFixed(1)}, ` +
          `final ${mean(run.final_returns).toFixed(1)}, ${seconds.toFixed(1)} s\n`,
      )
    }
    writeResults(runs)
    const judged = judge(summaries(runs))
    for (const { configuration, passed } of judged)
      process.stdout.write(`cqn ${configuration}: ${passed ? 'PASS' : 'FAIL'}\n`)
    const passed = judged.filter((one) => one.passed).length
    return { passed, failed: judged.length - passed }
  },
}
