import type { Cell } from './types.js'

const COLUMNS = 5

/** A number as DI-engine's tables show it: whole numbers as they are, others with six decimals. */
export function formatCell(cell: Cell): string {
  if (typeof cell === 'number') {
    if (Number.isInteger(cell) || !Number.isFinite(cell)) return String(cell)
    return Math.abs(cell) >= 1e-4 ? cell.toFixed(6) : cell.toExponential(4)
  }
  if (Array.isArray(cell)) return `[${cell.map((item: number | string) => formatCell(item)).join(', ')}]`
  return String(cell)
}

/**
 * Names over values in a ruled grid, up to five columns a row.
 *
 *     +-------+------------+
 *     | Name  | cur_lr_avg |
 *     +-------+------------+
 *     | Value | 0.001000   |
 *     +-------+------------+
 */
export function formatTable(row: Readonly<Record<string, Cell>>): string {
  const entries = Object.entries(row).map(([name, cell]): [string, string] => [name, formatCell(cell)])
  const blocks: string[] = []
  for (let i = 0; i < entries.length; i += COLUMNS) {
    const columns: [string, string][] = [['Name', 'Value'], ...entries.slice(i, i + COLUMNS)]
    const widths = columns.map(([name, value]) => Math.max(name.length, value.length))
    const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
    const line = (which: 0 | 1) =>
      `|${columns.map((column, c) => ` ${column[which].padEnd(widths[c]!)} `).join('|')}|`
    blocks.push([rule, line(0), rule, line(1), rule].join('\n'))
  }
  return blocks.join('\n')
}
