import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { importFile } from '../registry/index.js'
import { ConfigError, kindOf } from '../utils/index.js'
import { isRecord } from './formats.js'
import { decodeConfig, type GivenLimits } from './save.js'

/** What a config file says. */
export interface ConfigFile {
  readonly main_config: Record<string, unknown>
  readonly create_config: Record<string, unknown>
  /** Those of the run whose total_config.json this is, where it had any. */
  readonly limits?: GivenLimits
  /** Absolute path of the file. */
  readonly path: string
  /** Its folder, from which relative `import_names` start. */
  readonly base_dir: string
}

const MODULES = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'])
const HOW =
  'Export main_config and create_config (by name, or both in a default export: [main_config, create_config] or an object of the two).'

/**
 * Reads a config file: a TypeScript or JavaScript module, JSON (also a run's total_config.json) or YAML.
 * @throws ConfigError telling what is missing, with the cause when the file cannot be read or evaluated.
 */
export async function read_config(path: string): Promise<ConfigFile> {
  const absolute = resolve(path)
  if (statSync(absolute, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new ConfigError(`Config file ${path}: there is no such file (looked for ${absolute}).`)
  }
  const content = await readContent(absolute)
  const limits = limitsIn(content)
  return {
    ...extract(content, path),
    ...(limits === undefined ? {} : { limits }),
    path: absolute,
    base_dir: dirname(absolute),
  }
}

/** The limits in a total_config.json. */
function limitsIn(content: unknown): GivenLimits | undefined {
  const limits = isRecord(content) ? content['limits'] : undefined
  if (!isRecord(limits)) return undefined
  const { max_train_iter, max_env_step } = limits
  return {
    ...(typeof max_train_iter === 'number' ? { max_train_iter } : {}),
    ...(typeof max_env_step === 'number' ? { max_env_step } : {}),
  }
}

async function readContent(path: string): Promise<unknown> {
  const extension = extname(path).toLowerCase()
  try {
    if (MODULES.has(extension)) return await importFile(path)
    if (extension === '.json') return decodeConfig(JSON.parse(readFileSync(path, 'utf8')))
    if (extension === '.yaml' || extension === '.yml') return await parseYaml(readFileSync(path, 'utf8'))
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(`Config file ${path} cannot be loaded: ${reasonOf(cause, path)}`, { cause })
  }
  const hint = extension === '.py' ? ' Write its two dicts as a .ts, .js, .json or .yaml file.' : ''
  throw new ConfigError(
    `Config file ${path}: files of type "${extension}" are not read; use .ts, .js, .mjs, .json or .yaml.${hint}`,
  )
}

/** What an error says, with the line of the file that it is about where that can be found. */
function reasonOf(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error)
  const { message, stack = '' } = error
  if (message.includes(`${path}:`) || /\bline \d/.test(message)) return message
  const position = /at position (\d+)/.exec(message)?.[1]
  if (position !== undefined && extname(path).toLowerCase() === '.json') {
    return `${message} (line ${readFileSync(path, 'utf8').slice(0, Number(position)).split('\n').length})`
  }
  const line = error instanceof SyntaxError ? syntaxErrorLine(path, message) : lineIn(stack, path)
  return line === undefined ? message : `${message} (line ${line})`
}

/** The line after the first mention of a file. */
function lineIn(text: string, path: string): string | undefined {
  return text.split(`${path}:`)[1]?.match(/^\d+/)?.[0]
}

/** The line of a syntax error. V8 tells it only when a process dies of the error, so one does. */
function syntaxErrorLine(path: string, message: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' })
  return stderr.includes(message) ? lineIn(stderr, path) : undefined
}

/** The `yaml` package is optional. */
async function parseYaml(text: string): Promise<unknown> {
  const name = 'yaml'
  let yaml: { parse(text: string, options: { merge: boolean }): unknown }
  try {
    yaml = (await import(name)) as typeof yaml
  } catch (cause) {
    throw new ConfigError(
      'YAML configs need the package "yaml": install it, or write the config as .ts, .js or .json.',
      { cause },
    )
  }
  // Keys << bring those of another record along, as in YAML 1.1.
  return yaml.parse(text, { merge: true })
}

function extract(content: unknown, path: string): Pick<ConfigFile, 'main_config' | 'create_config'> {
  const found = pair(content) ?? (isRecord(content) ? pair(content['default']) : undefined)
  if (found === undefined) {
    const seen = isRecord(content)
      ? `exports ${Object.keys(content).join(', ') || 'nothing'}`
      : `holds ${kindOf(content)}`
    throw new ConfigError(`Config file ${path} ${seen}. ${HOW}`)
  }
  const [main_config, create_config] = found
  for (const [name, part] of [
    ['main_config', main_config],
    ['create_config', create_config],
  ] as const) {
    if (part === undefined)
      throw new ConfigError(`Config file ${path} has no ${name}. ${HOW}`, { path: name })
    if (!isRecord(part)) {
      throw new ConfigError(`Config file ${path}: ${name} is ${kindOf(part)}, expected an object.`, {
        path: name,
      })
    }
  }
  return {
    main_config: main_config as ConfigFile['main_config'],
    create_config: create_config as ConfigFile['create_config'],
  }
}

function pair(content: unknown): [unknown, unknown] | undefined {
  if (Array.isArray(content) && content.length === 2) return [content[0], content[1]]
  if (!isRecord(content) || !('main_config' in content || 'create_config' in content)) return undefined
  return [content['main_config'], content['create_config']]
}
