/** One curve of a plot: its points' means and, if given, a band around them. */
export interface Series {
  readonly name: string
  readonly colour: string
  readonly mean: readonly number[]
  readonly low?: readonly number[]
  readonly high?: readonly number[]
  readonly dashed?: boolean
}

export interface Plot {
  readonly title: string
  readonly x_label: string
  readonly y_label: string
  /** The x of every series' points, ascending. */
  readonly x: readonly number[]
  readonly series: readonly Series[]
  /** The y axis reaches from here (0) ... */
  readonly y_min?: number
  /** ... to here. */
  readonly y_max: number
}

const WIDTH = 760
const HEIGHT = 440
const LEFT = 60
const RIGHT = 18
const TOP = 40
const LEGEND_LINE = 20
const BOTTOM = 50
const TICKS = 5

/** A line plot with bands, as the text of an SVG file. @throws Error when a series has not one point per x */
export function linePlot(plot: Plot): string {
  const { x, series, y_min = 0, y_max } = plot
  for (const { name, mean, low = mean, high = mean } of series) {
    if ([mean, low, high].some((values) => values.length !== x.length))
      throw new Error(`The series "${name}" must have ${x.length} points, one for each x.`)
  }
  const x_max = x.at(-1) ?? 1
  const bottom = HEIGHT - BOTTOM
  const across = (value: number) => LEFT + (value / x_max) * (WIDTH - LEFT - RIGHT)
  const up = (value: number) =>
    bottom - ((Math.min(Math.max(value, y_min), y_max) - y_min) / (y_max - y_min)) * (bottom - TOP)
  const point = (values: readonly number[]) => (i: number) =>
    `${across(x[i] as number).toFixed(1)},${up(values[i] as number).toFixed(1)}`
  const indices = x.map((_, i) => i)

  const bands = series.flatMap(({ low, high, colour }) => {
    if (low === undefined || high === undefined) return []
    const outline = [...indices.map(point(high)), ...indices.map(point(low)).reverse()]
    return [`<polygon points="${outline.join(' ')}" fill="${colour}" fill-opacity="0.13"/>`]
  })
  const lines = series.map(
    ({ mean, colour, dashed }) =>
      `<polyline points="${indices.map(point(mean)).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"` +
      `${dashed === true ? ' stroke-dasharray="5 4"' : ''}/>`,
  )
  const height = HEIGHT + LEGEND_LINE * Math.ceil(series.length / 2)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="bold">${escaped(plot.title)}</text>`,
    ...axes(plot, { x_max, across, up, bottom }),
    ...bands,
    ...lines,
    ...legend(series),
    '</svg>',
  ].join('\n')}\n`
}

interface Scale {
  readonly x_max: number
  readonly across: (value: number) => number
  readonly up: (value: number) => number
  readonly bottom: number
}

function axes({ x_label, y_label, y_min = 0, y_max }: Plot, { x_max, across, up, bottom }: Scale): string[] {
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS)
  return [
    ...ticks.flatMap((part) => {
      const value = y_min + part * (y_max - y_min)
      const y = up(value).toFixed(1)
      return [
        `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="#ddd"/>`,
        `<text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${label(value)}</text>`,
        `<text x="${across(part * x_max).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${label(part * x_max)}</text>`,
      ]
    }),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(x_label)}</text>`,
    `<text transform="translate(16 ${(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y_label)}</text>`,
  ]
}

/** Two names a line, below the plot. */
function legend(series: readonly Series[]): string[] {
  return series.flatMap(({ name, colour, dashed }, i) => {
    const x = LEFT + (i % 2) * ((WIDTH - LEFT) / 2)
    const y = HEIGHT + LEGEND_LINE * Math.floor(i / 2) + 6
    const dashes = dashed === true ? ' stroke-dasharray="5 4"' : ''
    return [
      `<line x1="${x}" y1="${y}" x2="${x + 24}" y2="${y}" stroke="${colour}" stroke-width="2.5"${dashes}/>`,
      `<text x="${x + 32}" y="${y}" dy="4">${escaped(name)}</text>`,
    ]
  })
}

function label(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
