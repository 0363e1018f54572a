import { UsageError } from '../utils/index.js'

/** Hidden widths of both networks, or of each. */
export type NetArch = readonly number[] | { readonly pi: readonly number[]; readonly qf: readonly number[] }

const isWidths = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((width) => Number.isSafeInteger(width) && width > 0)

/** Format of `net_arch` in model configs. @throws Error saying what is wrong, which the config's validation passes on */
export function net_arch(value: unknown): value is NetArch {
  if (isWidths(value)) return true
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { pi, qf, ...others } = value as Record<string, unknown>
    if (isWidths(pi) && isWidths(qf) && Object.keys(others).length === 0) return true
  }
  throw new UsageError('Give the hidden widths as a list, or {pi: [...], qf: [...]} for actor and critics.')
}

/** Hidden widths by network. */
export function archOf(arch: NetArch): { readonly pi: readonly number[]; readonly qf: readonly number[] } {
  return 'pi' in arch ? arch : { pi: arch, qf: arch }
}
