import { UsageError } from './errors.js'
import { didYouMean } from './suggest.js'

/** @throws UsageError naming the option that does not exist, or when the options are no record */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(
      `${where} takes its options as one object, { ${known.slice(0, 2).join(', ')}${known.length > 2 ? ', ...' : ''} }, and was given ${options === null ? 'null' : typeof options}.`,
    )
  }
  const odd = Object.keys(options).find((name) => !known.includes(name))
  if (odd === undefined) return
  throw new UsageError(
    `${where} has no option "${odd}".${didYouMean(odd, known)} The options are: ${known.join(', ')}.`,
  )
}
