import { isSchema, resolveConfig } from '../config/index.js'

/**
 * Keyword arguments of a model or wrapper class: with its defaults filled in, validated. A class without a schema gets them as they are.
 * @param where names the arguments in messages
 * @throws ConfigError listing every unknown key, missing key and value of the wrong format
 */
export function fillArguments(
  source: unknown,
  given: Readonly<Record<string, unknown>>,
  where: string,
): Record<string, unknown> {
  return isSchema(source) ? (resolveConfig(source, given, where) as Record<string, unknown>) : { ...given }
}
