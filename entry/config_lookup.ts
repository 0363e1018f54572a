import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { didYouMean, UsageError } from '../ding/utils/index.js'

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

/** The file of the config for an environment and a policy. @throws UsageError naming the configs that there are. */
export function findConfig(env: string | undefined, policy: string | undefined): string {
  if (env === undefined || policy === undefined) {
    throw new UsageError(
      'Which config? Give a file with -c, or an environment and a policy with -e and -p. See ding --help.',
    )
  }
  const configs = shippedConfigs()
  const name = `${env}_${policy}`
  const file = configs.get(name)
  if (file === undefined) {
    throw new UsageError(
      `ding has no config "${name}".${didYouMean(name, configs.keys())} There are: ${[...configs.keys()].sort().join(', ')}.`,
    )
  }
  return file
}
