import { nodeAt } from './class_schema.js'
import type { GroupNode } from './schema.js'

/** By policy and by name: paths below `policy`. */
const names = new Map<string, Map<string, Set<string>>>()

/**
 * Lets configs of a policy answer a name that is no key of theirs with the keys that it stands for, such as those of another library.
 * @param policy registered name
 * @param keys dotted paths below `policy`; those that end with the name itself need no such answer
 */
export function nameKeys(policy: string, name: string, keys: readonly string[]): void {
  const others = keys.filter((key) => key.split('.').at(-1) !== name)
  if (others.length === 0) return
  const known = names.get(policy) ?? new Map<string, Set<string>>()
  names.set(policy, known.set(name, new Set([...(known.get(name) ?? []), ...others])))
}

/** The keys of a whole config, as paths, that its policy's users know by this name. */
export function keysNamed(root: GroupNode, name: string): string[] {
  const type = nodeAt(root, ['policy', 'type'])
  const keys = type?.kind === 'leaf' ? names.get(String(type.default))?.get(name) : undefined
  return [...(keys ?? [])]
    .map((key) => `policy.${key}`)
    .filter((path) => nodeAt(root, path.split('.')) !== undefined)
}
