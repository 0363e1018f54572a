import { ConfigError, didYouMean } from '../utils/index.js'
import { POLICY_FIELDS, type PolicyField } from './types.js'

/** The modes that are wanted, in the order in which they are initialised. @throws ConfigError for one that there is not */
export function enabledFields(wanted: readonly string[] = POLICY_FIELDS): PolicyField[] {
  const known: readonly string[] = POLICY_FIELDS
  const unknown = wanted.find((field) => !known.includes(field))
  if (unknown !== undefined) {
    throw new ConfigError(
      `enable_field has ${JSON.stringify(unknown)}.${didYouMean(String(unknown), known)} The fields are: ${known.join(', ')}.`,
    )
  }
  return POLICY_FIELDS.filter((field) => wanted.includes(field))
}
