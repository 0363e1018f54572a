// Writes docs/results/cqn.md, cqn.json and the plots from the runs of the cqn study.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findings } from './cqn_findings.js'
import {
  ADDED,
  CONFIGURATIONS,
  type CqnRun,
  DATA_FILE,
  EVAL_EPISODES,
  EVAL_FREQ,
  FINAL_EPISODES,
  MORE_SEEDS,
  PLANNED,
  SEEDS,
} from './cqn_runs.js'
import {
  compare,
  judge,
  MAKERS,
  type Maker,
  pick,
  REFERENCE,
  type Summary,
  summaries,
} from './cqn_summary.js'
import { deviation, mean } from './numbers.js'
import { linePlot } from './plot.js'

/** How each maker is named, and drawn if it is. */
const LOOKS: Record<Maker, { label: string; line?: { colour: string; dashed?: boolean }; band?: boolean }> = {
  agilerl: { label: 'AgileRL', line: { colour: '#d55e00' }, band: true },
  dataset: { label: "ding, 'dataset'", line: { colour: '#0072b2' }, band: true },
  mean: { label: "ding, 'mean'", line: { colour: '#009e73' } },
  agilerl_compat: { label: 'ding, AgileRL to the letter', line: { colour: '#7f7f7f', dashed: true } },
  dataset_alpha: { label: "ding, 'dataset', cql_alpha 0.1" },
  dataset_theta: { label: "ding, 'dataset', target_theta 0.01" },
}

function plotOf(all: readonly Summary[], { name, title, updates }: (typeof CONFIGURATIONS)[number]): string {
  return linePlot({
    title: `CQN on CartPole-v1, ${title}: mean over seeds, bands one standard deviation`,
    x_label: 'updates',
    y_label: `mean return of ${EVAL_EPISODES} episodes`,
    x: Array.from({ length: updates / EVAL_FREQ + 1 }, (_, i) => i * EVAL_FREQ),
    y_max: 500,
    series: MAKERS.flatMap((maker) => {
      const { label, line, band } = LOOKS[maker]
      if (line === undefined) return []
      const { mean: middle, deviation: width } = pick(all, name, maker).curve
      const edge = (sign: number) => middle.map((value, i) => value + sign * (width[i] as number))
      return {
        name: label,
        ...line,
        mean: middle,
        ...(band === true ? { low: edge(-1), high: edge(1) } : {}),
      }
    }),
  })
}

function spread(values: readonly number[]): string {
  return `${mean(values).toFixed(1)} ± ${deviation(values).toFixed(1)}`
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(1)}`
}

function comparison(ours: Summary, theirs: Summary, key: 'over_updates' | 'final'): string {
  if (ours.maker === 'agilerl') return ''
  const { difference, error, verdict } = compare(ours[key], theirs[key])
  return `${verdict} (${signed(difference)} ± ${error.toFixed(1)})`
}

function tableRow(all: readonly Summary[], one: Summary, title: string): string {
  const theirs = pick(all, one.configuration, 'agilerl')
  const cells = [
    title,
    LOOKS[one.maker].label,
    String(one.final.length),
    spread(one.over_updates),
    comparison(one, theirs, 'over_updates'),
    spread(one.best),
    spread(one.last),
    spread(one.final),
    comparison(one, theirs, 'final'),
    mean(one.q).toFixed(1),
  ]
  return `| ${cells.join(' | ')} |`
}

function table(all: readonly Summary[], makers: readonly Maker[]): string {
  const rows = CONFIGURATIONS.flatMap(({ name, title }) =>
    makers.map((maker) => tableRow(all, pick(all, name, maker), title)),
  )
  return `| configuration | who | seeds | mean over updates | against AgileRL | best evaluation | last evaluation | final ${FINAL_EPISODES} episodes | against AgileRL | Q at the end |
|---|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}`
}

/** What became of the criterion in one configuration, and how AgileRL's own term does there. */
function verdictOn(all: readonly Summary[], name: string, title: string, passed: boolean): string {
  const against = (maker: Maker, key: 'over_updates' | 'final') =>
    comparison(pick(all, name, maker), pick(all, name, 'agilerl'), key)
  return (
    `* **${title}**: the criterion ${passed ? 'holds' : 'does **not** hold'}: 'dataset' is ` +
    `${against('dataset', 'over_updates')}; in the final ${FINAL_EPISODES} episodes ${against('dataset', 'final')}. ` +
    `'mean' is ${against('mean', 'over_updates')}, and ${against('mean', 'final')}.`
  )
}

/** The page. What it says about ahead and behind follows from the numbers. */
export function page(runs: readonly CqnRun[]): string {
  const all = summaries(runs)
  const judged = judge(all)
  const verdicts = CONFIGURATIONS.map(({ name, title }, i) =>
    verdictOn(all, name, title, judged[i]?.passed === true),
  )
  const plots = CONFIGURATIONS.map(({ name, title }) => `![${title}](cqn_${name}.svg)`)
  return `# CQN on AgileRL's CartPole data

Made by \`npm run test:learning -- cqn\` (data: \`${DATA_FILE}\` of AgileRL's repository, in the folder that \`DING_DATA\` names).
All numbers: [cqn.json](cqn.json); AgileRL's are in \`tests/learning/cqn_agilerl.json\`, measured with ${REFERENCE}.

AgileRL's three configurations of CQN, each trained with \`serial_pipeline_offline\` for as many updates as AgileRL's own runs:
${CONFIGURATIONS.map(({ title, updates }) => `${title} ${updates}`).join(', ')}. No run stops early. Every ${EVAL_FREQ} updates ${EVAL_EPISODES} greedy episodes of CartPole-v1 (at
most 500 steps), at the end ${FINAL_EPISODES} others. Ours: seeds ${SEEDS.join(', ')}. AgileRL: seeds 0, 1, 2. Seeds and criterion were fixed before
any result was seen, and nothing was run twice to choose from.

* **AgileRL**: its term (the mean over all actions stands where the data's action belongs), its reading of the flags (the last two
  rows of every episode count as terminal), and a buffer that keeps the last 10000 of 99998 transitions (cqn.yaml: all of them).
* **ding, 'dataset'** (our default): the paper's term, the flags read as what they mean, all data.
* **ding, 'mean'**: AgileRL's term, the flags read as what they mean, all data.
* **ding, AgileRL to the letter**: a control. AgileRL's term, flags (\`agilerl_compat\`), buffer (\`max_transitions\`) and sampling.

Network, learning rate, batch, tau and gradient clipping are AgileRL's everywhere.

${table(all, ['agilerl', ...PLANNED])}

Each number is a mean over seeds ± the standard deviation between seeds. "Mean over updates" is the mean of a run's evaluations but
the one of the untrained network, "best" the highest of them. Differences are given ± their standard error; ahead and behind mean by
more than that. Q is the mean action value of the last batches (AgileRL: the mean of each row's largest).

## Verdict

The criterion: with 'dataset', the mean over updates is at least AgileRL's less one standard error of the difference, in each
configuration.

${verdicts.join('\n')}

${plots.join('\n\n')}

${findings(summaries(runs, [...SEEDS, ...MORE_SEEDS]), table(all, ['agilerl', ...ADDED]))}`
}

const LINE = 110

/**
 * JSON as the formatter wants it: a list of numbers on one line where it fits, else on as many as it needs.
 * @param start of the line that the value begins on, if it is not the indentation alone
 */
export function asJson(value: unknown, indent = '', start = indent): string {
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === 'number')) return numberList(value, indent, start)
    return `[\n${value.map((item) => inner + asJson(item, inner)).join(',\n')}\n${indent}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => {
    const name = `${inner}${JSON.stringify(key)}: `
    return name + asJson(item, inner, name)
  })
  return `{\n${entries.join(',\n')}\n${indent}}`
}

function numberList(values: readonly number[], indent: string, start: string): string {
  const whole = `[${values.join(', ')}]`
  // With a comma behind it.
  if (start.length + whole.length + 1 <= LINE) return whole
  const lines: string[] = []
  let line = ''
  values.forEach((value, i) => {
    const text = i < values.length - 1 ? `${value},` : String(value)
    const longer = line === '' ? text : `${line} ${text}`
    if (indent.length + 2 + longer.length > LINE) {
      lines.push(line)
      line = text
    } else line = longer
  })
  return `[\n${[...lines, line].map((text) => `${indent}  ${text}\n`).join('')}${indent}]`
}

/** Writes everything below docs/results. */
export function writeResults(runs: readonly CqnRun[]): void {
  const write = (name: string, text: string) =>
    writeFileSync(fileURLToPath(new URL(`../../docs/results/${name}`, import.meta.url)), text)
  const all = summaries(runs)
  write('cqn.md', page(runs))
  write('cqn.json', `${asJson({ data: DATA_FILE, evaluated_every: EVAL_FREQ, runs })}\n`)
  for (const configuration of CONFIGURATIONS)
    write(`cqn_${configuration.name}.svg`, plotOf(all, configuration))
}
