import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leavesOf } from '../ding/config/class_schema.js'
import { formatName } from '../ding/config/formats.js'
import {
  baseEnvConfig,
  compile_config,
  type ExplainRow,
  type GroupNode,
  isSchema,
  type RegistryName,
  registries,
  renderMarkdown,
} from '../entry/index.js'

/** The page that {@link configPage} is kept in. */
export const CONFIG_PAGE = join(dirname(fileURLToPath(import.meta.url)), '../docs/reference/config.md')

/** The keys of a schema, each with `prefix` before its path. */
function rowsOf(group: GroupNode, prefix = ''): ExplainRow[] {
  return [...leavesOf(group)].map(([path, leaf]) => ({
    path: prefix + path.join('.'),
    type: formatName(leaf.format, leaf.nullable, leaf.infinity),
    default: leaf.default,
    required: leaf.required,
    doc: leaf.doc,
    value: leaf.default,
    source: 'class default',
  }))
}

/** The rows that `base` does not have, or has with another default, type or meaning. */
function differing(rows: readonly ExplainRow[], base: readonly ExplainRow[]): ExplainRow[] {
  const text = (row: ExplainRow) => renderMarkdown([row])
  const known = new Map(base.map((row) => [row.path, text(row)]))
  return rows.filter((row) => known.get(row.path) !== text(row))
}

function table(rows: readonly ExplainRow[], otherwise: string): string {
  return rows.length === 0 ? `${otherwise}\n` : renderMarkdown(rows)
}

interface Part {
  readonly registry: RegistryName
  readonly title: string
  readonly prefix: string
  readonly intro: string
  /** Keys that all entries share: shown once, and in each entry only what differs. */
  readonly common?: { readonly title: string; readonly group: () => GroupNode }
}

const PARTS: readonly Part[] = [
  {
    registry: 'policy',
    title: 'Policies',
    prefix: 'policy.',
    intro: 'Named by `create_config.policy.type`.',
  },
  {
    registry: 'model',
    title: 'Models',
    prefix: 'policy.model.',
    intro: "Named by `policy.model.type`; without it the policy's default model is built.",
  },
  {
    registry: 'env',
    title: 'Environments',
    prefix: 'env.',
    intro: 'Named by `create_config.env.type`.',
    common: { title: 'Keys of every environment', group: () => baseEnvConfig.root },
  },
  {
    registry: 'env_wrapper',
    title: 'Environment wrappers',
    prefix: '',
    intro:
      'Named in the list `env.env_wrapper`: by name, or as `{type: name, ...keys}`. The first of the list is the innermost.',
  },
  {
    registry: 'env_manager',
    title: 'Environment managers',
    prefix: 'env.manager.',
    intro: 'Named by `create_config.env_manager.type`; `base` without it.',
    common: {
      title: 'Keys of every environment manager',
      group: () => groupOf('env_manager', 'base') as GroupNode,
    },
  },
  {
    registry: 'buffer',
    title: 'Replay buffers',
    prefix: 'policy.other.replay_buffer.',
    intro:
      'Named by `create_config.replay_buffer.type`; `advanced` without it. `priority` and `priority_IS_weight` are filled from the ' +
      'policy where the buffer has them, and the policy may change defaults.',
  },
  {
    registry: 'dataset',
    title: 'Datasets',
    prefix: 'policy.collect.',
    intro:
      'What offline runs learn from (`ding -m serial_offline`). Named by `policy.collect.data_type`; `auto` looks into the file. ' +
      "The keys are the policy's: those that learn offline have them. See [Offline RL from a file you have](../guides/offline_data.md).",
    common: { title: 'Keys of every dataset', group: () => groupOf('dataset', 'auto') as GroupNode },
  },
  {
    registry: 'learner',
    title: 'Learners',
    prefix: 'policy.learn.learner.',
    intro: 'Named by `create_config.learner.type`; `base` without it.',
  },
  {
    registry: 'serial_collector',
    title: 'Collectors',
    prefix: 'policy.collect.collector.',
    intro: 'Named by `create_config.collector.type`; `sample` without it.',
  },
  {
    registry: 'serial_evaluator',
    title: 'Evaluators',
    prefix: 'policy.eval.evaluator.',
    intro: 'Named by `create_config.evaluator.type`; `interaction` without it.',
  },
  {
    registry: 'commander',
    title: 'Commanders',
    prefix: 'policy.other.commander.',
    intro:
      'Who says how the roles of a parallel run work together (`ding -m parallel`). Named by `create_config.commander.type`; `solo` without it. ' +
      'See [From one machine to many](../guides/one_to_many.md).',
  },
  {
    registry: 'exchange',
    title: 'Exchanges',
    prefix: 'policy.other.exchange.',
    intro:
      'What carries chunks, parameters and messages between the roles of a parallel run. Named by `create_config.exchange.type`; `thread` without it. ' +
      'About `nats`: [Across machines, over NATS](../guides/nats.md).',
  },
]

/** The schema of a registered class, undefined when it declares none. */
function groupOf(registry: RegistryName, name: string): GroupNode | undefined {
  const { config } = registries[registry].get(name) as { config?: unknown }
  return isSchema(config) ? config.root : undefined
}

function section({ registry, title, prefix, intro, common }: Part): string[] {
  const lines = [`## ${title}`, '', intro, '']
  const shared = common === undefined ? [] : rowsOf(common.group(), prefix)
  if (common !== undefined) lines.push(`### ${common.title}`, '', renderMarkdown(shared))
  for (const name of registries[registry].query()) {
    const { owner, aliases } = registries[registry].details(name)
    const also = aliases.length === 0 ? '' : `, also \`${aliases.join('`, `')}\``
    lines.push(`### \`${name}\``, '', `Class \`${owner}\`${also}.`, '')
    const group = groupOf(registry, name)
    if (group === undefined) lines.push('Its keys are not described.', '')
    else if (common === undefined) lines.push(table(rowsOf(group, prefix), 'It has no keys.'))
    else lines.push(table(differing(rowsOf(group, prefix), shared), 'The keys above, nothing else.'))
  }
  return lines
}

/** The keys at the top of a config. */
async function topRows(): Promise<ExplainRow[]> {
  const { schema } = await compile_config(
    { policy: { model: { obs_shape: 4, action_shape: 2 } } },
    { env: { type: 'cartpole' }, policy: { type: 'dqn' } },
    { env: {}, save: false, renew_dir: false },
  )
  return rowsOf(schema).filter(({ path }) => !path.includes('.'))
}

/** The page about all keys of all registered classes. */
export async function configPage(): Promise<string> {
  const lines = [
    '# Config reference',
    '',
    'Every key of everything that is registered, with its type, default and meaning. This page is written from the schemas',
    'of the classes by `npx tsx scripts/docs_config.ts`. `npx ding config explain <file or policy>` prints the same for one',
    'config, with the values in force and where each came from. How the parts of a config fit together is told in',
    '[Concepts](../concepts.md#config).',
    '',
    'Types: `unit_interval` is a number from 0 to 1; `shape` is a whole number > 0 or a list of them; `inf` and `null` stand',
    'behind a type that takes infinity or null too; in JSON infinity is written `"inf"`. A list of texts is a choice.',
    '`type` and `import_names` (files or packages to import first) can stand in every section.',
    '',
    '## Top level',
    '',
    renderMarkdown(await topRows()),
    ...PARTS.flatMap(section),
  ]
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(dirname(CONFIG_PAGE), { recursive: true })
  writeFileSync(CONFIG_PAGE, await configPage())
}
