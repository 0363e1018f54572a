/** Any class or factory function: what a registry holds when its owner has declared nothing narrower. */
export type Buildable = (abstract new (...args: never[]) => unknown) | ((...args: never[]) => unknown)

/**
 * What each global registry holds, by registry name. Folders that own a role declare it by augmentation:
 *
 *     declare module '../registry/index.js' {
 *       interface RegistryTypes { policy: PolicyClass }
 *     }
 *
 * after which `POLICY_REGISTRY.get(name)` is a `PolicyClass` and `build` has its constructor's arguments.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface RegistryTypes {}

/** The declared type of a global registry's entries, else {@link Buildable}. */
export type Registered<K extends string> = K extends keyof RegistryTypes ? RegistryTypes[K] : Buildable

type ArgumentsOf<T> = T extends abstract new (
  ...args: infer A
) => unknown
  ? A
  : T extends (...args: infer A) => unknown
    ? A
    : unknown[]

/** Arguments that `build` takes for entries of type T; anything when T does not say. */
export type BuildArguments<T> = never[] extends ArgumentsOf<T> ? unknown[] : ArgumentsOf<T>

/** What `build` returns for entries of type T. */
export type Built<T> = T extends abstract new (
  ...args: never[]
) => infer R
  ? R
  : T extends (...args: never[]) => infer R
    ? R
    : unknown
