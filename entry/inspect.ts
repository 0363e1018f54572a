// For what it registers.
import '../ding/index.js'
import { explain, type OverrideEntry, renderText } from '../ding/config/index.js'
import { importNames, type RegistryName, registries } from '../ding/registry/index.js'
import { didYouMean, UsageError } from '../ding/utils/index.js'
import type { PipelineInput } from './compile_input.js'
import { findConfig, shippedConfigs } from './config_lookup.js'

/** What `ding registry [name]` prints: the entries of a registry with where they come from, or the registries. */
export async function registryCommand(name: string | undefined, modules: readonly string[]): Promise<string> {
  await importNames([...modules], process.cwd())
  if (name === undefined) {
    const lines = Object.entries(registries).map(
      ([key, registry]) => `${key.padEnd(22)} ${registry.query().length} registered`,
    )
    return `${lines.join('\n')}\n`
  }
  if (!Object.hasOwn(registries, name)) {
    const known = Object.keys(registries)
    throw new UsageError(
      `There is no registry "${name}".${didYouMean(name, known)} There are: ${known.join(', ')}.`,
    )
  }
  const registry = registries[name as RegistryName]
  const rows = registry.query().map((entry) => {
    const { owner, aliases } = registry.details(entry)
    return [entry, owner, aliases.length === 0 ? '' : `also: ${aliases.join(', ')}`]
  })
  if (rows.length === 0) return `Nothing is registered in "${name}".\n`
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)))
  return `${rows.map(([a, b, c]) => `${(a as string).padEnd(widths[0] as number)}  ${(b as string).padEnd(widths[1] as number)}  ${c}`.trimEnd()).join('\n')}\n`
}

/** A shipped config by its name (`cartpole_dqn`) where it is one; what else a target can be, explain sees to. */
function namedTarget(target: string): PipelineInput {
  return shippedConfigs().get(target) ?? target
}

/** What the help adds for a chosen config, policy or environment: all its keys, with those of the sections that its mode adds. */
export async function keysHelp(
  chosen: { readonly config?: string; readonly env?: string; readonly policy?: string },
  overrides: readonly OverrideEntry[],
  create_defaults: Readonly<Record<string, object>>,
): Promise<string> {
  const { config, env, policy } = chosen
  const both = env !== undefined && policy !== undefined
  const target = both ? (await findConfig(env, policy)).config : (config ?? policy ?? env ?? '')
  const name = both ? `${env} with ${policy}` : String(config ?? policy ?? env)
  return `
Keys of ${name}. Each is a flag too:
  --policy.learn.batch_size 128    a value, read by the type of the key; =128 likewise
  --policy.cuda, --no-policy.cuda  true and false; --no- also switches off paths and what can be null

${renderText(await explain(target, { overrides, create_defaults }))}`
}

/** What `ding config explain TARGET [KEY]` prints: all keys of a config file, a policy or an environment, or those at or below one key. */
export async function explainCommand(
  target: string,
  key: string | undefined,
  overrides: readonly OverrideEntry[],
  modules: readonly string[] = [],
): Promise<string> {
  await importNames([...modules], process.cwd())
  const rows = await explain(namedTarget(target), { overrides })
  if (key === undefined) return `${renderText(rows)}\n`
  const inside = rows.filter(({ path }) => path === key || path.startsWith(`${key}.`))
  const found = inside.length > 0 ? inside : rows.filter(({ path }) => `${path}.`.includes(`.${key}.`))
  if (found.length === 0) {
    const names = new Set(rows.flatMap(({ path }) => [path, path.split('.').at(-1) as string]))
    throw new UsageError(`${target} has no key "${key}".${didYouMean(key, names)}`)
  }
  return `${renderText(found)}\n`
}
