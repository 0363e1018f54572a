// `npm run bench`: measures, prints a table, writes JSON. Give names of groups to run only those.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dqnFigures } from './dqn_bench.js'
import { envFigures } from './env_bench.js'
import { loopFigures } from './loop_bench.js'
import type { Figure } from './measure.js'
import { hostFigures } from './optimizer_bench.js'
import { runPyTorch } from './pytorch.js'

const GROUPS: Readonly<Record<string, () => Promise<Figure[]>>> = { dqn: dqnFigures, host: hostFigures, env: envFigures, loop: loopFigures }

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toString() : value.toPrecision(3)
}

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const unknown = wanted.filter((name) => !(name in GROUPS))
if (unknown.length > 0) {
  process.stderr.write(`There is no group ${unknown.join(', ')}. Groups: ${Object.keys(GROUPS).join(', ')}.\n`)
  process.exit(2)
}
const figures: Figure[] = []
for (const [name, run] of Object.entries(GROUPS)) {
  if (wanted.length === 0 || wanted.includes(name)) figures.push(...(await run()))
}
const pytorch = runPyTorch('dqn.py')
const theirs = 'figures' in pytorch ? pytorch.figures : new Map<string, number>()

const rows = figures.map(({ name, unit, value, min, max }) => {
  const other = theirs.get(name)
  return [name, shown(value), `${shown(min)} - ${shown(max)}`, unit, other === undefined ? '' : shown(other), other === undefined ? '' : (other / value).toFixed(2)]
})
const header = ['what', 'median', 'min - max', 'unit', 'PyTorch', 'times faster']
const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)))
for (const row of [header, ...rows]) process.stdout.write(`${row.map((cell, i) => cell.padEnd(widths[i] as number)).join('  ')}\n`)
const beside = 'figures' in pytorch ? `PyTorch ${pytorch.version}, one thread` : `no PyTorch figures: ${pytorch.missing}`
process.stdout.write(`\n${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.versions.node}; ${beside}\n`)

const at = process.argv.find((arg) => arg.startsWith('--json='))?.slice('--json='.length) ?? 'bench.json'
writeFileSync(at, `${JSON.stringify({ node: process.versions.node, cpu: cpus()[0]?.model, figures, pytorch: Object.fromEntries(theirs) }, null, 2)}\n`)
process.stdout.write(`Written to ${at}.\n`)
