import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ConfigPair } from '../ding/config/index.js'
import { importFile } from '../ding/registry/index.js'
import { didYouMean, UsageError } from '../ding/utils/index.js'
import type { PipelineInput } from './compile_input.js'

const folder = fileURLToPath(new URL('../configs/', import.meta.url))
const CONFIG_FILE = /^(.+)_config\.(js|ts)$/

/** The configs that come with ding: `<env>_<policy>` -> file. */
export function shippedConfigs(): Map<string, string> {
  const found = new Map<string, string>()
  for (const env of readdirSync(folder, { withFileTypes: true })) {
    if (!env.isDirectory()) continue
    for (const file of readdirSync(join(folder, env.name))) {
      const match = CONFIG_FILE.exec(file)
      if (match?.[1] !== undefined && !file.endsWith('.d.ts'))
        found.set(match[1], join(folder, env.name, file))
    }
  }
  return found
}

/** What configs/d4rl exports. */
interface D4rlConfigs {
  readonly D4RL_TASKS: ReadonlyMap<string, unknown>
  d4rl_configs(): { policy: string; task: string }[]
  d4rl_config(policy: string, task: string): ConfigPair
  d4rl_train_iter(policy: string): number | undefined
}

/** The table of D4RL configs, which is loaded only where it is asked for. */
async function d4rl(): Promise<D4rlConfigs> {
  const path = ['index.js', 'index.ts']
    .map((name) => join(folder, 'd4rl', name))
    .find((file) => existsSync(file))
  return (await importFile(path as string)) as unknown as D4rlConfigs
}

/** A config that comes with ding. */
export interface FoundConfig {
  readonly config: PipelineInput
  /** Learns from a dataset, whose run has a length of its own. */
  readonly offline?: { readonly train_iter?: number }
}

/** The config for an environment (or a dataset of D4RL) and a policy. @throws UsageError naming the nearest ones that there are. */
export async function findConfig(env: string | undefined, policy: string | undefined): Promise<FoundConfig> {
  if (env === undefined || policy === undefined) {
    throw new UsageError(
      'Which config? Give a file with -c, or an environment and a policy with -e and -p. See ding --help.',
    )
  }
  const configs = shippedConfigs()
  const name = `${env}_${policy}`
  const file = configs.get(name)
  if (file !== undefined) return { config: file }
  const table = await d4rl()
  if (table.D4RL_TASKS.has(env)) {
    const train_iter = table.d4rl_train_iter(policy)
    const config = table.d4rl_config(policy, env)
    return { config, offline: train_iter === undefined ? {} : { train_iter } }
  }
  const known = [...configs.keys(), ...table.d4rl_configs().map((row) => `${row.task}_${row.policy}`)]
  throw new UsageError(
    `ding has no config "${name}".${didYouMean(name, known)} See ding config list. Of environments there are: ${[...configs.keys()].sort().join(', ')}.`,
  )
}

/** What `ding config list` prints: what -e and -p take. */
export async function configListCommand(): Promise<string> {
  const rows = new Map<string, string[]>()
  for (const { policy, task } of (await d4rl()).d4rl_configs()) {
    const policies = rows.get(task) ?? []
    rows.set(task, [...policies, policy])
  }
  const width = Math.max(...[...rows.keys()].map((task) => task.length))
  const lines = [...rows].map(([task, policies]) => `  ${task.padEnd(width)}  ${policies.join(', ')}`)
  const files = [...shippedConfigs().keys()].sort().map((name) => `  ${name}`)
  return [
    'Configs that come with ding, <env>_<policy>: ding -e <env> -p <policy>',
    ...files,
    '',
    'Datasets of D4RL, with the policies that there are published settings of: ding -m serial_offline -e <dataset> -p <policy>',
    ...lines,
    '',
  ].join('\n')
}
