import type { ExplainRow } from './explain.js'
import { encodeConfig } from './save.js'

/** A value as a config file would have it; infinities as `inf`. */
function showValue(value: unknown): string {
  if (value === undefined) return '-'
  const encoded = encodeConfig(value)
  return encoded === 'inf' || encoded === '-inf' ? encoded : (JSON.stringify(encoded) ?? String(value))
}

function showDefault(row: ExplainRow): string {
  return row.required ? '(required)' : showValue(row.default)
}

/** Rows as an aligned table of plain text: key, value, type, source, doc; the default where the value is another. */
export function renderText(rows: readonly ExplainRow[]): string {
  const header = ['key', 'value', 'type', 'from', 'what it is']
  const cells = rows.map((row) => {
    const value = showValue(row.value)
    const ordinary = showDefault(row)
    const doc = [row.doc, value === ordinary || row.default === undefined ? '' : `(default ${ordinary})`]
      .filter(Boolean)
      .join(' ')
    const shown = row.required && row.value === undefined ? ordinary : value
    return [row.path, shown, row.type, row.owner ?? row.source, doc]
  })
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)))
  const lines = [header, ...cells].map((line) =>
    line
      .map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(Math.min(widths[i]!, 44))))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** Rows as a Markdown table: key, type, default, doc. For the generated config reference. */
export function renderMarkdown(rows: readonly ExplainRow[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const code = (text: string) => `\`${cell(text).replaceAll('`', "'")}\``
  const lines = rows.map((row) => {
    const ordinary = row.required ? 'required' : code(showDefault(row))
    return `| ${code(row.path)} | ${code(row.type)} | ${ordinary} | ${cell(row.doc)} |`
  })
  return `${['| Key | Type | Default | What it is |', '|---|---|---|---|', ...lines].join('\n')}\n`
}
