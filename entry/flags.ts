import { UsageError } from '../ding/utils/index.js'

/** `--policy.learn.batch_size`, `--no-policy.learn.with_lagrange`, `--exp_name`: config keys have a dot or an underscore, options neither. */
const FLAG = /^--(no-)?([A-Za-z]\w*(?:[._][^=\s]*)+)(?:=([\s\S]*))?$/
/** What may follow a flag as its value though it begins with a dash. */
const NEGATIVE = /^-(\d|\.\d|inf)/i
/** Stands for the value of a flag that has none. No argument of a process can hold it. */
export const BARE = '\0'
/** Stands for the value of a flag with --no- before it. */
export const OFF = '\0no'

/** Commands that take no keys: what looks like one is an option that they do not have, and they say so themselves. */
const WITHOUT_KEYS = new Set(['registry', 'dataset', 'nats'])

/** Options of ding whose value follows; it is nobody's flag. */
const TAKES_VALUE = new Set([
  '--set',
  '-c',
  '--config',
  '--output',
  '--load-path',
  '--replay-path',
  '--resume',
])

function isValue(token: string | undefined): token is string {
  return token !== undefined && (!token.startsWith('-') || NEGATIVE.test(token))
}

/**
 * The command line with every flag that is a config key turned into `--set key=value`, in its place, so that both go the same way:
 * `--key value`, `--key=value`, `--key` ({@link BARE}, which is true) and `--no-key` ({@link OFF}). What follows `--` is left alone.
 * @param options the options of ding, such as `--train-iter`, which are no keys however they are spelt
 * @throws UsageError for `--no-key=value`, `--exp_name` without a value, and an option with underscores
 */
export function flagsAsOverrides(argv: readonly string[], options: readonly string[] = []): string[] {
  if (WITHOUT_KEYS.has(argv[0] ?? '')) return [...argv]
  const out: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] as string
    if (token === '--') return [...out, ...argv.slice(i)]
    const [, no, key, given] = FLAG.exec(token) ?? []
    if (key === undefined) {
      out.push(token)
      if (TAKES_VALUE.has(token) && i + 1 < argv.length) out.push(argv[++i] as string)
      continue
    }
    if (no !== undefined) {
      if (given !== undefined)
        throw new UsageError(`${token}: --no-${key} takes no value; it switches ${key} off.`)
      out.push('--set', `${key}=${OFF}`)
      continue
    }
    const next = argv[i + 1]
    if (given === undefined && isValue(next)) i++
    const value = given ?? (isValue(next) ? next : undefined)
    const option = `--${key.replaceAll('_', '-')}`
    if (key === 'exp_name') {
      if (value === undefined) throw new UsageError('--exp_name has no value: name the experiment folder.')
      // The option also knows what several seeds make of the name.
      out.push(`--exp-name=${value}`)
    } else if (options.includes(option)) {
      throw new UsageError(
        `--${key}: did you mean the option ${option}? A key of the config has its whole path, such as --policy.load_path.`,
      )
    } else out.push('--set', `${key}=${value ?? BARE}`)
  }
  return out
}
