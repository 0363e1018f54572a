// `npm run bench`: measures, prints a table, writes JSON. Give names of groups to run only those.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { bcqFigures } from './bcq_bench.js'
import { cqlFigures } from './cql_bench.js'
import { cqnFigures } from './cqn_bench.js'
import { crossqFigures } from './crossq_bench.js'
import { dataFigures } from './data_bench.js'
import { dqnFigures } from './dqn_bench.js'
import { envFigures } from './env_bench.js'
import { loopFigures } from './loop_bench.js'
import type { Figure } from './measure.js'
import { mujocoFigures } from './mujoco_bench.js'
import { natsFigures } from './nats_bench.js'
import { hostFigures } from './optimizer_bench.js'
import { parallelFigures } from './parallel_bench.js'
import { parallelLoopFigures } from './parallel_loop_bench.js'
import { profileFigures } from './profile_bench.js'
import { type PyTorchFigure, runPyTorch } from './pytorch.js'
import { redqFigures } from './redq_bench.js'
import { sacFigures } from './sac_bench.js'

interface Group {
  readonly run: () => Promise<Figure[]>
  /** The script of benchmarks/pytorch with the same figures. */
  readonly pytorch?: string
  /** Takes so long that it is run only when it is named. */
  readonly on_demand?: boolean
}

const GROUPS: Readonly<Record<string, Group>> = {
  dqn: { run: dqnFigures, pytorch: 'dqn.py' },
  cqn: { run: cqnFigures, pytorch: 'cqn.py' },
  sac: { run: sacFigures, pytorch: 'sac.py' },
  crossq: { run: crossqFigures, pytorch: 'crossq.py' },
  redq: { run: redqFigures, pytorch: 'redq.py' },
  cql: { run: cqlFigures, pytorch: 'cql.py' },
  bcq: { run: bcqFigures, pytorch: 'bcq.py' },
  data: { run: dataFigures, pytorch: 'data.py' },
  host: { run: hostFigures, pytorch: 'dqn.py' },
  env: { run: envFigures },
  mujoco: { run: mujocoFigures },
  loop: { run: loopFigures },
  profile: { run: profileFigures },
  parallel: { run: parallelFigures },
  parallel_loop: { run: parallelLoopFigures, on_demand: true },
  nats: { run: natsFigures },
}

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toString() : value.toPrecision(3)
}

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string', default: 'bench.json' }, markdown: { type: 'string' } },
})
const unknown = wanted.filter((name) => !(name in GROUPS))
if (unknown.length > 0) {
  process.stderr.write(
    `There is no group ${unknown.join(', ')}. Groups: ${Object.keys(GROUPS).join(', ')}.\n`,
  )
  process.exit(2)
}
const groups = Object.entries(GROUPS).filter(([name, { on_demand = false }]) =>
  wanted.length === 0 ? !on_demand : wanted.includes(name),
)
const figures: Figure[] = []
const theirs = new Map<string, PyTorchFigure>()
const notes = new Set<string>()
const failed: string[] = []
for (const [, { run, pytorch: script }] of groups) {
  figures.push(...(await run()))
  if (script === undefined) continue
  // Right after ours, so that both see the same machine.
  const result = runPyTorch(script)
  if ('figures' in result) for (const [name, value] of result.figures) theirs.set(name, value)
  else failed.push(script)
  notes.add('figures' in result ? result.about : `no PyTorch figures of ${script}: ${result.missing}`)
}

const rows = figures.map(({ name, unit, value, min, max }) => {
  const { value: original, lean } = theirs.get(name) ?? {}
  const beside = (other: number | undefined): string[] =>
    other === undefined
      ? ['', '']
      : [shown(other), (unit === 'per second' ? value / other : other / value).toFixed(2)]
  return [name, shown(value), `${shown(min)} - ${shown(max)}`, unit, ...beside(original), ...beside(lean)]
})
const header = [
  'what',
  'median',
  'min - max',
  'unit',
  'PyTorch',
  'times faster',
  'lean PyTorch',
  'times faster',
]
const widths = header.map((title, i) =>
  Math.max(title.length, ...rows.map((row) => (row[i] as string).length)),
)
for (const row of [header, ...rows])
  process.stdout.write(`${row.map((cell, i) => cell.padEnd(widths[i] as number)).join('  ')}\n`)
process.stdout.write(
  `\n${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.versions.node}\n${[...notes].map((note) => `${note}\n`).join('')}`,
)

const page = options.markdown
if (page !== undefined) {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const about = [
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.versions.node}`,
    ...notes,
  ]
  writeFileSync(
    page,
    `# Benchmarks

Made by \`npm run bench -- --markdown=docs/results/benchmarks.md\`: medians of several repetitions in one run on one machine, one thread.
\`PyTorch\` is the figure of our own script in \`benchmarks/pytorch\`, run right after, which does what the original library does; \`lean PyTorch\`
that of the same script without the work whose results nothing reads, where there is such work. Compare the ratios, not the absolute times: the
machine is shared.

${line(header)}
${line(header.map(() => '---'))}
${rows.map(line).join('\n')}

${about.map((note) => `* ${note}`).join('\n')}
`,
  )
}

const at = options.json
writeFileSync(
  at,
  `${JSON.stringify({ node: process.versions.node, cpu: cpus()[0]?.model, notes: [...notes], figures, pytorch: Object.fromEntries(theirs) }, null, 2)}\n`,
)
process.stdout.write(`Written to ${at}.\n`)
if (page !== undefined && failed.length > 0) {
  process.stderr.write(`${page} has empty cells: ${failed.join(', ')} gave no figures.\n`)
  process.exitCode = 1
}
