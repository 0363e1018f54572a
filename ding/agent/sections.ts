import mergeWith from 'lodash-es/mergeWith.js'

type Section = Record<string, unknown>

/** Puts layers of config on top of each other into `target`: records merge; lists and scalars replace, and are replaced. */
export function mergeSections(
  target: Section,
  ...layers: readonly (Readonly<Section> | undefined)[]
): Section {
  for (const layer of layers) mergeWith(target, layer, replaceLists)
  return target
}

function replaceLists(old: unknown, value: unknown): unknown {
  return Array.isArray(value) || Array.isArray(old) ? value : undefined
}
